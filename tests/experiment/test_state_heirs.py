"""What becomes of the children of a trial that fails, where they may live on without it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from heredity.experiment import StartTrial
from heredity.ids import TrialId
from heredity.testing.histories import History

MakeExperiment = Callable[..., History]


def family(make_experiment: MakeExperiment, *, on_parent_failure: str, continues: bool = False) -> History:
    """A grandfather who has completed, his son who runs, and a grandchild who waits for the son."""
    experiment = make_experiment(concurrency=2, on_parent_failure=on_parent_failure)
    experiment.propose("grandfather")
    experiment.start("grandfather")
    experiment.report("grandfather", 0.5, step=10)
    experiment.complete("grandfather", 0.5)
    experiment.propose("father", "grandfather", continues=continues)
    experiment.propose("child", "father", continues=True)
    experiment.start("father")
    return experiment


def test_a_waiting_child_takes_its_grandparents_for_a_failed_parent(make_experiment: MakeExperiment) -> None:
    experiment = family(make_experiment, on_parent_failure="reparent")
    assert StartTrial(TrialId("child"), 1) in experiment.fail("father", "boom")
    assert experiment["child"].parents == ("grandfather",)
    assert experiment["child"].lost_parents == ("father",)
    assert experiment["child"].ancestor_steps == 10


def test_a_waiting_child_is_released_from_a_failed_parent(make_experiment: MakeExperiment) -> None:
    experiment = family(make_experiment, on_parent_failure="release")
    assert StartTrial(TrialId("child"), 1) in experiment.fail("father", "boom")
    assert experiment["child"].parents == ()
    assert not experiment["child"].continues
    assert experiment["child"].ancestor_steps == 0


@pytest.mark.parametrize("continues", [True, False])
def test_a_child_goes_on_from_its_grandparent_only_if_its_parent_did(
    make_experiment: MakeExperiment, continues: bool
) -> None:
    """Else its budget counts the steps of another beginning."""
    experiment = family(make_experiment, on_parent_failure="reparent", continues=continues)
    experiment.fail("father", "boom")
    assert experiment["child"].continues is continues


@pytest.mark.parametrize("on_parent_failure", ["reparent", "release"])
def test_a_founders_child_becomes_a_founder(make_experiment: MakeExperiment, on_parent_failure: str) -> None:
    experiment = make_experiment(on_parent_failure=on_parent_failure)
    experiment.propose("father")
    experiment.propose("child", "father", continues=True)
    experiment.start("father")
    experiment.fail("father", "boom")
    assert (experiment["child"].parents, experiment["child"].continues) == ((), False)
    assert experiment.started == ["father", "child"]


def test_a_child_that_is_proposed_after_the_failure_lives_on_too(make_experiment: MakeExperiment) -> None:
    experiment = family(make_experiment, on_parent_failure="reparent")
    experiment.fail("father", "boom")
    experiment.propose("late", "father")
    assert experiment["late"].parents == ("grandfather",)


def test_a_failed_parent_that_is_named_twice_is_lost_once(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(on_parent_failure="reparent")
    experiment.propose("father")
    experiment.propose("child", "father", "father")
    experiment.start("father")
    experiment.fail("father", "boom")
    assert experiment["child"].lost_parents == ("father",)


def test_an_heir_that_is_a_parent_already_is_named_once(make_experiment: MakeExperiment) -> None:
    experiment = family(make_experiment, on_parent_failure="reparent")
    experiment.propose("other", "grandfather", "father")
    experiment.fail("father", "boom")
    assert experiment["other"].parents == ("grandfather",)


def test_a_second_parent_that_fails_leaves_the_first_one_to_be_continued(
    make_experiment: MakeExperiment,
) -> None:
    experiment = family(make_experiment, on_parent_failure="release")
    experiment.propose("other", "grandfather", "father", continues=True)
    experiment.fail("father", "boom")
    assert (experiment["other"].parents, experiment["other"].continues) == (("grandfather",), True)


@pytest.mark.parametrize("order", list(permutations("abc")))
@pytest.mark.parametrize("failing", [set(), {"a"}, {"b", "c"}, {"a", "b", "c"}])
@pytest.mark.parametrize("on_parent_failure", ["reparent", "release"])
def test_whatever_the_order_a_child_waits_for_all_and_keeps_those_who_ended_well(
    make_experiment: MakeExperiment, order: tuple[str, ...], failing: set[str], on_parent_failure: str
) -> None:
    experiment = make_experiment(concurrency=3, on_parent_failure=on_parent_failure)
    for parent in "abc":
        experiment.propose(parent)
    experiment.propose("child", "a", "b", "c")
    experiment.start("a", "b", "c")
    for parent in order:
        assert "child" not in experiment.started
        experiment.fail(parent, "boom") if parent in failing else experiment.complete(parent)
        experiment.state.check_invariants()
    assert experiment.started[-1] == "child"
    assert set(experiment["child"].parents) == {"a", "b", "c"} - failing
    assert list(experiment["child"].lost_parents) == [parent for parent in order if parent in failing]


def test_a_line_of_failures_leads_back_to_the_last_who_ended_well(make_experiment: MakeExperiment) -> None:
    experiment = family(make_experiment, on_parent_failure="reparent")
    experiment.propose("grandchild", "child")
    experiment.fail("father", "boom")
    experiment.start("child")
    experiment.fail("child", "bang")
    assert experiment["grandchild"].parents == ("grandfather",)
    assert experiment["grandchild"].lost_parents == ("child",)
