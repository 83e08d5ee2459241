"""Which trials of an experiment are asked for, and in which order. Pure decisions over its state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from heredity.cli.shell.explaining import nearest
from heredity.dashboard.reading.best import merit_or_least
from heredity.errors import ConfigError
from heredity.experiment import ExperimentState, TrialRecord
from heredity.ids import TrialId


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options of `heredity ls` ask for; what is not asked for stays out of the way."""

    state: tuple[str, ...] = ()
    parent: str | None = None
    founders: bool = False
    at_least: float | None = None
    at_most: float | None = None
    front: bool = False
    best: int | None = None
    last: int | None = None
    sort: str = "number"
    all_trials: bool = False

    @property
    def is_filter(self) -> bool:
        """Whether some trials are not asked for, however few there are."""
        return bool(self.state or self.parent or self.founders or self.front) or not (
            self.at_least is None and self.at_most is None
        )


def chosen(state: ExperimentState, wanted: Wanted, *, marked: frozenset[TrialId]) -> list[TrialRecord]:
    """The trials that are asked for, in the order that is asked for.

    Args:
        state: The experiment.
        wanted: What is asked for. `best` and `last` count what the filters leave.
        marked: The trials of the front, see `best_trials`.

    Raises:
        ConfigError: The parent is no trial of this experiment.
    """
    if wanted.parent is not None and wanted.parent not in state.trials:
        raise ConfigError(
            f"--parent {wanted.parent}: experiment {state.rules.experiment} has no such trial.",
            hint=_near(wanted.parent, state),
        )
    fits = _fits(wanted, marked)
    found = [record for record in state.trials.values() if fits(record)]
    if wanted.best is not None:
        scored = (record for record in found if record.score is not None)
        return sorted(scored, key=_orders(state)["score"])[: wanted.best]
    if wanted.last is not None:
        found = found[max(0, len(found) - wanted.last) :]
    return found if wanted.sort == "number" else sorted(found, key=_orders(state)[wanted.sort])


def _near(name: str, state: ExperimentState) -> str:
    near = nearest(name, state.trials)
    return f"Did you mean {near[0]!r}?" if near else "`heredity ls` lists them."


def _fits(wanted: Wanted, marked: frozenset[TrialId]) -> Callable[[TrialRecord], bool]:
    low = -math.inf if wanted.at_least is None else wanted.at_least
    high = math.inf if wanted.at_most is None else wanted.at_most
    needs_score = (low, high) != (-math.inf, math.inf)
    tests: list[tuple[bool, Callable[[TrialRecord], bool]]] = [
        (bool(wanted.state), lambda record: record.state.value in wanted.state),
        (wanted.parent is not None, lambda record: wanted.parent in record.parents),
        (wanted.founders, lambda record: not record.parents),
        (wanted.front, lambda record: record.id in marked),
        (needs_score, lambda record: record.score is not None and low <= record.score <= high),
    ]
    asked = [test for is_asked, test in tests if is_asked]
    return lambda record: all(test(record) for test in asked)


ORDERS = ("number", "score", "steps", "time")
"""What trials may be sorted by: as they were proposed; the best, the most trained, the longest first."""


def _orders(state: ExperimentState) -> Mapping[str, Callable[[TrialRecord], float]]:
    return {
        "score": lambda record: -merit_or_least(record.score, state),
        "steps": lambda record: -record.steps,
        "time": lambda record: -(record.seconds or 0.0),
    }
