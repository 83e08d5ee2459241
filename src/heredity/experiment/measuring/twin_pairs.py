"""Each child beside its scratch twin: at the end, after as many steps of their own, and at the same price."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heredity.experiment.lineage import all_cumulative_steps
from heredity.experiment.results import merit_of
from heredity.experiment.state import ExperimentState
from heredity.experiment.trial import TrialRecord
from heredity.ids import TrialId

MAX_AGE = 0.1
"""A report stands for a later step until a tenth of that step lies between."""

_Curve = list[tuple[int, float]]
"""Merits by steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinPair:
    """A child and its twin, both of which have ended well; gains are merits, so above 0 the child is better.

    None stands for what was not measured.
    """

    trial: TrialId
    twin: TrialId
    merit: float
    """The child's."""
    twin_merit: float
    own_steps: int | None
    """The last step of their own at which both have a report."""
    gain_at_own_steps: float | None
    cumulative_steps: int | None
    """The last step at which both have a report when the ancestors' steps count as the child's."""
    gain_at_cumulative_steps: float | None
    steps_to_twin: int | None
    """Own steps until a report of the child was as good as the twin's score."""
    steps_saved: int | None
    """How many fewer these are than the twin has trained."""

    @property
    def gain_at_end(self) -> float:
        """By their scores, for however many steps each has trained."""
        return self.merit - self.twin_merit


def twin_pairs(state: ExperimentState) -> list[TwinPair]:
    """Compare every child with its twin, in the order of the twins' proposal.

    A report stands for the steps after it, until a tenth of the step lies between: so trials can be compared
    that do not report at the same steps, and none is compared with a report that is much older than its own.

    **At equal own steps** the child has its ancestors' training beyond the twin's. **At equal cumulative
    steps** these count as the child's: its report after 5 steps, with 20 of its ancestors behind it, meets
    the twin's after 25. That needs a twin that has trained for so long (see the strategy `ScratchTwins`), or
    a report of the child at step 0, which meets the twin's at the price of the ancestors.

    Args:
        state: An experiment, over or not.

    Returns:
        The pairs of which both have ended with a score.
    """
    total = all_cumulative_steps(state.trials)
    pairs = []
    for twin in state.trials.values():
        child = None if twin.twin_of is None else state.trials.get(twin.twin_of)
        if child is not None and _has_score(child) and _has_score(twin):
            pairs.append(_pair(state, child, twin, total=total))
    return pairs


def _has_score(record: TrialRecord) -> bool:
    return record.state.is_success and record.score is not None


def _pair(
    state: ExperimentState, child: TrialRecord, twin: TrialRecord, *, total: Mapping[TrialId, int]
) -> TwinPair:
    merit, twin_merit = merit_of(child.score, state.rules), merit_of(twin.score, state.rules)
    assert merit is not None and twin_merit is not None  # noqa: S101, PT018  # they have scores
    own, twins = _curve(child, state), _curve(twin, state)
    behind = total[child.id] - child.steps
    own_steps, own_gain = _last_gain(own, twins)
    all_steps, all_gain = _last_gain([(step + behind, value) for step, value in own], twins)
    reached = next((step for step, value in own if value >= twin_merit), None)
    return TwinPair(
        trial=child.id,
        twin=twin.id,
        merit=merit,
        twin_merit=twin_merit,
        own_steps=own_steps,
        gain_at_own_steps=own_gain,
        cumulative_steps=all_steps,
        gain_at_cumulative_steps=all_gain,
        steps_to_twin=reached,
        steps_saved=None if reached is None else twin.steps - reached,
    )


def _curve(record: TrialRecord, state: ExperimentState) -> _Curve:
    """By the trial's own steps; if it reported a step twice, the last report counts."""
    merits = (
        (report.step - record.first_step, merit_of(report.value, state.rules)) for report in record.reports
    )
    return sorted({step: merit for step, merit in merits if merit is not None}.items())


def _last_gain(child: _Curve, twin: _Curve) -> tuple[int | None, float | None]:
    """The last step, above 0, for which both have a report that stands, and the child's gain there."""
    steps = sorted({step for step, _ in (*child, *twin) if step > 0}, reverse=True)
    ends = min(child[-1][0] if child else 0, twin[-1][0] if twin else 0)
    for step in steps:
        if step > ends:
            continue
        values = _standing(child, step), _standing(twin, step)
        if values[0] is not None and values[1] is not None:
            return step, values[0] - values[1]
    return None, None


def _standing(curve: Sequence[tuple[int, float]], step: int) -> float | None:
    place = bisect_right(curve, step, key=lambda report: report[0])
    if not place or step - curve[place - 1][0] > MAX_AGE * step:
        return None
    return curve[place - 1][1]
