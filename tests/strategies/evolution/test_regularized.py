"""Regularized evolution: founders, tournaments, age, mutants, and whose weights they get."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from heredity.errors import ConfigError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import CheckpointKey
from heredity.space import Choice, Float, Int, Space
from heredity.strategies import NoProposal, Proposal, RegularizedEvolution, Strategy
from heredity.testing.strategy_suite import StrategySuite

SPACE = Space({"width": Int(1, 64), "depth": Int(1, 8), "rate": Float(1e-4, 1, log=True)})
FEW = Space({"width": Int(1, 6), "activation": Choice(["relu", "gelu"])})


class TestEvolutionAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return RegularizedEvolution(SPACE, seed=1, population_size=8, sample_size=3)


class TestEvolutionWithCrossoverAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return RegularizedEvolution(
            SPACE, seed=1, population_size=8, sample_size=3, num_mutations=2, crossover=0.5
        )


class TestEvolutionInAFiniteSpace(StrategySuite):
    def make_strategy(self) -> Strategy:
        return RegularizedEvolution(FEW, seed=1, population_size=20, sample_size=20)


def evolution(**settings: Any) -> RegularizedEvolution:
    defaults: dict[str, Any] = {"space": SPACE, "seed": 0, "population_size": 5, "sample_size": 2}
    return RegularizedEvolution(**(defaults | settings))


def result(proposal: Proposal, merit: float | None, *, saves: bool = True, **merits: float) -> TrialResult:
    return TrialResult(
        trial_id=proposal.trial_id,
        parameters=proposal.parameters,
        parents=proposal.parents,
        state=TrialState.FAILED if merit is None else TrialState.COMPLETED,
        score=merit,
        checkpoint=CheckpointKey(f"test/{proposal.trial_id}@1") if saves else None,
        steps=1,
        merit=merit,
        merits=merits,
    )


def proposed(strategy: Strategy) -> Proposal:
    answer = strategy.ask()
    assert isinstance(answer, Proposal)
    return answer


def run(
    strategy: Strategy, *, num: int, merit: Callable[[Proposal], float | None], saves: bool = True
) -> list[Proposal]:
    proposals = []
    for _ in range(num):
        proposals.append(proposed(strategy))
        strategy.tell(result(proposals[-1], merit(proposals[-1]), saves=saves))
    return proposals


def width(proposal: Proposal) -> float:
    return float(str(proposal.parameters["width"]))


def ids(proposals: Iterable[Proposal]) -> set[str]:
    return {proposal.trial_id for proposal in proposals}


# --- founders -----------------------------------------------------------------------------------------------


def test_founders_come_first_and_children_after_them() -> None:
    proposals = run(evolution(), num=8, merit=width)
    assert [bool(proposal.parents) for proposal in proposals] == [False] * 5 + [True] * 3


def test_a_founder_that_fails_is_replaced() -> None:
    proposals = run(evolution(), num=8, merit=lambda each: None if each.trial_id == "00002" else 1.0)
    assert [bool(proposal.parents) for proposal in proposals] == [False] * 6 + [True] * 2


def test_children_wait_for_as_many_trials_as_a_tournament_draws() -> None:
    strategy = evolution()
    founders = [proposed(strategy) for _ in range(5)]
    strategy.tell(result(founders[3], 0.5))
    assert strategy.ask() is NoProposal.NOT_YET
    strategy.tell(result(founders[1], 0.6))
    assert set(proposed(strategy).parents) <= {"00002", "00004"}


def test_nobody_waits_for_a_generation() -> None:
    strategy = evolution()
    founders = [proposed(strategy) for _ in range(5)]
    for founder in founders[:2]:
        strategy.tell(result(founder, 0.5))
    assert all(proposed(strategy).parents for _ in range(20))


# --- parents ------------------------------------------------------------------------------------------------


def test_the_best_of_a_tournament_that_draws_often_becomes_the_parent() -> None:
    strategy = evolution(population_size=4, sample_size=4, seed=5)
    founders = run(strategy, num=4, merit=width)
    best = max(founders, key=width)
    parents = [proposed(strategy).parents for _ in range(40)]
    assert parents.count((best.trial_id,)) > 20  # with probability 1 - (3/4)**4 = 0.68 each


def test_the_oldest_leaves_however_good_it_is() -> None:
    strategy = evolution(population_size=3, sample_size=3)
    first = run(strategy, num=3, merit=lambda _: 1.0)
    run(strategy, num=3, merit=lambda _: 0.0)
    assert not ids(first) & {parent for _ in range(20) for parent in proposed(strategy).parents}


def test_a_trial_that_failed_is_nobodys_parent() -> None:
    strategy = evolution(population_size=3, sample_size=3)
    run(strategy, num=3, merit=width)
    failed = run(strategy, num=5, merit=lambda _: None)
    assert not ids(failed) & {parent for _ in range(30) for parent in proposed(strategy).parents}


def test_children_of_a_parent_that_saved_nothing_begin_from_nothing() -> None:
    strategy = evolution()
    run(strategy, num=5, merit=width, saves=False)
    child = proposed(strategy)
    assert child.parents == ()
    assert child.info["mutated_from"] in {f"0000{number}" for number in range(1, 6)}


def test_evolution_from_scratch_names_no_parents() -> None:
    proposals = run(evolution(inherit=False), num=9, merit=width)
    assert not any(proposal.parents for proposal in proposals)
    assert [proposal.info["generation"] != 0 for proposal in proposals] == [False] * 5 + [True] * 4


def test_a_mixed_child_has_both_parents_and_the_weights_of_the_first() -> None:
    proposals = run(evolution(crossover=1.0, seed=2), num=25, merit=width)
    mixed = [proposal for proposal in proposals if len(proposal.parents) == 2]
    assert len(mixed) > 5
    for child in mixed:
        assert child.parents == (child.info["mutated_from"], child.info["crossed_with"])


def test_several_objectives_are_won_by_the_first_front() -> None:
    strategy = evolution(population_size=4, sample_size=4, seed=3)
    founders = [proposed(strategy) for _ in range(4)]
    for founder, (merit, size) in zip(
        founders, [(0.9, -9.0), (0.1, -1.0), (0.8, -9.5), (0.1, -2.0)], strict=True
    ):
        strategy.tell(result(founder, merit, size=size))
    parents = [parent for _ in range(100) for parent in proposed(strategy).parents]
    on_front = sum(parents.count(founders[index].trial_id) for index in (0, 1))
    assert on_front > 85  # with probability 1 - (1/2)**4 = 0.94 each


# --- mutants ------------------------------------------------------------------------------------------------


def test_a_child_differs_from_its_parent_in_one_value_and_the_record_says_which() -> None:
    proposals = run(evolution(), num=20, merit=width)
    by_id = {proposal.trial_id: proposal for proposal in proposals}
    for child in proposals[5:]:
        parent = by_id[child.parents[0]]
        differing = {
            n: [parent.parameters[n], v] for n, v in child.parameters.items() if parent.parameters[n] != v
        }
        assert child.info["changed"] == differing
        assert len(differing) == 1
        assert child.info["generation"] == int(str(parent.info["generation"])) + 1


def test_no_point_is_proposed_twice_and_in_the_end_all_were() -> None:
    strategy = evolution(space=FEW)
    proposals = run(strategy, num=12, merit=width)
    assert len({tuple(proposal.parameters.items()) for proposal in proposals}) == 12
    assert strategy.ask() is NoProposal.EXHAUSTED


def test_founders_and_children_may_train_for_different_times() -> None:
    proposals = run(evolution(max_steps=9, child_max_steps=2), num=7, merit=width)
    assert [proposal.max_steps for proposal in proposals] == [9] * 5 + [2] * 2


def test_evolution_finds_better_points_than_chance() -> None:
    """The median of ten searches with 60 trials each, on a sum of squares."""
    space = Space({name: Float(-1, 1) for name in "abcdef"})

    def merit(proposal: Proposal) -> float:
        return -sum(float(str(value)) ** 2 for value in proposal.parameters.values())

    evolved, random_ones = [], []
    for seed in range(10):
        strategy = RegularizedEvolution(space, seed=seed, population_size=10, sample_size=4)
        evolved.append(max(map(merit, run(strategy, num=60, merit=merit))))
        rng = random.Random(seed)
        random_ones.append(max(-sum(rng.uniform(-1, 1) ** 2 for _ in range(6)) for _ in range(60)))
    assert sorted(evolved)[5] > sorted(random_ones)[5] / 2


# --- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population_size": 0}, "population_size: expected at least 1, got 0"),
        ({"sample_size": 6}, "sample_size: expected 1 to population_size = 5, got 6"),
        ({"num_mutations": 0}, "num_mutations: expected at least 1, got 0"),
        ({"crossover": 1.5}, "crossover: expected 0 to 1, got 1.5"),
    ],
)
def test_a_setting_out_of_its_range_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evolution(**settings)
