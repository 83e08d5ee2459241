"""Random search: distinct points without parents."""

from __future__ import annotations

from heredity.space import Choice, Float, Int
from heredity.strategies import NoProposal, Proposal, RandomSearch, Strategy
from heredity.testing.strategy_suite import StrategySuite


class TestRandomSearchAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return RandomSearch({"rate": Float(1e-4, 1, log=True)}, seed=3)


class TestRandomSearchInAFiniteSpace(StrategySuite):
    def make_strategy(self) -> Strategy:
        return RandomSearch({"width": Int(1, 9)}, seed=3, max_steps=5)


def proposals(strategy: Strategy, *, num: int) -> list[Proposal]:
    answers = [strategy.ask() for _ in range(num)]
    return [answer for answer in answers if isinstance(answer, Proposal)]


def test_a_finite_space_is_tried_once_and_then_exhausted() -> None:
    strategy = RandomSearch({"width": Int(1, 9)}, seed=0)
    assert sorted(str(each.parameters["width"]) for each in proposals(strategy, num=9)) == list("123456789")
    assert strategy.ask() is NoProposal.EXHAUSTED


def test_another_seed_gives_other_points() -> None:
    space = {"width": Float(0, 1)}
    first, second = (proposals(RandomSearch(space, seed=seed), num=3) for seed in (0, 1))
    assert [each.parameters for each in first] != [each.parameters for each in second]


def test_trials_are_numbered_and_bounded() -> None:
    strategy = RandomSearch({"activation": Choice(["relu", "gelu"])}, seed=0, max_steps=7)
    assert [(each.trial_id, each.max_steps) for each in proposals(strategy, num=2)] == [
        ("00001", 7),
        ("00002", 7),
    ]
