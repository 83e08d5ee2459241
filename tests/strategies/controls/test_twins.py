"""Scratch twins: which children get one, what it is, and that the search hears nothing of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from heredity.errors import ConfigError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.space import Float, Int
from heredity.strategies import (
    NoProposal,
    PopulationBased,
    Proposal,
    RegularizedEvolution,
    ScratchTwins,
    Strategy,
)
from heredity.testing.strategy_suite import StrategySuite


class TestScratchTwinsAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        evolution = RegularizedEvolution({"x": Float(0, 1)}, seed=0, population_size=6, sample_size=2)
        return ScratchTwins(evolution, share=0.5, seed=4)


class TestScratchTwinsOfAFiniteSpace(StrategySuite):
    def make_strategy(self) -> Strategy:
        evolution = RegularizedEvolution({"x": Int(1, 9)}, seed=0, population_size=3, sample_size=1)
        return ScratchTwins(evolution, share=1.0)


class TestScratchTwinsOfAPopulation(StrategySuite):
    def make_strategy(self) -> Strategy:
        population = PopulationBased(
            {"x": Float(0, 1)}, seed=0, population_size=4, interval_steps=2, num_intervals=4
        )
        return ScratchTwins(population, share=0.5, steps="cumulative")


class Listed:
    """Proposes what stands in a list, and remembers what it was told."""

    def __init__(self, proposals: Sequence[Proposal]) -> None:
        self.proposals = list(proposals)
        self.told: list[TrialId] = []

    def ask(self) -> Proposal | NoProposal:
        return self.proposals.pop(0) if self.proposals else NoProposal.EXHAUSTED

    def tell(self, result: TrialResult) -> None:
        self.told.append(result.trial_id)


def family(num_children: int) -> list[Proposal]:
    children = [proposal(f"t{number}", "father") for number in range(num_children)]
    return [proposal("father"), *children]


def proposal(
    name: str,
    *parents: str,
    max_steps: int | None = 5,
    continues: bool = False,
    twin_of: str | None = None,
    width: int = 3,
) -> Proposal:
    return Proposal(
        TrialId(name),
        {"width": width},
        tuple(map(TrialId, parents)),
        twin_of=None if twin_of is None else TrialId(twin_of),
        max_steps=max_steps,
        continues=continues,
        info={"generation": 1},
    )


def all_of(strategy: Strategy) -> list[Proposal]:
    found = []
    while isinstance(answer := strategy.ask(), Proposal):
        found.append(answer)
    assert answer is NoProposal.EXHAUSTED
    return found


def twins_of(strategy: Strategy) -> list[Proposal]:
    return [each for each in all_of(strategy) if each.twin_of is not None]


def test_a_twin_follows_its_child_and_differs_in_its_parents_alone() -> None:
    assert all_of(ScratchTwins(Listed(family(1)), share=1.0)) == [
        proposal("father"),
        proposal("t0", "father"),
        proposal("t0.scratch", twin_of="t0"),
    ]


def test_founders_have_no_twins() -> None:
    assert twins_of(ScratchTwins(Listed([proposal("a"), proposal("b")]), share=1.0)) == []


def test_a_trial_that_goes_on_has_no_twin() -> None:
    """It is its parent, trained further; one that takes over another's weights is a child."""
    line = [proposal("a"), proposal("rung", "a", continues=True), proposal("b", "a", continues=True, width=4)]
    assert [twin.twin_of for twin in twins_of(ScratchTwins(Listed(line), share=1.0))] == ["b"]


def test_a_twin_has_no_twin() -> None:
    given = [proposal("father"), proposal("t0", "father", twin_of="father")]
    assert all_of(ScratchTwins(Listed(given), share=1.0)) == given


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("share", "num"), [(0.0, 0), (0.1, 10), (0.3, 30), (0.7, 70), (1.0, 100)])
def test_the_share_is_kept_whatever_the_seed(share: float, num: int, seed: int) -> None:
    twins = twins_of(ScratchTwins(Listed(family(100)), share=share, seed=seed))
    assert abs(len(twins) - num) <= 1
    assert len({twin.twin_of for twin in twins}) == len(twins)


def test_a_short_search_has_its_twins_too() -> None:
    for seed in range(20):
        assert twins_of(ScratchTwins(Listed(family(10)), share=0.1, seed=seed))


def test_another_seed_draws_other_children() -> None:
    drawn = {
        tuple(twin.twin_of for twin in twins_of(ScratchTwins(Listed(family(50)), share=0.1, seed=seed)))
        for seed in range(5)
    }
    assert len(drawn) == 5


def test_the_strategy_hears_nothing_of_twins() -> None:
    inner = Listed(family(1))
    strategy = ScratchTwins(inner, share=1.0)
    for each in all_of(strategy):
        strategy.tell(result(each))
    assert inner.told == ["father", "t0"]


def test_the_search_goes_the_same_way_with_twins_and_without() -> None:
    def evolution() -> Strategy:
        return RegularizedEvolution({"x": Float(0, 1)}, seed=0, population_size=4, sample_size=2)

    alone, together = evolution(), ScratchTwins(evolution(), share=0.5)
    without = [play(alone) for _ in range(20)]
    assert [each for each in (play(together) for _ in range(28)) if each.twin_of is None][:20] == without


def play(strategy: Strategy) -> Proposal:
    answer = strategy.ask()
    assert isinstance(answer, Proposal)
    strategy.tell(result(answer))
    return answer


def result(proposal: Proposal) -> TrialResult:
    merit = float(str(proposal.parameters.get("x", 0.0)))
    return TrialResult(
        trial_id=proposal.trial_id,
        parameters=proposal.parameters,
        parents=proposal.parents,
        state=TrialState.COMPLETED,
        score=merit,
        checkpoint=None,
        steps=1,
        merit=merit,
    )


# --- how long they train ------------------------------------------------------------------------------------

LINE = [
    proposal("father"),
    proposal("mother", max_steps=8),
    proposal("child", "father", "mother", max_steps=4),
    proposal("rung", "child", max_steps=9, continues=True),
    proposal("grandchild", "rung", max_steps=1),
    proposal("exploiting", "rung", max_steps=12, continues=True, width=4),
]


def test_a_twin_trains_as_long_as_its_original() -> None:
    assert [twin.max_steps for twin in twins_of(ScratchTwins(Listed(LINE), share=1.0))] == [4, 1, 12]


def test_a_twin_may_train_as_long_as_its_original_and_its_ancestors_together() -> None:
    """The rung's nine steps hold the child's four, and come after the mother's eight."""
    twins = twins_of(ScratchTwins(Listed(LINE), share=1.0, steps="cumulative"))
    assert [twin.max_steps for twin in twins] == [12, 18, 20]


@pytest.mark.parametrize("unbounded", range(3))
def test_what_an_unbounded_ancestor_costs_is_not_known(unbounded: int) -> None:
    line = [proposal("a"), proposal("b", "a"), proposal("c", "b")]
    line[unbounded] = proposal(line[unbounded].trial_id, *line[unbounded].parents, max_steps=None)
    assert twins_of(ScratchTwins(Listed(line), share=1.0, steps="cumulative"))[-1].max_steps is None


# --- settings -----------------------------------------------------------------------------------------------


def test_a_share_lies_between_none_and_all() -> None:
    with pytest.raises(ConfigError, match="share: expected 0 to 1, got 2"):
        ScratchTwins(Listed([]), share=2)


def test_steps_are_own_or_cumulative() -> None:
    with pytest.raises(ConfigError, match="steps: expected own or cumulative, got 'all'"):
        ScratchTwins(Listed([]), steps="all")  # type: ignore[arg-type]  # wrong on purpose
