"""How many trials the experiment wants, when it is over, and what its invariants catch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from heredity.errors import IllegalMove
from heredity.experiment import TrialState
from heredity.experiment.state import MAX_WAITING
from heredity.ids import TrialId
from heredity.testing.histories import History

MakeExperiment = Callable[..., History]


def test_as_many_trials_are_wanted_as_slots_are_free(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(concurrency=3)
    assert experiment.state.num_wanted() == 3
    experiment.propose("a")
    assert experiment.state.num_wanted() == 2
    experiment.start("a")
    assert experiment.state.num_wanted() == 2
    experiment.complete("a")
    assert experiment.state.num_wanted() == 3


def test_a_queued_trial_is_in_stock(experiment: History) -> None:
    """More than one slot's worth of them never makes the number negative."""
    for trial in "abc":
        experiment.propose(trial)
    assert experiment.state.num_wanted() == 0


def test_waiting_trials_leave_the_slots_wanted(experiment: History) -> None:
    experiment.propose("a")
    experiment.propose("b", "a")
    experiment.start("a")
    assert experiment.state.num_wanted() == 0
    experiment.fail("a", "boom")
    assert experiment.state.num_wanted() == 1


def test_no_more_are_wanted_than_the_experiment_may_have(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(concurrency=3, max_trials=2)
    assert experiment.state.num_wanted() == 2
    experiment.propose("a")
    experiment.start("a")
    experiment.complete("a")
    assert experiment.state.num_wanted() == 1
    experiment.propose("b")
    assert experiment.state.num_wanted() == 0


def test_nothing_is_wanted_of_an_exhausted_strategy(experiment: History) -> None:
    experiment.exhaust()
    assert experiment.state.num_wanted() == 0


def test_nothing_is_wanted_between_interrupt_and_resumption(experiment: History) -> None:
    experiment.interrupt()
    assert experiment.state.num_wanted() == 0
    experiment.resume()
    assert experiment.state.num_wanted() == 1


def test_nothing_is_wanted_while_too_many_wait(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(concurrency=2)
    experiment.propose("father")
    for number in range(MAX_WAITING - 1):
        experiment.propose(f"child{number}", "father")
    assert experiment.state.num_wanted() == 1
    experiment.propose("last", "father")
    assert experiment.state.num_wanted() == 0


def test_an_experiment_is_over_once_all_have_ended_and_no_more_will_come(experiment: History) -> None:
    experiment.propose("a")
    experiment.propose("b", "a")
    experiment.exhaust()
    assert not experiment.state.is_over
    experiment.start("a")
    assert not experiment.state.is_over
    experiment.complete("a")
    assert not experiment.state.is_over
    experiment.start("b")
    experiment.complete("b")
    assert experiment.state.is_over


def test_an_experiment_is_over_at_its_largest_number_of_trials(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(max_trials=1)
    assert not experiment.state.is_over
    experiment.propose("a")
    experiment.start("a")
    assert not experiment.state.is_over
    experiment.fail("a", "boom")
    assert experiment.state.is_over


def test_an_experiment_whose_strategy_may_go_on_is_not_over(experiment: History) -> None:
    assert not experiment.state.is_over
    experiment.propose("a")
    experiment.start("a")
    experiment.complete("a")
    assert not experiment.state.is_over


def test_a_queued_trial_keeps_an_interrupted_experiment_open(experiment: History) -> None:
    experiment.interrupt()
    experiment.propose("a")
    experiment.exhaust()
    assert not experiment.state.is_over


# --- invariants: what a bug would look like -----------------------------------------------------------------


@pytest.fixture
def spoiled() -> History:
    """Its invariants are not checked when the test leaves."""
    history = History(concurrency=2)
    history.propose("a")
    history.propose("b", "a")
    history.start("a")
    history.state.check_invariants()
    return history


@pytest.mark.parametrize(
    ("trial", "state", "message"),
    [
        ("a", TrialState.QUEUED, "running: derived"),
        ("b", TrialState.COMPLETED, "waiting: derived"),
        ("c", TrialState.QUEUED, "queued: derived"),
        ("c", TrialState.LOST, "lost: derived"),
    ],
)
def test_a_record_that_differs_from_the_derived_sets_is_a_bug(
    spoiled: History, trial: str, state: TrialState, message: str
) -> None:
    spoiled.interrupt()
    spoiled.propose("c", "a")
    spoiled.state._missing_parents.pop(TrialId("c"))
    spoiled["c"].state = TrialState.COMPLETED
    spoiled[trial].state = state
    with pytest.raises(IllegalMove, match=message):
        spoiled.state.check_invariants()


def test_a_wrong_count_of_missing_parents_is_a_bug(spoiled: History) -> None:
    spoiled.state._missing_parents[TrialId("b")] = 2
    with pytest.raises(IllegalMove, match="b waits for 1 parents, not as counted"):
        spoiled.state.check_invariants()


def test_a_trial_that_runs_before_its_parents_are_complete_is_a_bug(spoiled: History) -> None:
    spoiled.state._missing_parents.clear()
    spoiled.state._running.add(TrialId("b"))
    spoiled["b"].state, spoiled["b"].attempt = TrialState.RUNNING, 1
    with pytest.raises(IllegalMove, match="b was started before its parents were complete"):
        spoiled.state.check_invariants()


def test_more_running_trials_than_slots_are_a_bug(spoiled: History) -> None:
    spoiled.propose("c")
    spoiled.propose("d")
    spoiled.start("c")
    spoiled.state._queue.clear()
    spoiled.state._running.add(TrialId("d"))
    spoiled["d"].state = TrialState.RUNNING
    with pytest.raises(IllegalMove, match="more trials run than there are slots"):
        spoiled.state.check_invariants()
