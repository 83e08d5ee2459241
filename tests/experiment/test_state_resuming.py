"""What a new attempt keeps of a lost one, and what a trial that continues its parent counts."""

from __future__ import annotations

import pytest

from heredity.errors import IllegalMove
from heredity.experiment import cumulative_steps
from heredity.ids import TrialId
from heredity.testing.histories import History

A = TrialId("a")


@pytest.fixture
def lost(experiment: History) -> History:
    """A trial that was lost after it had saved at step 2 and reported step 3."""
    experiment.propose("a")
    experiment.start("a")
    experiment.inherit("a", {"verdict": "exact"})
    for step in (1, 2):
        experiment.report("a", step / 10, step=step)
        experiment.save("a", f"e/a@1.{step}")
    experiment.report("a", 0.3, step=3)
    experiment.lose("a")
    experiment.start("a")
    return experiment


def test_an_attempt_that_begins_anew_has_a_clean_sheet(lost: History) -> None:
    assert (lost["a"].reports, lost["a"].checkpoints, lost["a"].inheritance) == ([], (), None)


def test_an_attempt_that_resumes_keeps_what_led_to_its_checkpoint(lost: History) -> None:
    lost.go_on("a", "e/a@1.2", step=2, is_own=True)
    assert [report.step for report in lost["a"].reports] == [1, 2]
    assert lost["a"].checkpoints == ("e/a@1.1", "e/a@1.2")
    assert lost["a"].inheritance == {"verdict": "exact"}
    assert lost["a"].steps == 2


def test_an_attempt_that_resumes_an_earlier_checkpoint_keeps_no_later_one(lost: History) -> None:
    lost.go_on("a", "e/a@1.1", step=1, is_own=True)
    assert [report.step for report in lost["a"].reports] == [1]
    assert lost["a"].checkpoints == ("e/a@1.1",)


def test_a_checkpoint_that_no_lost_attempt_has_saved_cannot_be_resumed(lost: History) -> None:
    with pytest.raises(IllegalMove, match="no lost attempt of it has saved e/other"):
        lost.go_on("a", "e/other", step=1, is_own=True)


def test_what_was_resumed_can_be_resumed_again(lost: History) -> None:
    lost.go_on("a", "e/a@1.2", step=2, is_own=True)
    lost.report("a", 0.4, step=3)
    lost.lose("a")
    lost.start("a")
    lost.go_on("a", "e/a@1.2", step=2, is_own=True)
    assert [report.step for report in lost["a"].reports] == [1, 2]


def test_an_attempt_that_saved_nothing_leaves_what_the_one_before_it_has_saved(lost: History) -> None:
    lost.lose("a")
    assert lost["a"].lost is not None
    assert lost["a"].lost.checkpoints == ("e/a@1.1", "e/a@1.2")


def test_an_end_leaves_nothing_to_resume(lost: History) -> None:
    lost.complete("a", 0.5)
    assert lost["a"].lost is None


def test_a_resumed_driver_loses_what_ran_and_lets_it_resume(experiment: History) -> None:
    experiment.propose("a")
    experiment.start("a")
    experiment.save("a", "e/a@1")
    experiment.resume()
    experiment.start("a")
    experiment.go_on("a", "e/a@1", step=0, is_own=True)
    assert (experiment["a"].checkpoints, experiment["a"].num_losses) == (("e/a@1",), 0)


@pytest.fixture
def continuing(experiment: History) -> History:
    """A trial that goes on from its parent's step 10."""
    experiment.propose("parent")
    experiment.start("parent")
    experiment.report("parent", 0.5, step=10)
    experiment.save("parent", "e/parent@1")
    experiment.complete("parent", 0.5)
    experiment.propose("a", "parent", max_steps=30, continues=True)
    experiment.start("a")
    experiment.go_on("a", "e/parent@1", step=10, is_own=False)
    return experiment


def test_a_trial_that_continues_counts_its_own_steps_from_where_its_parent_ended(continuing: History) -> None:
    assert (continuing["a"].first_step, continuing["a"].steps) == (10, 0)
    continuing.report("a", 0.6, step=30)
    assert continuing["a"].steps == 20
    assert cumulative_steps(continuing.state.trials, A) == 30


def test_a_continuing_trial_that_is_lost_and_resumed_still_knows_where_its_parent_ended(
    continuing: History,
) -> None:
    continuing.report("a", 0.6, step=20)
    continuing.save("a", "e/a@1")
    continuing.lose("a")
    continuing.start("a")
    continuing.go_on("a", "e/a@1", step=20, is_own=True)
    continuing.report("a", 0.7, step=30)
    assert (continuing["a"].first_step, continuing["a"].steps) == (10, 20)


def test_a_strategy_is_told_the_trials_own_steps_and_budget(continuing: History) -> None:
    continuing.report("a", 0.6, step=30)
    continuing.complete("a", 0.6)
    assert (continuing.told[-1].steps, continuing.told[-1].max_steps) == (20, 30)


def test_steps_that_were_reported_before_a_trial_went_on_do_not_make_them_negative(
    experiment: History,
) -> None:
    experiment.propose("parent")
    experiment.start("parent")
    experiment.complete("parent")
    experiment.propose("a", "parent", continues=True)
    experiment.start("a")
    experiment.report("a", 0.1, step=0)
    experiment.go_on("a", "e/parent@1", step=10, is_own=False)
    assert experiment["a"].steps == 0
