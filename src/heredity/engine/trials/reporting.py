"""What an attempt says of itself: reports, saves, its end; and what it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from heredity.encoding import Json
from heredity.engine.trials.orders import TrialOrder
from heredity.engine.trials.resuming import ResumePoint
from heredity.engine.trials.values import Ending, ending_of, finite_number, measured
from heredity.errors import InvalidReport, TrialStopped
from heredity.experiment import events as happened
from heredity.ids import CheckpointKey

Emit = Callable[[happened.AttemptEvent], bool]
"""Takes what an attempt does; says whether the attempt should stop, which is known for reports only."""


OnFinish = Callable[[Ending], None]
"""Hears what a program has finished with; a trial function returns it in the end."""


def _go_on(_: Ending) -> None:
    """Nobody needs to hear it now."""


class Reporter:
    """Speaks for one attempt: to the driver, or to the worker that runs its program."""

    def __init__(self, order: TrialOrder, emit: Emit, *, on_finish: OnFinish = _go_on) -> None:
        self._order = order
        self._emit = emit
        self._on_finish = on_finish
        self._finished: object = None
        self.last = Ending(None)
        """The last report."""
        self.step = 0
        self.must_stop = False

    def report(self, value: float, *, step: int | None, metrics: Mapping[str, object] | None) -> None:
        """See `Trial.report`."""
        if self.must_stop:
            raise TrialStopped(f"trial {self._order.trial}: stopped early")
        what = f"Trial {self._order.trial}: report"
        number = finite_number(value, what=what)
        self.last = Ending(number, measured(metrics or {}, what=what))
        step = self.step + 1 if step is None else step
        if step < 0:
            raise InvalidReport(f"{what}: expected step >= 0, got {step}.")
        self.step = step
        self.must_stop = self._emit(
            happened.TrialReported(
                at=time.time(),
                trial=self._order.trial,
                attempt=self._order.attempt,
                step=step,
                value=number,
                metrics=self.last.metrics,
            )
        )

    def resumed(self, point: ResumePoint) -> None:
        """Say that the attempt goes on from a checkpoint."""
        self.pass_on(
            happened.TrialResumed(
                at=time.time(),
                trial=self._order.trial,
                attempt=self._order.attempt,
                key=point.checkpoint.key,
                step=point.step,
                is_own=point.is_own,
            )
        )

    def inherited(self, inheritance: Mapping[str, Json]) -> None:
        """Say what was inherited."""
        self.pass_on(
            happened.TrialInherited(
                at=time.time(),
                trial=self._order.trial,
                attempt=self._order.attempt,
                inheritance=inheritance,
            )
        )

    def saved(self, key: CheckpointKey) -> None:
        """Say that a checkpoint is in the store."""
        self.pass_on(
            happened.CheckpointSaved(
                at=time.time(), trial=self._order.trial, attempt=self._order.attempt, key=key
            )
        )

    def finish(self, result: object) -> None:
        """See `Trial.finish`."""
        self._on_finish(self.ending(result))  # what is wrong with it is told where it was said
        self._finished = result

    def pass_on(self, event: happened.AttemptEvent) -> None:
        """Emit an event; what is known from it is kept."""
        if isinstance(event, happened.TrialResumed):
            self.step = event.step
        self._emit(event)

    def ending(self, returned: object) -> Ending:
        """What a return value stands for; None for what the trial finished with, or for its last report.

        Raises:
            InvalidReport: It is something else than finite numbers or None, or an objective is missing. A
                trial that was stopped need not have measured them all.
        """
        return ending_of(
            self._finished if returned is None else returned,
            what=f"Trial {self._order.trial}: the trial function's return value",
            objective=self._order.objective,
            further=() if self.must_stop else self._order.further_objectives,
            last=self.last,
        )
