"""Successive halving and Hyperband: who goes on, from where, and what failures leave of it."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
from tests.strategies.playing import asked, ended, played

from heredity.errors import ConfigError
from heredity.experiment import TrialState
from heredity.ids import TrialId
from heredity.space import Choice, Float
from heredity.strategies import NoProposal, Proposal, RandomSearch, Strategy
from heredity.strategies.evolution import RegularizedEvolution
from heredity.strategies.halving import Hyperband, SuccessiveHalving
from heredity.testing.strategy_suite import StrategySuite

SPACE = {"x": Float(0.0, 1.0)}

halving = partial(
    SuccessiveHalving, SPACE, seed=0, min_steps=1, max_steps=9, reduction=3, num_configurations=9
)


class TestSuccessiveHalvingAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return halving()


class TestRestartingAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return halving(restart=True, num_brackets=2)


class TestHalvingWithoutEndAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return halving(num_brackets=None)


class TestHalvingOfFewPointsAsAStrategy(StrategySuite):
    """Four points for nine places, and a second bracket for which there are none left."""

    def make_strategy(self) -> Strategy:
        return SuccessiveHalving(
            {"x": Choice([1, 2, 3, 4])},
            seed=0,
            min_steps=1,
            max_steps=9,
            num_configurations=9,
            num_brackets=None,
        )


class TestHyperbandAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return Hyperband(SPACE, seed=0, min_steps=1, max_steps=9)


class TestHyperbandOfASearchAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return Hyperband(SPACE, seed=0, min_steps=1, max_steps=27, sampler=evolving)


class TestHyperbandOfFewPointsWithoutEndAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        space = {"x": Choice([1, 2, 3])}
        return Hyperband(space, seed=0, min_steps=1, max_steps=9, num_rounds=None)


evolving = partial(RegularizedEvolution, population_size=3, sample_size=2)


def x_of(proposal: Proposal) -> float:
    x = proposal.parameters["x"]
    assert isinstance(x, int | float)
    return x


def rungs(proposals: list[Proposal]) -> Counter[int | None]:
    return Counter(proposal.max_steps for proposal in proposals)


def test_the_best_of_each_rung_go_on() -> None:
    proposals = played(halving(), x_of)
    xs = sorted(map(x_of, proposals[:9]), reverse=True)
    assert rungs(proposals) == {1: 9, 3: 3, 9: 1}
    assert [x_of(proposal) for proposal in proposals[9:]] == [*xs[:3], xs[0]]


def test_a_promotion_goes_on_from_the_trial_of_the_rung_below() -> None:
    proposals = played(halving(), x_of)
    first, second, third = (p for p in proposals if x_of(p) == max(map(x_of, proposals)))
    assert (first.parents, first.continues, first.max_steps) == ((), False, 1)
    assert (second.parents, second.continues, second.max_steps) == ((first.trial_id,), True, 3)
    assert (third.parents, third.continues, third.max_steps) == ((second.trial_id,), True, 9)


def test_what_a_trial_is_stands_in_its_record() -> None:
    last = played(halving(num_brackets=2), x_of)[-1]
    assert last.info["rung"] == 2
    assert last.info["bracket"] == 2
    assert last.info["round"] == 1
    assert last.info["configuration"] != last.trial_id


def test_a_halving_may_restart_at_every_rung() -> None:
    proposals = played(halving(restart=True), x_of)
    assert rungs(proposals) == {1: 9, 3: 3, 9: 1}
    assert not any(proposal.parents or proposal.continues for proposal in proposals)


def test_equal_merits_go_on_in_the_order_of_their_proposal() -> None:
    proposals = played(halving(), lambda _: 0.5)
    assert [p.parents for p in proposals[9:]] == [("00001",), ("00002",), ("00003",), ("00010",)]


def test_a_rung_waits_for_its_last_trial() -> None:
    strategy = halving()
    trials = [asked(strategy) for _ in range(9)]
    for trial in trials[:8]:
        strategy.tell(ended(trial, 1.0))
        assert strategy.ask() is NoProposal.NOT_YET
    strategy.tell(ended(trials[8], 1.0))
    assert asked(strategy).max_steps == 3


def test_the_next_bracket_begins_while_one_waits() -> None:
    strategy = halving(num_brackets=2)
    trials = [asked(strategy) for _ in range(10)]
    assert [trial.info["round"] for trial in trials] == [0] * 9 + [1]
    for trial in trials[:9]:
        strategy.tell(ended(trial, 1.0))
    assert asked(strategy).info["round"] == 0  # what is further comes first


def test_failures_do_not_go_on() -> None:
    proposals = played(halving(), lambda p: None if x_of(p) > 0.5 else x_of(p))
    assert rungs(proposals) == {1: 9, 3: 3, 9: 1}
    assert all(x_of(proposal) <= 0.5 for proposal in proposals[9:])


def test_fewer_go_on_where_too_many_failed() -> None:
    proposals = played(halving(), lambda p: 1.0 if p.trial_id in {"00002", "00010"} else None)
    assert [p.parents for p in proposals[9:]] == [("00002",), ("00010",)]


def test_a_halving_of_which_all_failed_is_over() -> None:
    assert rungs(played(halving(), lambda _: None)) == {1: 9}


def test_what_was_stopped_does_not_go_on() -> None:
    strategy = halving()
    trials = [asked(strategy) for _ in range(9)]
    for trial in trials:
        is_best = x_of(trial) == max(map(x_of, trials))
        strategy.tell(ended(trial, x_of(trial), state=TrialState.STOPPED_EARLY if is_best else None))
    assert asked(strategy).parameters["x"] == sorted(map(x_of, trials))[-2]


def test_what_saved_nothing_begins_again() -> None:
    promoted = played(halving(), x_of, saves=False)[9]
    assert (promoted.parents, promoted.continues, promoted.max_steps) == ((), False, 3)
    assert str(promoted.info["began_again"]).endswith("saved no checkpoint")


def test_a_small_space_is_halved_as_far_as_it_goes() -> None:
    space = {"x": Choice([1, 2, 3, 4])}
    strategy = SuccessiveHalving(space, seed=0, min_steps=1, max_steps=9, num_configurations=9)
    assert rungs(played(strategy, x_of)) == {1: 4, 3: 1, 9: 1}


def test_hyperband_runs_all_its_brackets() -> None:
    proposals = played(Hyperband(SPACE, seed=0, min_steps=1, max_steps=9), x_of)
    told = Counter((p.info["bracket"], p.max_steps) for p in proposals)
    assert told == {(2, 1): 9, (2, 3): 3, (2, 9): 1, (1, 3): 5, (1, 9): 1, (0, 9): 3}


def test_the_brackets_of_hyperband_draw_apart() -> None:
    proposals = played(Hyperband(SPACE, seed=0, min_steps=1, max_steps=9), x_of)
    assert len({x_of(p) for p in proposals if not p.parents}) == 9 + 5 + 3


# --- samplers -----------------------------------------------------------------------------------------------


def test_configurations_may_come_from_any_strategy() -> None:
    strategy = halving(sampler=evolving)
    proposals = played(strategy, x_of)
    assert rungs(proposals) == {1: 9, 3: 3, 9: 1}
    known = {proposal.trial_id: proposal for proposal in proposals}
    children = [p for p in proposals[:9] if p.parents]
    assert len(children) == 6
    assert all(known[child.parents[0]].max_steps == 1 for child in children)
    assert not any(child.continues for child in children)


def test_a_sampler_is_told_of_the_lowest_rung_only() -> None:
    told = []

    class Listening(RandomSearch):
        def tell(self, result: object) -> None:
            told.append(result)

    played(halving(sampler=Listening), x_of)
    assert len(told) == 9


def test_a_restart_begins_as_its_configuration_did() -> None:
    """One that inherited at first inherits the same again."""
    proposals = played(halving(sampler=evolving, restart=True), x_of)
    known = {p.trial_id: p for p in proposals}
    for proposal in proposals[9:]:
        assert proposal.parents == known[TrialId(str(proposal.info["configuration"]))].parents


@pytest.mark.parametrize("number", [0, -1])
def test_the_number_of_brackets_and_rounds_is_positive(number: int) -> None:
    with pytest.raises(ConfigError, match="num_brackets: expected at least 1, or None for no end"):
        halving(num_brackets=number)
    with pytest.raises(ConfigError, match="num_rounds: expected at least 1, or None for no end"):
        Hyperband(SPACE, seed=0, min_steps=1, max_steps=9, num_rounds=number)
