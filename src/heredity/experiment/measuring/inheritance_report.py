"""What inheritance gave in a whole experiment: over all children with scratch twins, and for its winner."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from heredity.experiment.measuring.rank_correlation import kendall_tau, spearman_rho
from heredity.experiment.measuring.twin_pairs import TwinPair, twin_pairs
from heredity.experiment.measuring.winner import Winner, winner_of
from heredity.experiment.state import ExperimentState
from heredity.experiment.trial import TrialRecord


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity over pairs."""

    num: int
    """For how many it was measured."""
    mean: float
    median: float
    num_above_zero: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InheritanceReport:
    """What was measured; None stands for what was not.

    A gain is that of the child over its twin, turned so that above 0 the child is better.
    """

    num_children: int
    """Trials with parents, apart from those that merely go on with their parent's hyperparameters."""
    num_twins: int
    """Children that have a twin, ended or not."""
    pairs: tuple[TwinPair, ...]
    """Those of which both have ended with a score; all below is over them."""
    gain_at_end: Spread | None
    """By their scores, for however many steps each has trained."""
    gain_at_own_steps: Spread | None
    """After as many steps of their own. It flatters children, whose ancestors' training is not counted."""
    gain_at_cumulative_steps: Spread | None
    """At the same price, the ancestors' steps among it; see `twin_pairs` for when this can be measured."""
    steps_saved: Spread | None
    """How much sooner a child was as good as its twin's end, in own steps; of those that ever were."""
    kendall_tau: float | None
    """Whether children are in the same order as their twins: 1 if inherited scores rank architectures as
    scores from scratch do, 0 if they say nothing of it."""
    spearman_rho: float | None
    """The same by ranks."""
    winner: Winner | None
    total_steps: int
    """Of all trials without the twins: what the search has cost."""
    twin_steps: int
    """What the twins have cost."""


def inheritance_report(state: ExperimentState) -> InheritanceReport:
    """Measure what inheritance gave in an experiment.

    Args:
        state: An experiment, over or not.
    """
    pairs = tuple(twin_pairs(state))
    records = list(state.trials.values())
    scores, twins = [pair.merit for pair in pairs], [pair.twin_merit for pair in pairs]
    return InheritanceReport(
        num_children=sum(_is_child(record, state) for record in records),
        num_twins=sum(record.twin_of is not None for record in records),
        pairs=pairs,
        gain_at_end=_spread(pair.gain_at_end for pair in pairs),
        gain_at_own_steps=_spread(pair.gain_at_own_steps for pair in pairs),
        gain_at_cumulative_steps=_spread(pair.gain_at_cumulative_steps for pair in pairs),
        steps_saved=_spread(pair.steps_saved for pair in pairs),
        kendall_tau=kendall_tau(scores, twins),
        spearman_rho=spearman_rho(scores, twins),
        winner=winner_of(state),
        total_steps=sum(record.steps for record in records if record.twin_of is None),
        twin_steps=sum(record.steps for record in records if record.twin_of is not None),
    )


def _is_child(record: TrialRecord, state: ExperimentState) -> bool:
    if not record.parents:
        return False
    return not record.continues or record.parameters != state.trials[record.parents[0]].parameters


def _spread(values: Iterable[float | None]) -> Spread | None:
    measured = [value for value in values if value is not None]
    if not measured:
        return None
    return Spread(
        num=len(measured),
        mean=statistics.fmean(measured),
        median=statistics.median(measured),
        num_above_zero=sum(value > 0 for value in measured),
    )
