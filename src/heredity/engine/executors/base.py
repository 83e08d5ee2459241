"""The interface of an executor: start an attempt, stop it, and hear what happened to it."""

from __future__ import annotations

from typing import Protocol

from heredity.engine.trials import Emit, TrialOrder
from heredity.ids import TrialId


class Executor(Protocol):
    """Runs attempts, each apart from the others as far as the place allows.

    **Events.** Everything that happens to an attempt goes to the `emit` that the executor was opened with,
    from the thread that calls `wait`, in the order in which it happened, and ends with exactly one of
    `TrialCompleted`, `TrialStoppedEarly`, `TrialFailed` and `TrialLost`. A worker that vanishes is reported,
    never forgotten. What `emit` answers to a `TrialReported` reaches the attempt before its `report` returns,
    if the order says that it is watched.

    **Threads.** All methods are called from one thread.
    """

    def open(self, emit: Emit) -> None:
        """Make ready, and check that the trial function can be loaded.

        Raises:
            ConfigError: It cannot; nothing was started.
        """
        ...

    def start(self, order: TrialOrder) -> None:
        """Begin an attempt; returns at once."""
        ...

    def stop(self, trial: TrialId, attempt: int, *, at_once: bool) -> None:
        """End an attempt: in order, so that its own clean-up runs, or at once. Unknown ones are ignored."""
        ...

    def wait(self, timeout_seconds: float) -> None:
        """Emit what has happened; return after the first news, or when the time is over."""
        ...

    def close(self) -> None:
        """End all that still runs, at once, and let go of everything."""
        ...
