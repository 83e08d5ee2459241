"""Each stopper: what it stops, what it lets go on, and that heirs are judged among heirs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from heredity.errors import ConfigError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.strategies import Progress, Stopper
from heredity.strategies.stopping import (
    AnyOf,
    HalvingStopper,
    MedianStopper,
    PatienceStopper,
    PercentileStopper,
    ThresholdStopper,
)
from heredity.testing.stopper_suite import StopperSuite


class TestMedianAsStopper(StopperSuite):
    def make_stopper(self) -> Stopper:
        return MedianStopper(min_steps=3)


class TestPercentileAsStopper(StopperSuite):
    def make_stopper(self) -> Stopper:
        return PercentileStopper(75, min_trials=2, separate_kinds=False)


class TestHalvingAsStopper(StopperSuite):
    def make_stopper(self) -> Stopper:
        return HalvingStopper(min_steps=2, max_steps=30)


class TestThresholdAsStopper(StopperSuite):
    def make_stopper(self) -> Stopper:
        return ThresholdStopper({5: 0.1, 20: 0.4})


class TestPatienceAsStopper(StopperSuite):
    def make_stopper(self) -> Stopper:
        return PatienceStopper(num_reports=3, min_delta=0.01)


class TestAnyOfAsStopper(StopperSuite):
    def make_stopper(self) -> Stopper:
        return AnyOf([MedianStopper(), PatienceStopper(num_reports=4), ThresholdStopper({9: 0.2})])


def report(stopper: Stopper, trial: str, merits: Sequence[float], *, parent: str = "", first: int = 1) -> str:
    """Report at one step after the other; the last answer. A parent and a later first step: it continues."""
    answer = ""
    for step, merit in enumerate(merits, start=first):
        parents = (TrialId(parent),) if parent else ()
        progress = Progress(TrialId(trial), step, merit, parents=parents, continues=first > 1)
        answer = stopper.should_stop(progress)
    return answer


def end(stopper: Stopper, trial: str, state: TrialState = TrialState.COMPLETED) -> None:
    result = TrialResult(
        trial_id=TrialId(trial), parameters={}, parents=(), state=state, score=1.0, checkpoint=None, steps=1
    )
    stopper.tell(result)


def run(stopper: Stopper, trial: str, merits: Sequence[float], *, parent: str = "") -> None:
    report(stopper, trial, merits, parent=parent)
    end(stopper, trial)


# --- the median and other percentiles -----------------------------------------------------------------------


def with_three(stopper: Stopper) -> Stopper:
    """Completed trials with running averages of 0.2, 0.4 and 0.6 up to step 2."""
    for name, merits in {"a": (0.1, 0.3, 0.9), "b": (0.3, 0.5, 0.9), "c": (0.5, 0.7, 0.9)}.items():
        run(stopper, name, merits)
    return stopper


def test_a_trial_is_stopped_when_its_best_is_below_the_median_of_running_averages() -> None:
    answer = report(with_three(MedianStopper(min_trials=3)), "d", [0.39, 0.1])
    assert answer == (
        "its best by step 2, 0.39, is below 0.4, the percentile 50 of the running averages of 3 completed "
        "founders"
    )


def test_the_best_report_counts_not_the_last() -> None:
    assert report(with_three(MedianStopper(min_trials=3)), "d", [0.4, 0.1]) == ""


@pytest.mark.parametrize(("percentile", "bar"), [(0, 0.2), (25, 0.3), (50, 0.4), (75, 0.5), (100, 0.6)])
def test_a_percentile_lies_between_the_running_averages(percentile: float, bar: float) -> None:
    stopper = with_three(PercentileStopper(percentile, min_trials=3))
    assert not report(stopper, "d", [0.0, bar + 1e-9])
    assert report(stopper, "e", [0.0, bar - 1e-9])


def test_only_completed_trials_are_compared_with() -> None:
    stopper = MedianStopper(min_trials=1)
    for name, state in {"a": TrialState.FAILED, "b": TrialState.STOPPED_EARLY}.items():
        report(stopper, name, [0.9])
        end(stopper, name, state)
    assert report(stopper, "c", [0.1]) == ""
    end(stopper, "c")
    assert report(stopper, "d", [0.0])


def test_nothing_is_stopped_before_its_time() -> None:
    stopper = with_three(MedianStopper(min_steps=3, min_trials=3))
    assert report(stopper, "d", [0.0, 0.0]) == ""
    assert report(stopper, "e", [0.0, 0.0, 0.0])
    assert report(with_three(MedianStopper(min_trials=4)), "d", [0.0]) == ""


def test_a_trial_that_had_not_reported_by_the_step_is_no_measure() -> None:
    stopper = with_three(MedianStopper(min_trials=3))
    late = Progress(TrialId("late"), 5, 99.0)
    stopper.should_stop(late)
    end(stopper, "late")
    assert report(stopper, "d", [0.0, 0.4]) == ""


def test_trials_that_complete_later_raise_the_bar_at_steps_that_were_asked_for() -> None:
    stopper = with_three(MedianStopper(min_trials=3))
    assert report(stopper, "d", [0.0, 0.4]) == ""
    for name in "xyz":
        run(stopper, name, [0.8, 0.8])
    assert "below 0.7" in report(stopper, "e", [0.0, 0.4])


def test_a_lost_attempts_reports_count_no_more() -> None:
    stopper = with_three(MedianStopper(min_trials=3))
    report(stopper, "d", [0.9, 0.9])
    assert report(stopper, "d", [0.1, 0.1])


def test_founders_are_not_measured_by_heirs() -> None:
    stopper = MedianStopper(min_trials=3)
    for name in "abc":
        run(stopper, name, [0.9, 0.9], parent="father")
    assert report(stopper, "founder", [0.1, 0.2]) == ""
    assert "completed heirs" in report(stopper, "heir", [0.1, 0.2], parent="father")


def test_founders_are_measured_by_all_if_one_likes() -> None:
    stopper = MedianStopper(min_trials=3, separate_kinds=False)
    for name in "abc":
        run(stopper, name, [0.9, 0.9], parent="father")
    assert "completed trials" in report(stopper, "founder", [0.1, 0.2])


def test_a_trial_that_goes_on_has_its_parents_reports_and_kind() -> None:
    stopper = with_three(MedianStopper(min_trials=3))
    report(stopper, "rung", [0.5, 0.7])
    assert report(stopper, "next", [0.1], parent="rung", first=3) == ""  # the best is 0.7, of its parent
    report(stopper, "other", [0.1, 0.2])
    assert "completed founders" in report(stopper, "another", [0.1], parent="other", first=3)


# --- halving ------------------------------------------------------------------------------------------------


def halving() -> HalvingStopper:
    return HalvingStopper(min_steps=1, max_steps=9, reduction=3)


def test_one_of_three_goes_on_from_a_rung() -> None:
    stopper = halving()
    answers = [
        report(stopper, name, [merit]) for name, merit in zip("abcdef", (5, 4, 3, 6, 1, 5.5), strict=True)
    ]
    assert [bool(answer) for answer in answers] == [False, False, True, False, True, False]
    assert answers[2] == "at the rung of step 1, 3 is not among the best 1 of 3 founders"


def test_between_rungs_nothing_is_stopped() -> None:
    stopper = halving()
    for name in "abc":
        report(stopper, name, [9, 9])
    assert report(stopper, "d", [9, 0]) == ""
    assert report(stopper, "d", [9, 0, 0]) == ""  # the first one at the rung of step 3


def test_a_report_that_passes_two_rungs_counts_at_both() -> None:
    stopper = halving()
    for name in "ab":
        stopper.should_stop(Progress(TrialId(name), 4, 1.0))
    assert "step 1" in report(stopper, "c", [0.0])
    assert "step 3" in stopper.should_stop(Progress(TrialId("d"), 3, 0.0))


def test_a_trial_that_comes_to_a_rung_again_is_not_counted_twice() -> None:
    stopper = halving()
    for _ in range(3):
        assert report(stopper, "a", [1.0]) == ""
    assert report(stopper, "b", [0.0]) == ""  # of two, all go on
    assert report(stopper, "c", [0.0])


def test_a_trial_that_goes_on_has_passed_its_parents_rungs() -> None:
    stopper = halving()
    for name, merit in (("a", 3), ("b", 2)):
        report(stopper, name, [merit])
    assert report(stopper, "a2", [0.0], parent="a", first=2) == ""
    assert report(stopper, "c", [1.0])  # the third at the rung, not the fourth


def test_heirs_and_founders_stand_on_rungs_of_their_own() -> None:
    stopper = halving()
    for name in "abc":
        report(stopper, name, [9.0], parent="father")
    assert report(stopper, "d", [0.0]) == ""


# --- thresholds, patience, several --------------------------------------------------------------------------


def test_a_threshold_must_be_reached_by_its_step() -> None:
    stopper = ThresholdStopper({2: 0.5, 4: 0.7})
    assert report(stopper, "a", [0.1]) == ""
    assert report(stopper, "a", [0.1, 0.4]) == "its best by step 2, 0.4, is below 0.5"
    assert report(stopper, "b", [0.6, 0.1, 0.1]) == ""
    assert report(stopper, "b", [0.6, 0.1, 0.1, 0.1]) == "its best by step 4, 0.6, is below 0.7"


def test_a_plateau_is_so_many_reports_without_improvement() -> None:
    stopper = PatienceStopper(num_reports=2)
    assert report(stopper, "a", [0.5, 0.4, 0.6, 0.6]) == ""
    assert report(stopper, "b", [0.5, 0.6, 0.6, 0.5]) == (
        "2 reports in a row have not improved on 0.6 by more than 0"
    )


def test_a_small_improvement_is_none() -> None:
    assert report(PatienceStopper(num_reports=3, min_delta=0.1), "a", [0.5, 0.55, 0.58, 0.59])
    assert report(PatienceStopper(num_reports=3, min_delta=0.1), "a", [0.5, 0.55, 0.58, 0.61]) == ""


def test_patience_begins_again_with_a_lost_trial() -> None:
    stopper = PatienceStopper(num_reports=2)
    assert report(stopper, "a", [0.5, 0.4]) == ""
    assert report(stopper, "a", [0.5, 0.4]) == ""


def test_patience_lasts_up_to_the_first_step_at_which_a_trial_may_stop() -> None:
    stopper = PatienceStopper(num_reports=1, min_steps=3)
    assert report(stopper, "a", [0.5, 0.4]) == ""
    assert report(stopper, "a", [0.5, 0.4, 0.4])


def test_all_reasons_are_given_and_all_stoppers_hear_all() -> None:
    stopper = AnyOf([ThresholdStopper({1: 0.5}), PatienceStopper(num_reports=1)])
    assert report(stopper, "a", [0.4, 0.4]) == (
        "its best by step 2, 0.4, is below 0.5; 1 reports in a row have not improved on 0.4 by more than 0"
    )


# --- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PercentileStopper(101), "percentile: expected 0 to 100, got 101"),
        (lambda: MedianStopper(min_trials=0), "min_trials: expected at least 1, got 0"),
        (
            lambda: HalvingStopper(min_steps=5, max_steps=4),
            "expected 1 <= min_steps <= max_steps, got 5 and 4",
        ),
        (
            lambda: HalvingStopper(min_steps=1, max_steps=4, reduction=1),
            "reduction: expected at least 2, got 1",
        ),
        (lambda: ThresholdStopper({}), "expected a finite merit for each of one or more steps"),
        (lambda: ThresholdStopper({1: float("nan")}), "expected a finite merit"),
        (lambda: PatienceStopper(num_reports=0), "num_reports: expected at least 1, got 0"),
        (lambda: PatienceStopper(num_reports=1, min_delta=-1), "min_delta: expected 0 or more, got -1"),
    ],
)
def test_a_setting_out_of_its_range_is_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ConfigError, match=message):
        make()
