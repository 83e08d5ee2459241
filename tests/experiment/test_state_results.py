"""What a strategy is told: merits of all objectives, stops, costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from heredity.experiment import TrialResult, TrialState, merit_of
from heredity.testing.histories import History

MakeExperiment = Callable[..., History]


def result(experiment: History, score: float | None, **end: object) -> TrialResult:
    """What is told of a trial that completes so."""
    experiment.propose("a")
    experiment.start("a")
    experiment.complete("a", score, **end)  # type: ignore[arg-type]  # passed on as it came
    return experiment.told[-1]


@pytest.mark.parametrize(("direction", "merit"), [("maximize", 0.25), ("minimize", -0.25)])
def test_more_merit_is_better_whatever_the_direction(
    make_experiment: MakeExperiment, direction: str, merit: float
) -> None:
    experiment = make_experiment(direction=direction)
    assert merit_of(0.25, experiment.state.rules) == merit
    assert result(experiment, 0.25).merit == merit


def test_a_trial_without_a_score_has_no_merit(experiment: History) -> None:
    assert result(experiment, None).merit is None


def test_further_objectives_are_turned_as_well_and_other_metrics_are_left_out(
    make_experiment: MakeExperiment,
) -> None:
    experiment = make_experiment(further_objectives={"latency": "minimize", "recall": "maximize"})
    told = result(experiment, 0.5, metrics={"latency": 3, "recall": 0.75, "loss": 0.1})
    assert told.merits == {"latency": -3.0, "recall": 0.75}
    assert experiment["a"].metrics == {"latency": 3, "recall": 0.75, "loss": 0.1}


@pytest.mark.parametrize("value", [None, True, "3", [3]])
def test_a_further_objective_that_was_not_measured_has_no_merit(
    make_experiment: MakeExperiment, value: object
) -> None:
    experiment = make_experiment(further_objectives={"latency": "minimize"})
    assert result(experiment, 0.5, metrics={"latency": value}).merits == {}


def test_what_a_trial_used_is_kept_and_its_cost_is_told(experiment: History) -> None:
    told = result(experiment, 0.5, resources={"cpu_seconds": 2.5, "host": "one"})
    assert told.cost_seconds == 2.5
    assert experiment["a"].resources == {"cpu_seconds": 2.5, "host": "one"}


def test_a_stop_is_recorded_with_its_reason_until_the_next_attempt(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.report("a", 0.1, step=1, metrics={"loss": 2.0})
    experiment.ask_to_stop("a", "below the median")
    assert experiment["a"].stop_reason == "below the median"
    assert experiment["a"].reports[-1].metrics == {"loss": 2.0}
    experiment.lose("a")
    experiment.start("a")
    assert experiment["a"].stop_reason == ""


def test_a_trial_that_was_stopped_is_told_as_such(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.ask_to_stop("a", "below the median")
    experiment.stop_early("a", 0.1)
    assert (experiment.told[-1].state, experiment.told[-1].merit) == (TrialState.STOPPED_EARLY, 0.1)
