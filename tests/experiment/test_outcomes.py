"""What inheritance gave: each child beside its twin."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from heredity.experiment import Outcome, outcomes
from heredity.testing.histories import History

MakeExperiment = Callable[..., History]


def with_child(history: History, *reports: tuple[int, float], score: float | None = None) -> History:
    """A father of score 0.5 after 10 steps, and a child that reported this."""
    history.propose("father")
    history.start("father")
    history.report("father", 0.5, step=10)
    history.complete("father", 0.5)
    history.propose("child", "father")
    history.start("child")
    for step, value in reports:
        history.report("child", value, step=step)
    history.complete("child", score)
    return history


def add_twin(history: History, *, score: float | None) -> Outcome:
    history.propose("child.scratch", twin_of="child")
    history.start("child.scratch")
    history.report("child.scratch", 0.1, step=20)
    history.complete("child.scratch", score)
    (outcome,) = outcomes(history.state)
    return outcome


def test_a_child_is_measured_against_its_parent(experiment: History) -> None:
    with_child(experiment, (0, 0.4), (5, 0.8), score=0.8)
    (outcome,) = outcomes(experiment.state)
    assert (outcome.trial, outcome.parents, outcome.state) == ("child", ("father",), "completed")
    assert (outcome.parent_score, outcome.start, outcome.score) == (0.5, 0.4, 0.8)
    assert (outcome.steps, outcome.cumulative_steps, outcome.seconds) == (5, 15, 3.0)


def test_what_came_over_stands_in_the_outcome(experiment: History) -> None:
    experiment.propose("father")
    experiment.start("father")
    experiment.complete("father")
    experiment.propose("child", "father")
    experiment.start("child")
    experiment.inherit("child", {"coverage": 0.9})
    (outcome,) = outcomes(experiment.state)
    assert outcome.inheritance == {"coverage": 0.9}


def test_only_trials_with_parents_have_an_outcome(experiment: History) -> None:
    experiment.propose("father")
    assert outcomes(experiment.state) == []


def test_a_child_without_a_report_at_step_0_has_no_start(experiment: History) -> None:
    with_child(experiment, (1, 0.4))
    (outcome,) = outcomes(experiment.state)
    assert outcome.start is None


def test_a_child_that_waits_has_measured_nothing(experiment: History) -> None:
    experiment.propose("father")
    experiment.propose("child", "father")
    (outcome,) = outcomes(experiment.state)
    measured = (outcome.parent_score, outcome.start, outcome.score, outcome.seconds, outcome.inheritance)
    assert measured == (None,) * 5
    assert (outcome.state, outcome.steps) == ("waiting", 0)


def test_a_child_without_a_twin_says_so(experiment: History) -> None:
    with_child(experiment, (1, 0.4))
    (outcome,) = outcomes(experiment.state)
    twin = (outcome.twin, outcome.twin_score, outcome.twin_steps, outcome.twin_seconds)
    assert twin == (None,) * 4
    assert outcome.steps_to_twin is None


def test_a_child_is_measured_against_its_twin(experiment: History) -> None:
    outcome = add_twin(with_child(experiment, (0, 0.4), (5, 0.7), (6, 0.9)), score=0.7)
    assert (outcome.twin, outcome.twin_score, outcome.twin_steps) == ("child.scratch", 0.7, 20)
    assert outcome.twin_seconds == 2.0
    assert outcome.steps_to_twin == 5


@pytest.mark.parametrize(
    ("direction", "twin_score", "steps"),
    [
        ("maximize", 0.3, 0),
        ("maximize", 0.45, 5),
        ("maximize", 0.95, None),
        ("minimize", 0.95, 0),
        ("minimize", 0.35, 7),
        ("minimize", 0.1, None),
    ],
)
def test_steps_to_twin_are_those_of_the_first_report_as_good_as_the_twins_score(
    make_experiment: MakeExperiment, direction: str, twin_score: float, steps: int | None
) -> None:
    experiment = make_experiment(direction=direction)
    outcome = add_twin(with_child(experiment, (0, 0.4), (5, 0.9), (7, 0.3)), score=twin_score)
    assert outcome.steps_to_twin == steps


def test_own_steps_of_a_trial_that_continues_begin_where_its_parents_ended(experiment: History) -> None:
    with_child(experiment, (1, 0.4))
    experiment.propose("rung", "father", continues=True)
    experiment.start("rung")
    experiment.go_on("rung", "history/father@1", step=10, is_own=False)
    for step, value in ((10, 0.5), (15, 0.8)):
        experiment.report("rung", value, step=step)
    experiment.complete("rung", 0.8)
    experiment.propose("rung.scratch", twin_of="rung")
    experiment.start("rung.scratch")
    experiment.complete("rung.scratch", 0.7)
    outcome = outcomes(experiment.state)[1]
    assert (outcome.start, outcome.steps, outcome.cumulative_steps, outcome.steps_to_twin) == (0.5, 5, 15, 5)


def test_the_outcomes_of_a_long_lineage_take_one_walk(experiment: History) -> None:
    """A walk for each trial would look at fifty million records here."""
    for number in range(10_000):
        experiment.propose(f"t{number}", *([f"t{number - 1}"] if number else []))
        experiment.start(f"t{number}")
        experiment.report(f"t{number}", 0.5, step=1)
        experiment.complete(f"t{number}", 0.5)
    begin = time.perf_counter()
    assert [outcome.cumulative_steps for outcome in outcomes(experiment.state)] == list(range(2, 10_001))
    assert time.perf_counter() - begin < 10


def test_a_twin_without_a_score_is_no_goal(experiment: History) -> None:
    outcome = add_twin(with_child(experiment, (0, 0.4)), score=None)
    assert (outcome.twin, outcome.twin_score, outcome.steps_to_twin) == ("child.scratch", None, None)


def test_a_twin_that_runs_is_no_goal_yet(experiment: History) -> None:
    with_child(experiment, (0, 0.4))
    experiment.propose("child.scratch", twin_of="child")
    experiment.start("child.scratch")
    (outcome,) = outcomes(experiment.state)
    assert (outcome.twin, outcome.twin_score, outcome.twin_seconds) == ("child.scratch", None, None)
