"""The interface of an executor: start an attempt, stop it, and hear what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from heredity.engine.trials import Emit, TrialOrder
from heredity.experiment import events as happened
from heredity.ids import TrialId

Limit = Literal["time", "memory", "log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a kind of executor can do beyond the contract that all keep."""

    isolates: bool
    """Whether an attempt that kills its process harms no other, and whether a running one can be stopped."""
    runs_side_by_side: bool
    """Whether several attempts run at the same time."""
    limits: frozenset[Limit]
    """What it can hold an attempt to."""


class Executor(Protocol):
    """Runs attempts, each apart from the others as far as the place allows.

    **Events.** Everything that happens to an attempt goes to the `emit` that the executor was opened with,
    from the thread that calls `wait`, in the order in which it happened, and ends with exactly one of
    `TrialCompleted`, `TrialStoppedEarly`, `TrialFailed` and `TrialLost`. A worker that vanishes is reported,
    never forgotten. What `emit` answers to a `TrialReported` reaches the attempt before its `report` returns,
    if the order says that it is watched.

    **Threads.** All methods are called from one thread.

    `heredity.testing.executor_suite` has all of this as tests.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def open(self, emit: Emit) -> None:
        """Make ready, and check that the trial function can be loaded.

        Raises:
            ConfigError: It cannot; nothing was started.
        """
        ...

    def reach(self, *, store_url: str, directory: str) -> None:
        """Check that attempts will find the experiment's store, wherever they run. Both are there already.

        Raises:
            ConfigError: Some of them would not; the message names the machine.
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


LAST_EVENTS = (
    happened.TrialCompleted,
    happened.TrialStoppedEarly,
    happened.TrialFailed,
    happened.TrialLost,
)
"""With one of these, and no other, an attempt is over."""


def not_open(event: happened.AttemptEvent) -> bool:
    """Stand in for `emit` until the executor is opened."""
    raise AssertionError(f"the executor is not open: {event}")
