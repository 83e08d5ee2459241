"""What must hold of an experiment's state at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from heredity.errors import IllegalMove
from heredity.experiment.trial import TrialRecord, TrialState
from heredity.ids import TrialId


def check(
    trials: Mapping[TrialId, TrialRecord],
    *,
    running: AbstractSet[TrialId],
    queued: AbstractSet[TrialId],
    resting: AbstractSet[TrialId],
    missing_parents: Mapping[TrialId, int],
    num_ended: Mapping[TrialState, int],
) -> None:
    """Compare derived sets and counts with the records, and each record with its parents.

    Raises:
        IllegalMove: They differ.
    """
    by_state: dict[TrialState, set[TrialId]] = {state: set() for state in TrialState}
    for record in trials.values():
        by_state[record.state].add(record.id)
    derived: Mapping[TrialState, AbstractSet[TrialId]] = {
        TrialState.RUNNING: running,
        TrialState.QUEUED: queued,
        TrialState.WAITING: missing_parents.keys(),
        TrialState.LOST: resting,
    }
    for state, expected in derived.items():
        if expected != by_state[state]:
            recorded = sorted(by_state[state])
            raise IllegalMove(f"{state.value}: derived {sorted(expected)}, recorded {recorded}")
    for state, num in num_ended.items():
        if num != len(by_state[state]):
            raise IllegalMove(f"{state.value}: counted {num}, recorded {len(by_state[state])}")
    for record in trials.values():
        _check_parents(record, [trials[parent] for parent in record.parents], missing_parents)
        _check_past(record, [trials[parent] for parent in record.lost_parents])


def _check_parents(
    record: TrialRecord, parents: list[TrialRecord], missing_parents: Mapping[TrialId, int]
) -> None:
    if record.state is TrialState.WAITING:
        missing = sum(not parent.state.is_end for parent in parents)
        if missing != missing_parents[record.id]:
            raise IllegalMove(f"{record.id} waits for {missing} parents, not as counted")
    elif record.attempt and not all(parent.state.is_success for parent in parents):
        raise IllegalMove(f"{record.id} was started before its parents were complete")


def _check_past(record: TrialRecord, lost_parents: list[TrialRecord]) -> None:
    if any(parent.state is not TrialState.FAILED for parent in lost_parents):
        raise IllegalMove(f"{record.id} has lost a parent that has not failed")
    if record.continues and not record.parents:
        raise IllegalMove(f"{record.id} continues nobody")
    if record.state.is_success and record.lost is not None:
        raise IllegalMove(f"{record.id} has ended well, and a lost attempt of it is still to be resumed")
