"""The experiment's rules about attempts: starts, losses, retries, and whatever comes too late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from heredity.errors import CorruptJournal, IllegalMove, UnsupportedFormat
from heredity.experiment import ExperimentState, Report, StartTrial, TellStrategy, TrialResult, TrialState
from heredity.experiment import events as happened
from heredity.ids import CheckpointKey, TrialId
from heredity.testing.histories import History

MakeExperiment = Callable[..., History]
A = TrialId("a")


def report(*, attempt: int, trial: TrialId = A) -> happened.TrialReported:
    return happened.TrialReported(at=0.0, trial=trial, attempt=attempt, step=1, value=0.5)


def test_trials_start_in_the_order_of_their_proposal(experiment: History) -> None:
    for trial in "abc":
        experiment.propose(trial)
    for trial in "abc":
        experiment.start(trial)
        experiment.complete(trial)
    assert experiment.started == ["a", "b", "c"]


def test_no_more_trials_start_than_there_are_slots(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(concurrency=2)
    for trial in "abcd":
        experiment.propose(trial)
    assert experiment.started == ["a", "b"]
    experiment.start("a")
    assert experiment.started == ["a", "b"]  # one runs, one is about to
    experiment.start("b")
    experiment.complete("b")
    assert experiment.started == ["a", "b", "c"]


def test_the_running_trials_are_listed_oldest_first(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(concurrency=3)
    for trial in "cab":
        experiment.propose(trial)
    experiment.start("b", "c", "a")
    assert [record.id for record in experiment.state.running()] == ["c", "a", "b"]
    assert experiment.state.num_running == 3


def test_an_attempt_begins_only_by_order(experiment: History) -> None:
    experiment.propose("a")
    experiment.propose("b")
    with pytest.raises(IllegalMove, match="trial b: attempt 1 was not to be started"):
        experiment.start("b")
    with pytest.raises(IllegalMove, match="trial a: attempt 2 was not to be started"):
        experiment.happen(happened.TrialStarted(at=0.0, trial=A, attempt=2))


def test_a_trial_that_was_never_proposed_does_not_begin(experiment: History) -> None:
    with pytest.raises(IllegalMove, match="trial a: attempt 1 was not to be started"):
        experiment.happen(happened.TrialStarted(at=0.0, trial=A, attempt=1))


def test_an_attempt_begins_once(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    with pytest.raises(IllegalMove, match="not to be started"):
        experiment.start("a")


def test_what_an_attempt_does_is_recorded(experiment: History) -> None:
    experiment.propose("a", parameters={"width": 3})
    experiment.start("a")
    experiment.inherit("a", {"coverage": 1.0})
    experiment.report("a", 0.1, step=0)
    experiment.report("a", 0.7, step=5)
    experiment.save("a", "run/a@5")
    (command,) = experiment.complete("a", 0.8)
    reports = [Report(0, 0.1), Report(5, 0.7)]
    expected = TrialResult(
        A,
        {"width": 3},
        (),
        TrialState.COMPLETED,
        0.8,
        CheckpointKey("run/a@5"),
        5,
        merit=0.8,
        reports=tuple(reports),
    )
    assert command == TellStrategy(expected)
    assert experiment["a"].inheritance == {"coverage": 1.0}
    assert experiment["a"].reports == reports


def test_a_failed_trial_keeps_its_reason(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.fail("a", "boom")
    assert (experiment["a"].state, experiment["a"].error) == (TrialState.FAILED, "boom")
    assert experiment["a"].seconds == 1.0


# --- losses -------------------------------------------------------------------------------------------------


def test_a_lost_trial_is_tried_again_under_a_new_number_before_all_others(experiment: History) -> None:
    experiment.propose("a")
    experiment.propose("b")
    experiment.start("a")
    assert experiment.lose("a") == (StartTrial(A, 2),)
    experiment.start("a")
    assert experiment["a"].attempt == 2


def test_a_new_attempt_begins_with_a_clean_sheet(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.inherit("a", {"coverage": 1.0})
    experiment.report("a", 0.1, step=1)
    experiment.save("a", "run/a@1")
    experiment.lose("a")
    experiment.start("a")
    record = experiment["a"]
    assert (record.reports, record.checkpoints, record.inheritance) == ([], (), None)


def test_a_trial_that_is_lost_too_often_fails_with_its_children(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(max_retries=1)
    experiment.propose("a")
    experiment.propose("child", "a")
    experiment.start("a")
    experiment.lose("a")
    experiment.start("a")
    experiment.lose("a")
    reason = "lost 2 times, the last time because the machine vanished"
    assert (experiment["a"].state, experiment["a"].error) == (TrialState.FAILED, reason)
    assert experiment["child"].error == f"its parent a failed: {reason}"
    assert experiment.state.num_running == 0


def test_a_loss_that_does_not_count_uses_up_no_retry(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(max_retries=0)
    experiment.propose("a")
    for _ in range(5):
        experiment.start("a")
        experiment.lose("a", counts=False)
    experiment.start("a")
    assert experiment["a"].attempt == 6
    experiment.lose("a", counts=True)
    assert experiment["a"].state is TrialState.FAILED


def test_the_strategy_is_told_nothing_of_a_loss_that_is_made_good(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.lose("a")
    assert experiment.told == []


# --- too late -----------------------------------------------------------------------------------------------


def test_an_event_is_current_only_while_its_attempt_runs(experiment: History) -> None:
    experiment.propose("a")
    assert not experiment.state.is_current(report(attempt=1))
    experiment.start("a")
    assert experiment.state.is_current(report(attempt=1))
    assert not experiment.state.is_current(report(attempt=0))
    experiment.lose("a")
    experiment.start("a")
    assert not experiment.state.is_current(report(attempt=1))
    experiment.complete("a")
    assert not experiment.state.is_current(report(attempt=2))


def test_an_event_of_an_unknown_trial_is_not_current(experiment: History) -> None:
    assert not experiment.state.is_current(report(attempt=1, trial=TrialId("stranger")))


def test_an_event_of_an_older_attempt_is_refused_and_changes_nothing(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.lose("a")
    experiment.start("a")
    late: list[happened.AttemptEvent] = [
        report(attempt=1),
        happened.TrialCompleted(at=0.0, trial=A, attempt=1, score=1.0),
        happened.TrialFailed(at=0.0, trial=A, attempt=1, error="boom"),
        happened.TrialLost(at=0.0, trial=A, attempt=1, reason="gone", counts=True),
        happened.CheckpointSaved(at=0.0, trial=A, attempt=1, key=CheckpointKey("run/a@1")),
    ]
    for event in late:
        with pytest.raises(IllegalMove, match=f"{type(event).__name__} of a, attempt 1: not running"):
            experiment.happen(event)
    record = experiment["a"]
    assert (record.state, record.attempt, record.reports) == (TrialState.RUNNING, 2, [])
    assert record.checkpoints == ()


def test_late_events_are_counted(experiment: History) -> None:
    experiment.propose("a")
    experiment.refuse_late("a", attempt=0)
    experiment.refuse_late("a", attempt=0)
    experiment.refuse_late("stranger", attempt=1)
    assert experiment["a"].num_late_events == 2


def test_a_trial_ends_once(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.complete("a", 1.0)
    with pytest.raises(IllegalMove, match="TrialCompleted of a, attempt 1: not running"):
        experiment.complete("a", 2.0)
    assert experiment["a"].score == 1.0


# --- drivers that go and come -------------------------------------------------------------------------------


def test_a_new_driver_starts_what_ran_and_what_was_to_start(make_experiment: MakeExperiment) -> None:
    """In the order of their proposal, those that ran first, and all before what is still queued."""
    experiment = make_experiment(concurrency=4)
    for trial in "abcdef":
        experiment.propose(trial)
    experiment.start("d", "b")
    starts = [("b", 2), ("d", 2), ("a", 1), ("c", 1)]
    assert experiment.resume() == tuple(StartTrial(TrialId(trial), attempt) for trial, attempt in starts)
    assert experiment.state.num_resumes == 1


def test_the_end_of_a_driver_uses_up_no_retry(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(max_retries=0)
    experiment.propose("a")
    experiment.start("a")
    experiment.resume()
    assert (experiment["a"].state, experiment["a"].num_losses) == (TrialState.QUEUED, 0)


def test_what_the_old_driver_was_to_start_is_void(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.resume()
    with pytest.raises(IllegalMove, match="attempt 1 was not to be started"):
        experiment.happen(happened.TrialStarted(at=0.0, trial=A, attempt=1))


def test_nothing_starts_after_an_interrupt(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.propose("b")
    experiment.interrupt()
    (command,) = experiment.complete("a")
    assert isinstance(command, TellStrategy)
    assert experiment.propose("c") == ()
    assert experiment.started == ["a"]


def test_an_interrupted_experiment_goes_on_when_it_is_resumed(experiment: History) -> None:
    experiment.propose("a")
    experiment.propose("b")
    experiment.start("a")
    experiment.interrupt()
    experiment.lose("a", counts=False)
    assert experiment.resume() == (StartTrial(A, 2),)
    assert not experiment.state.is_interrupted


# --- journals that are none ---------------------------------------------------------------------------------


def test_a_journal_of_a_newer_version_is_refused(experiment: History) -> None:
    (started,) = experiment.events
    assert isinstance(started, happened.ExperimentStarted)
    values = {field: getattr(started, field) for field in started.__slots__} | {"format": 3}
    with pytest.raises(UnsupportedFormat, match=r"'history' has format 3; this version reads up to 2\."):
        ExperimentState(happened.ExperimentStarted(**values))


def test_an_experiment_begins_once(experiment: History) -> None:
    with pytest.raises(CorruptJournal, match="in the middle"):
        experiment.happen(experiment.events[0])
