"""The same schedule without parents, and without children."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from tests.strategies.playing import played

from heredity.experiment import TrialResult, TrialState
from heredity.ids import CheckpointKey, TrialId
from heredity.space import Float, Int
from heredity.strategies import (
    Climb,
    Edits,
    Fresh,
    NetworkMorphism,
    NoProposal,
    PopulationBased,
    Proposal,
    RegularizedEvolution,
    Strategy,
    SuccessiveHalving,
    WithoutChildren,
)
from heredity.testing.strategy_suite import StrategySuite

NOT_YET, EXHAUSTED = NoProposal.NOT_YET, NoProposal.EXHAUSTED


def evolution() -> RegularizedEvolution:
    return RegularizedEvolution({"x": Float(0, 1)}, seed=0, population_size=6, sample_size=2)


class TestFreshAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return Fresh(evolution())


class TestWithoutChildrenAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return WithoutChildren(evolution())


class TestWithoutChildrenOfAFiniteSpace(StrategySuite):
    def make_strategy(self) -> Strategy:
        few = RegularizedEvolution({"x": Int(1, 9)}, seed=0, population_size=3, sample_size=1)
        return WithoutChildren(few)


class TestFreshHalving(StrategySuite):
    def make_strategy(self) -> Strategy:
        return Fresh(halving())


class TestWithoutChildrenOfAPopulation(StrategySuite):
    def make_strategy(self) -> Strategy:
        population = PopulationBased(
            {"x": Float(0, 1)}, seed=0, population_size=4, interval_steps=2, num_intervals=4, synchronous=True
        )
        return WithoutChildren(population)


def climb() -> Strategy:
    return NetworkMorphism(
        {"width": Int(1, 64), "depth": Int(1, 20)},
        seed=0,
        edits=Edits(growing=("width", "depth")),
        climb=Climb(steps=5, num_rounds=4, num_children=2, num_edits=1, final_steps=7),
        start={"width": 2, "depth": 1},
    )


def halving() -> Strategy:
    return SuccessiveHalving({"x": Float(0, 1)}, seed=0, min_steps=1, max_steps=9, num_configurations=9)


class Scripted:
    """Gives these answers, and remembers what it was told."""

    def __init__(self, answers: Sequence[Proposal | NoProposal]) -> None:
        self.answers = list(answers)
        self.told: list[TrialResult] = []

    def ask(self) -> Proposal | NoProposal:
        return self.answers.pop(0) if self.answers else EXHAUSTED

    def tell(self, result: TrialResult) -> None:
        self.told.append(result)


def proposal(name: str, *parents: str, width: int = 3, continues: bool = False) -> Proposal:
    return Proposal(
        TrialId(name), {"width": width}, tuple(map(TrialId, parents)), max_steps=5, continues=continues
    )


def result(trial: str) -> TrialResult:
    return TrialResult(
        trial_id=TrialId(trial),
        parameters={},
        parents=(),
        state=TrialState.COMPLETED,
        score=1.0,
        checkpoint=CheckpointKey(f"test/{trial}@1"),
        steps=1,
        merit=1.0,
    )


def ids(strategy: Strategy, *, num: int) -> list[str]:
    answers = [strategy.ask() for _ in range(num)]
    return [answer.trial_id for answer in answers if isinstance(answer, Proposal)]


# --- fresh --------------------------------------------------------------------------------------------------


def test_every_trial_begins_from_nothing_and_the_record_says_whose_weights_were_withheld() -> None:
    strategy = Fresh(Scripted([proposal("a"), proposal("b", "a", width=4, continues=True)]))
    assert strategy.ask() == proposal("a")
    answer = strategy.ask()
    assert isinstance(answer, Proposal)
    assert (answer.parents, answer.continues, answer.max_steps) == ((), False, 5)
    assert answer.info == {"parents_withheld": ["a"]}


def test_a_trial_that_goes_on_keeps_its_own_weights() -> None:
    strategy = Fresh(Scripted([proposal("a"), proposal("b", "a", continues=True)]))
    strategy.ask()
    assert strategy.ask() == proposal("b", "a", continues=True)


@pytest.mark.parametrize("inner", [climb, halving])
def test_a_search_from_nothing_costs_as_many_steps_as_with_weights(inner: Callable[[], Strategy]) -> None:
    def cost(strategy: Strategy) -> list[int]:
        proposals = played(strategy, lambda trial: float(trial.trial_id[:5]), most=30)
        steps = {each.trial_id: each.max_steps or 0 for each in proposals}
        return [steps[p.trial_id] - (steps[p.parents[0]] if p.continues else 0) for p in proposals]

    assert cost(Fresh(inner())) == cost(inner())


def test_the_strategy_is_told_its_own_parents() -> None:
    inner = Scripted([proposal("a"), proposal("b", "a")])
    strategy = Fresh(inner)
    ids(strategy, num=2)
    strategy.tell(result("b"))
    assert [each.parents for each in inner.told] == [("a",)]


def test_the_same_results_lead_to_the_same_schedule_as_with_weights() -> None:
    def play(strategy: Strategy) -> list[tuple[str, object]]:
        played: list[tuple[str, object]] = []
        for _ in range(20):
            answer = strategy.ask()
            assert isinstance(answer, Proposal)
            played.append((answer.trial_id, answer.parameters))
            strategy.tell(result(answer.trial_id))
        return played

    assert play(Fresh(evolution())) == play(evolution())


# --- without children ---------------------------------------------------------------------------------------


def test_children_are_left_out_and_founders_remain() -> None:
    inner = Scripted([proposal("a"), proposal("b", "a"), proposal("c"), proposal("d", "c")])
    assert ids(WithoutChildren(inner), num=3) == ["a", "c"]


def test_the_strategy_is_told_that_its_children_have_failed() -> None:
    inner = Scripted([proposal("a"), proposal("b", "a")])
    ids(WithoutChildren(inner), num=1)
    assert [(each.trial_id, each.state, each.merit) for each in inner.told] == [
        ("b", TrialState.FAILED, None)
    ]


def test_a_halving_has_no_children() -> None:
    def rungs(strategy: Strategy) -> list[list[str]]:
        found = []
        for _ in range(3):
            found.append(ids(strategy, num=9))
            for trial in found[-1]:
                strategy.tell(result(trial))
        return found

    assert rungs(WithoutChildren(halving())) == rungs(halving())
    assert [len(rung) for rung in rungs(halving())] == [9, 3, 1]


def test_a_trial_that_goes_on_is_no_child() -> None:
    inner = Scripted([proposal("a"), proposal("b", "a", continues=True), proposal("c", "b", continues=True)])
    assert ids(WithoutChildren(inner), num=4) == ["a", "b", "c"]


def test_a_trial_that_takes_over_anothers_weights_is_a_child_though_it_continues() -> None:
    inner = Scripted([proposal("a"), proposal("b", "a", width=4, continues=True), proposal("c")])
    assert ids(WithoutChildren(inner), num=3) == ["a", "c"]


def test_what_goes_on_with_a_child_is_left_out_with_it() -> None:
    inner = Scripted([proposal("a"), proposal("b", "a"), proposal("c", "b", continues=True), proposal("d")])
    assert ids(WithoutChildren(inner), num=3) == ["a", "d"]


def test_it_waits_when_the_strategy_waits_and_asks_again_when_a_trial_has_ended() -> None:
    strategy = WithoutChildren(Scripted([proposal("a"), proposal("b", "a"), NOT_YET, proposal("c")]))
    assert ids(strategy, num=1) == ["a"]
    assert [strategy.ask(), strategy.ask()] == [NOT_YET, NOT_YET]
    strategy.tell(result("a"))
    assert ids(strategy, num=1) == ["c"]


def test_a_strategy_with_nothing_but_children_left_is_exhausted() -> None:
    strategy = WithoutChildren(evolution())
    assert len(ids(strategy, num=6)) == 6
    assert strategy.ask() is NOT_YET
    for number in range(1, 7):
        strategy.tell(result(f"0000{number}"))
    assert strategy.ask() is EXHAUSTED


def test_it_does_not_matter_how_often_it_is_asked_in_vain() -> None:
    def play(num_asked: int) -> list[str]:
        strategy = WithoutChildren(evolution())
        found = ids(strategy, num=4)
        for number in range(1, 5):
            strategy.tell(result(f"0000{number}"))
            found += ids(strategy, num=num_asked)
        return found

    assert play(9) == play(2)
