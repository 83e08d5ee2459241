"""What tests of experiments ask again and again."""

from __future__ import annotations

from heredity.experiment import ExperimentState, TrialRecord
from heredity.ids import TrialId


def trial_states(state: ExperimentState) -> dict[str, str]:
    """Each trial's state by its name, after a check of the experiment's invariants.

    Raises:
        IllegalMove: An invariant does not hold.
    """
    state.check_invariants()
    return {trial: record.state.value for trial, record in state.trials.items()}


def trial_named(state: ExperimentState, name: str) -> TrialRecord:
    """The record of a trial; saves tests the typed id."""
    return state.trials[TrialId(name)]
