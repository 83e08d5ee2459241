"""What tests of experiments ask again and again."""

from __future__ import annotations

from heredity.experiment import ExperimentState


def trial_states(state: ExperimentState) -> dict[str, str]:
    """Each trial's state by its name, after a check of the experiment's invariants.

    Raises:
        IllegalMove: An invariant does not hold.
    """
    state.check_invariants()
    return {trial: record.state.value for trial, record in state.trials.items()}
