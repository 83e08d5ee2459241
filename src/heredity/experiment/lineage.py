"""Who descends from whom among trials, and how much training lies behind each."""

from __future__ import annotations

from collections.abc import Mapping

from heredity.experiment.trial import TrialRecord
from heredity.ids import TrialId


def cumulative_steps(trials: Mapping[TrialId, TrialRecord], trial: TrialId) -> int:
    """Own steps and those of the longest line of ancestors.

    A late trial's better score can thus be told from a longer training. Parents are proposed before their
    children, so the walk ends; it is iterative because lineages grow deeper than Python's stack.
    """
    total: dict[TrialId, int] = {}
    stack = [trial]
    while stack:
        record = trials[stack[-1]]
        missing = [parent for parent in record.parents if parent not in total]
        if missing:
            stack.extend(missing)
            continue
        total[record.id] = record.steps + max((total[parent] for parent in record.parents), default=0)
        stack.pop()
    return total[trial]


def all_cumulative_steps(trials: Mapping[TrialId, TrialRecord]) -> dict[TrialId, int]:
    """`cumulative_steps` of every trial in one pass, since parents stand before their children."""
    total: dict[TrialId, int] = {}
    for record in trials.values():
        total[record.id] = record.steps + max((total[parent] for parent in record.parents), default=0)
    return total


def children(trials: Mapping[TrialId, TrialRecord]) -> dict[TrialId, list[TrialId]]:
    """Each trial's children, in the order of their proposal; a trial stands under its first parent only."""
    result: dict[TrialId, list[TrialId]] = {trial: [] for trial in trials}
    for record in trials.values():
        if record.parents:
            result[record.parents[0]].append(record.id)
    return result


def founders(trials: Mapping[TrialId, TrialRecord]) -> list[TrialId]:
    """Trials without parents, in the order of their proposal."""
    return [record.id for record in trials.values() if not record.parents]
