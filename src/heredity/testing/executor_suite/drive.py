"""Plays the engine's part before an executor: gives orders, and keeps all events."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from heredity.engine.executors import Executor
from heredity.engine.executors.base import LAST_EVENTS
from heredity.engine.trials import TrialOrder
from heredity.experiment import events as happened
from heredity.ids import CheckpointKey, ExperimentId, TrialId
from heredity.store import open_store

PATIENCE_SECONDS = 120.0
"""An executor that has shown nothing for so long will not."""


class Drive:
    """An executor, opened on a directory, and all that it has emitted.

    Args:
        executor: Just made.
        directory: Empty.
        should_stop: What to answer to an event.
    """

    def __init__(
        self,
        executor: Executor,
        directory: Path,
        *,
        should_stop: Callable[[happened.AttemptEvent], bool] = lambda _: False,
    ) -> None:
        self.executor = executor
        self.directory = directory
        self.events: list[happened.AttemptEvent] = []
        self._should_stop = should_stop
        self.store_url = str(directory / "store")
        self.store = open_store(self.store_url)
        executor.open(self._take)
        executor.reach(store_url=self.store_url, directory=str(directory))

    def _take(self, event: happened.AttemptEvent) -> bool:
        self.events.append(event)
        return self._should_stop(event)

    def __getitem__(self, trial: str) -> list[happened.AttemptEvent]:
        """All events of a trial."""
        return [event for event in self.events if event.trial == trial]

    def start(
        self,
        trial: str,
        does: str,
        *,
        attempt: int = 1,
        is_watched: bool = False,
        resume_from: Sequence[CheckpointKey] = (),
        **settings: Any,  # noqa: ANN401  # further fields of the order, or hyperparameters
    ) -> None:
        """Order an attempt at a program."""
        names = {"seed", "parents", "max_steps", "info", "ancestor_steps"}
        fields = {name: settings.pop(name) for name in names & settings.keys()}
        order = TrialOrder(
            experiment=ExperimentId("suite"),
            trial=TrialId(trial),
            attempt=attempt,
            parameters={"does": does, **settings},
            parents=fields.pop("parents", {}),
            seed=fields.pop("seed", 0),
            directory=str(self.directory),
            store_url=self.store_url,
            min_coverage=0.0,
            resume_from=tuple(resume_from),
            is_watched=is_watched,
            **fields,
        )
        self.executor.start(order)

    def end_of(self, trial: str, *, attempt: int = 1) -> happened.AttemptEvent:
        """Wait for an attempt's last event."""
        self.wait_until(lambda: bool(self._ends(trial, attempt)))
        return self._ends(trial, attempt)[0]

    def run(self, trial: str, does: str, **settings: Any) -> happened.AttemptEvent:  # noqa: ANN401  # as `start`
        """Order an attempt, and wait for its last event."""
        self.start(trial, does, **settings)
        return self.end_of(trial, attempt=settings.get("attempt", 1))

    def _ends(self, trial: str, attempt: int) -> list[happened.AttemptEvent]:
        return [e for e in self[trial] if e.attempt == attempt and isinstance(e, LAST_EVENTS)]

    def file(self, name: str) -> Path:
        """A file of a program's, waited for."""
        path = self.directory / name
        self.wait_until(path.exists)
        return path

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Let the executor go on until something holds.

        Raises:
            TimeoutError: It will not.
        """
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            self.executor.wait(0.1)
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"nothing came of it; so far: {self.events}")

    def log(self, trial: str, *, attempt: int = 1) -> bytes:
        """What an attempt has printed."""
        return (self.directory / "logs" / f"{trial}@{attempt}.log").read_bytes()


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
