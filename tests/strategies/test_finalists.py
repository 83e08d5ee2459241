"""The finalists of a search: the best of it, trained for longer, going on or anew."""

from __future__ import annotations

import pytest

from heredity.errors import ConfigError
from heredity.experiment import Report, TrialResult, TrialState
from heredity.ids import CheckpointKey, TrialId
from heredity.strategies import Given, GivenTrial, NoProposal, Proposal, Strategy
from heredity.strategies.finalists import Finalists, Start
from heredity.testing.strategy_suite import StrategySuite


def search(num_trials: int = 4) -> Strategy:
    return Given([GivenTrial(TrialId(f"t{number}"), {"width": number}) for number in range(num_trials)])


class TestFinalistsAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return Finalists(search(6), num_trials=5, top=2, max_steps=10, start="both")


def played(strategy: Strategy, *, saves: bool = True) -> list[Proposal]:
    """All proposals, where a trial's merit is its width."""
    proposals: list[Proposal] = []
    while isinstance(answer := strategy.ask(), Proposal):
        proposals.append(answer)
        width = answer.parameters["width"]
        assert isinstance(width, int)
        strategy.tell(
            TrialResult(
                answer.trial_id,
                answer.parameters,
                answer.parents,
                TrialState.COMPLETED,
                float(width),
                CheckpointKey(f"run/{answer.trial_id}@1") if saves else None,
                3,
                merit=float(width),
                reports=(Report(3, float(width)),),
            )
        )
    assert answer is NoProposal.EXHAUSTED
    return proposals


@pytest.mark.parametrize(("start", "num_finals"), [("continue", 2), ("fresh", 2), ("both", 4)])
def test_the_best_are_trained_longer(start: Start, num_finals: int) -> None:
    finals = played(Finalists(search(), num_trials=4, top=2, max_steps=10, start=start))[4:]
    assert len(finals) == num_finals
    assert {final.parameters["width"] for final in finals} == {3, 2}


def test_a_finalist_goes_on_beyond_the_steps_that_lie_behind_it() -> None:
    (final,) = played(Finalists(search(), num_trials=4, top=1, max_steps=10))[4:]
    assert (final.parents, final.continues, final.max_steps) == (("t3",), True, 13)


def test_what_saved_nothing_begins_anew() -> None:
    (final,) = played(Finalists(search(), num_trials=4, top=1, max_steps=10), saves=False)[4:]
    assert (final.parents, final.continues, final.max_steps) == ((), False, 10)


def test_finals_wait_for_the_whole_search() -> None:
    strategy = Finalists(search(2), num_trials=2, top=1, max_steps=1)
    assert isinstance(strategy.ask(), Proposal)
    assert isinstance(strategy.ask(), Proposal)
    assert strategy.ask() is NoProposal.NOT_YET


@pytest.mark.parametrize("name", ["num_trials", "top", "max_steps"])
def test_numbers_below_one_are_refused(name: str) -> None:
    numbers = {"num_trials": 1, "top": 1, "max_steps": 1} | {name: 0}
    with pytest.raises(ConfigError, match=f"Finalists: {name}: expected at least 1, got 0"):
        Finalists(
            search(), num_trials=numbers["num_trials"], top=numbers["top"], max_steps=numbers["max_steps"]
        )
