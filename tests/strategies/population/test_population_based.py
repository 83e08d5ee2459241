"""Population-based training: who goes on as it is, who takes over from whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from tests.strategies.playing import asked, ended, played

from heredity.errors import ConfigError
from heredity.experiment import TrialState
from heredity.space import Choice, Float, Int, Space
from heredity.strategies import NoProposal, Proposal, Strategy
from heredity.strategies.changes import changes
from heredity.strategies.population import PopulationBased
from heredity.testing.strategy_suite import StrategySuite

SPACE = Space({"rate": Float(1e-4, 1.0, log=True), "width": Int(8, 64)})

population = partial(
    PopulationBased, SPACE, seed=0, population_size=5, interval_steps=10, num_intervals=4, share=0.2
)


class TestPopulationAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return population()


class TestPopulationWithoutEndAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return population(num_intervals=None, share=0.5)


class TestSynchronousPopulationAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return population(synchronous=True)


class TestPopulationOfChoicesAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        space = {"kind": Choice(["a", "b"]), "kernel": Choice([1, 3, 5], ordered=True)}
        return PopulationBased(space, seed=1, population_size=3, interval_steps=1, num_intervals=9)


def rate_of(proposal: Proposal) -> float:
    rate = proposal.parameters["rate"]
    assert isinstance(rate, float)
    return rate


def by_member(proposal: Proposal) -> float:
    """Member 0 is the worst, the last one the best."""
    member = proposal.info["member"]
    assert isinstance(member, int)
    return float(member)


def of_interval(proposals: list[Proposal], interval: int) -> dict[object, Proposal]:
    return {p.info["member"]: p for p in proposals if p.info["interval"] == interval}


def test_every_member_trains_all_its_intervals() -> None:
    proposals = played(population(), rate_of, concurrency=2)
    assert Counter(p.info["member"] for p in proposals) == dict.fromkeys(range(5), 4)


def test_a_member_in_the_middle_goes_on_as_it_is() -> None:
    proposals = played(population(), by_member)
    first, second = (of_interval(proposals, interval)[2] for interval in (0, 1))
    assert second.parents == (first.trial_id,)
    assert second.continues
    assert second.max_steps == 20
    assert second.parameters == first.parameters
    assert second.info == {"member": 2, "interval": 1}


def test_the_worst_takes_over_from_the_best() -> None:
    proposals = played(population(), by_member)
    best, child = of_interval(proposals, 0)[4], of_interval(proposals, 1)[0]
    assert child.parents == (best.trial_id,)
    assert child.continues
    assert child.max_steps == 20
    assert child.info["exploited"] == best.trial_id
    assert child.info["exploited_member"] == 4
    assert child.info["changed"] == changes(SPACE, best.parameters, child.parameters) != {}


def test_the_best_is_never_replaced() -> None:
    best = [p for p in played(population(), by_member) if p.info["member"] == 4]
    assert {tuple(p.parameters.items()) for p in best} == {tuple(best[0].parameters.items())}
    assert [p.parents for p in best[1:]] == [(p.trial_id,) for p in best[:-1]]


def test_equals_are_not_exchanged() -> None:
    assert not any("exploited" in p.info for p in played(population(), lambda _: 0.5))


def test_of_several_that_are_equally_bad_the_last_takes_over() -> None:
    proposals = played(population(), lambda p: float(by_member(p) == 1.0))
    assert {p.info["member"] for p in proposals if "exploited" in p.info} == {4}


def test_only_the_best_are_exploited() -> None:
    proposals = played(population(share=0.4), by_member)
    assert {p.info["exploited_member"] for p in proposals if "exploited" in p.info} == {3, 4}
    assert {p.info["member"] for p in proposals if "exploited" in p.info} == {0, 1}


# --- without and with waiting -------------------------------------------------------------------------------


def test_a_member_does_not_wait_for_the_others() -> None:
    strategy = population()
    trials = [asked(strategy) for _ in range(5)]
    for interval in (1, 2, 3):
        strategy.tell(ended(trials[0], 1.0))
        trials[0] = asked(strategy)
        assert trials[0].info == {"member": 0, "interval": interval}


def test_who_might_not_be_among_the_worst_goes_on() -> None:
    """Two of five have reported: the worse of them may still be the third best."""
    strategy = population()
    trials = [asked(strategy) for _ in range(5)]
    strategy.tell(ended(trials[0], 1.0))
    strategy.tell(ended(trials[1], 0.0))
    assert [asked(strategy).info.get("exploited") for _ in range(2)] == [None, None]


def test_a_late_member_is_compared_with_the_last_results() -> None:
    strategy = population()
    trials = [asked(strategy) for _ in range(5)]
    for trial in trials[1:]:
        strategy.tell(ended(trial, by_member(trial)))
    later = [asked(strategy) for _ in range(4)]
    strategy.tell(ended(later[3], 9.0))
    strategy.tell(ended(trials[0], 0.0))
    assert asked(strategy).info["member"] == 4
    child = asked(strategy)
    assert child.info["exploited"] == later[3].trial_id
    assert child.max_steps == 30


def test_a_synchronous_population_waits_for_its_last_member() -> None:
    strategy = population(synchronous=True)
    trials = [asked(strategy) for _ in range(5)]
    for trial in trials[:4]:
        strategy.tell(ended(trial, by_member(trial)))
        assert strategy.ask() is NoProposal.NOT_YET
    strategy.tell(ended(trials[4], 4.0))
    assert [asked(strategy).info["member"] for _ in range(5)] == [0, 1, 2, 3, 4]


def test_a_synchronous_population_is_compared_at_equal_steps() -> None:
    """However the trials of the next interval end meanwhile."""
    strategy = population(synchronous=True)
    for trial in [asked(strategy) for _ in range(5)]:
        strategy.tell(ended(trial, -by_member(trial)))
    for member in range(5):
        trial = asked(strategy)
        assert trial.max_steps == 20
        assert trial.info.get("exploited_member") == (0 if member == 4 else None)
        strategy.tell(ended(trial, 100.0 + member))


# --- failures -----------------------------------------------------------------------------------------------


def test_who_failed_takes_over_from_one_of_the_best() -> None:
    proposals = played(population(), lambda p: None if p.trial_id == "00003" else by_member(p))
    child = of_interval(proposals, 1)[2]
    assert child.info["exploited_member"] == 4


def test_who_was_stopped_takes_over_from_one_of_the_best() -> None:
    strategy = population()
    trials = [asked(strategy) for _ in range(5)]
    for trial in trials:
        is_second = trial.info["member"] == 3
        strategy.tell(ended(trial, by_member(trial), state=TrialState.STOPPED_EARLY if is_second else None))
    children = [asked(strategy) for _ in range(5)]
    assert children[3].info["exploited_member"] == 4


def test_where_all_failed_a_member_goes_on_from_what_it_saved() -> None:
    proposals = played(population(), lambda p: 1.0 if p.info["interval"] == 0 else None)
    first, third = (of_interval(proposals, interval) for interval in (0, 2))
    assert third[1].parents == (first[1].trial_id,)
    assert third[1].info["exploited_member"] == 1


def test_who_never_came_so_far_begins_with_a_new_point() -> None:
    proposals = played(population(), lambda _: None)
    assert len(proposals) == 20
    assert not any(p.parents or p.continues for p in proposals)
    assert len({rate_of(p) for p in proposals}) == 20


def test_who_saved_nothing_begins_again_from_nothing() -> None:
    proposals = played(population(), by_member, saves=False)
    assert not any(p.parents or p.continues for p in proposals)
    assert {p.max_steps for p in proposals} == {10}
    again = of_interval(proposals, 1)[2]
    assert again.parameters == of_interval(proposals, 0)[2].parameters
    assert again.info["began_again"] == "00003 saved no checkpoint"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (partial(population, population_size=1), "population_size: expected at least 2, got 1"),
        (partial(population, interval_steps=0), "interval_steps: expected at least 1, got 0"),
        (partial(population, num_intervals=0), "num_intervals: expected at least 1, got 0"),
        (partial(population, share=0.6), r"share: expected above 0, and at most 0\.5, got 0\.6"),
        (partial(population, share=0.0), r"share: expected above 0, and at most 0\.5, got 0\.0"),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], PopulationBased], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make()
