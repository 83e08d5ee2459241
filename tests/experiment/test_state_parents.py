"""The experiment's rules about parents: who waits, who starts when, and who fails with whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from heredity.errors import IllegalMove
from heredity.experiment import StartTrial, TellStrategy, TrialState
from heredity.ids import TrialId
from heredity.testing.histories import History

MakeExperiment = Callable[..., History]


def test_a_child_waits_for_its_unfinished_parent(experiment: History) -> None:
    experiment.propose("father")
    assert experiment.propose("child", "father") == ()
    assert experiment["child"].state is TrialState.WAITING


def test_a_waiting_child_holds_no_slot(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(concurrency=2)
    experiment.propose("father")
    experiment.propose("child", "father")
    assert experiment.propose("other") == (StartTrial(TrialId("other"), 1),)


def test_a_child_starts_when_its_parent_has_completed(experiment: History) -> None:
    experiment.propose("father")
    experiment.propose("child", "father")
    experiment.start("father")
    told, start = experiment.complete("father", 0.5)
    assert isinstance(told, TellStrategy)
    assert start == StartTrial(TrialId("child"), 1)


def test_a_child_of_several_starts_when_the_last_of_them_has_completed(
    make_experiment: MakeExperiment,
) -> None:
    experiment = make_experiment(concurrency=2)
    experiment.propose("father")
    experiment.propose("mother")
    experiment.propose("child", "father", "mother")
    experiment.start("father", "mother")
    experiment.complete("mother")
    assert experiment["child"].state is TrialState.WAITING
    experiment.complete("father")
    assert experiment.started == ["father", "mother", "child"]


def test_a_child_of_finished_parents_starts_at_once(experiment: History) -> None:
    experiment.propose("father")
    experiment.start("father")
    experiment.complete("father")
    assert experiment.propose("child", "father") == (StartTrial(TrialId("child"), 1),)


def test_only_unfinished_parents_are_waited_for(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(concurrency=2)
    experiment.propose("father")
    experiment.start("father")
    experiment.complete("father")
    experiment.propose("mother")
    experiment.propose("child", "father", "mother")
    experiment.start("mother")
    experiment.complete("mother")
    assert experiment.started[-1] == "child"


def test_a_parent_that_is_named_twice_is_one_parent(experiment: History) -> None:
    experiment.propose("father")
    experiment.propose("child", "father", "father")
    experiment.start("father")
    experiment.complete("father")
    assert experiment.started == ["father", "child"]


def test_a_parent_that_was_stopped_early_is_a_parent(experiment: History) -> None:
    experiment.propose("father")
    experiment.propose("child", "father")
    experiment.start("father")
    experiment.stop_early("father", 0.4)
    assert experiment["father"].score == 0.4
    assert experiment.started == ["father", "child"]


def test_a_failed_parent_fails_its_waiting_children_by_name_and_reason(experiment: History) -> None:
    experiment.propose("father")
    experiment.propose("son", "father")
    experiment.propose("daughter", "father")
    experiment.start("father")
    experiment.fail("father", "Traceback:\n  line 3\nValueError: no data\n")
    for child in ("son", "daughter"):
        assert experiment[child].state is TrialState.FAILED
        assert experiment[child].error == "its parent father failed: ValueError: no data"
        assert experiment[child].ended_at == experiment["father"].ended_at


@pytest.mark.parametrize("error", ["", " ", "\n"])
def test_a_parent_that_failed_without_a_reason_fails_its_children_all_the_same(
    experiment: History, error: str
) -> None:
    experiment.propose("father")
    experiment.propose("child", "father")
    experiment.start("father")
    experiment.fail("father", error)
    assert experiment["child"].error == "its parent father failed: no reason given"


def test_a_failed_parent_fails_its_grandchildren_too(experiment: History) -> None:
    experiment.propose("father")
    experiment.propose("child", "father")
    experiment.propose("grandchild", "child")
    experiment.start("father")
    experiment.fail("father", "boom")
    assert experiment["grandchild"].state is TrialState.FAILED
    assert experiment["grandchild"].error == "its ancestor father failed: boom"


def test_a_failure_reaches_the_end_of_the_longest_line_of_waiting_descendants(experiment: History) -> None:
    """Deeper than Python's stack."""
    experiment.propose("t0")
    for number in range(1, 1_000):
        experiment.propose(f"t{number}", f"t{number - 1}")
    experiment.start("t0")
    experiment.fail("t0", "boom")
    assert [result.trial_id for result in experiment.told] == [f"t{number}" for number in range(1_000)]
    assert experiment["t999"].state is TrialState.FAILED


def test_one_failed_parent_of_several_fails_the_child_once(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(concurrency=3)
    experiment.propose("father")
    experiment.propose("mother")
    experiment.propose("child", "father", "mother")
    experiment.start("father", "mother")
    experiment.fail("father", "boom")
    assert experiment["child"].error == "its parent father failed: boom"
    experiment.complete("mother")
    assert [result.trial_id for result in experiment.told] == ["father", "child", "mother"]


def test_a_child_of_a_parent_and_a_grandparent_fails_once(experiment: History) -> None:
    experiment.propose("father")
    experiment.propose("child", "father")
    experiment.propose("grandchild", "father", "child")
    experiment.start("father")
    experiment.fail("father", "boom")
    assert [result.trial_id for result in experiment.told] == ["father", "child", "grandchild"]


def test_a_child_that_is_proposed_after_its_parent_failed_fails_at_once(experiment: History) -> None:
    experiment.propose("father")
    experiment.start("father")
    experiment.fail("father", "boom")
    (command,) = experiment.propose("child", "father")
    assert isinstance(command, TellStrategy)
    assert command.result.trial_id == "child"
    assert command.result.state is TrialState.FAILED
    assert experiment["child"].error == "its parent father failed: boom"


def test_a_child_that_is_proposed_late_does_not_wait_for_the_other_parent(
    make_experiment: MakeExperiment,
) -> None:
    experiment = make_experiment(concurrency=2)
    experiment.propose("father")
    experiment.propose("mother")
    experiment.start("father", "mother")
    experiment.fail("mother", "boom")
    experiment.propose("child", "father", "mother")
    assert experiment["child"].state is TrialState.FAILED
    experiment.complete("father")
    assert experiment.started == ["father", "mother"]


def test_the_strategy_is_told_of_the_parent_before_its_children(experiment: History) -> None:
    experiment.propose("father")
    experiment.propose("son", "father")
    experiment.propose("daughter", "father")
    experiment.propose("grandchild", "son")
    experiment.start("father")
    experiment.fail("father", "boom")
    told = [result.trial_id for result in experiment.told]
    assert told[:1] == ["father"]
    assert sorted(told) == ["daughter", "father", "grandchild", "son"]
    assert told.index(TrialId("son")) < told.index(TrialId("grandchild"))


def test_a_known_id_cannot_be_proposed_again(experiment: History) -> None:
    experiment.propose("father")
    with pytest.raises(IllegalMove, match="father is proposed twice"):
        experiment.propose("father")


@pytest.mark.parametrize("parent", ["stranger", "child"])
def test_a_parent_that_was_never_proposed_is_refused(experiment: History, parent: str) -> None:
    """The trial itself is no exception, and the refused proposal leaves no trace."""
    with pytest.raises(IllegalMove, match=f"child names the parent {parent}, which was never proposed"):
        experiment.propose("child", parent)
    assert not experiment.state.trials
