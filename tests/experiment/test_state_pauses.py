"""After a loss a trial rests, without holding a slot, and then goes first."""

from __future__ import annotations

import pytest

from heredity.errors import IllegalMove
from heredity.experiment import ExperimentState
from heredity.ids import TrialId
from heredity.testing.histories import History


def lost_once(*, counts: bool = True) -> History:
    history = History(retry_delay_seconds=10)
    history.propose("a")
    history.start("a")
    history.lose("a", counts=counts)
    return history


def test_a_lost_trial_is_not_started_before_its_pause_is_over() -> None:
    history = lost_once()
    assert history.starting == []
    history.rest("a")
    assert history.starting == ["a"]


def test_the_pause_grows_with_each_loss() -> None:
    history = lost_once()
    assert history.state.rested(history.now + 8) == []
    assert history.state.rested(history.now + 9) == ["a"]
    history.rest("a")
    history.start("a")
    history.lose("a")
    assert history.state.rested(history.now + 18) == []
    assert history.state.rested(history.now + 19) == ["a"]


def test_a_trial_that_rests_leaves_its_slot_to_others() -> None:
    history = lost_once()
    assert history.state.num_wanted() == 1
    history.propose("b")
    assert history.starting == ["b"]


def test_after_its_pause_it_goes_before_those_that_wait() -> None:
    history = lost_once()
    history.propose("b")
    history.start("b")
    history.rest("a")
    history.complete("b")
    assert history.starting == ["a"]


def test_an_experiment_is_not_over_while_a_trial_rests() -> None:
    history = lost_once()
    history.exhaust()
    assert not history.state.is_over


def test_an_interrupt_brings_no_pause() -> None:
    assert lost_once(counts=False).starting == ["a"]


def test_a_trial_that_does_not_rest_cannot_end_its_rest() -> None:
    history = lost_once(counts=False)
    with pytest.raises(IllegalMove, match="does not rest"):
        history.rest("a")


def test_a_pause_outlives_the_driver() -> None:
    history = lost_once()
    history.resume()
    replayed = ExperimentState(history.state.rules)
    for event in history.events[1:]:
        replayed.handle(event)
    assert replayed.rested(1e9) == [TrialId("a")]
    replayed.check_invariants()
