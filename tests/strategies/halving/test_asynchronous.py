"""ASHA: promotions without waiting."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
from tests.strategies.playing import asked, ended, played

from heredity.errors import ConfigError
from heredity.experiment import TrialState
from heredity.space import Choice, Float
from heredity.strategies import NoProposal, Proposal, RegularizedEvolution, Strategy
from heredity.strategies.halving import ASHA
from heredity.testing.strategy_suite import StrategySuite

asha = partial(ASHA, {"x": Float(0.0, 1.0)}, seed=0, min_steps=1, max_steps=9)


class TestAshaAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return asha(num_configurations=20)


class TestAshaWithoutEndAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return asha(reduction=2)


class TestAshaOfASearchAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return asha(
            num_configurations=12, sampler=partial(RegularizedEvolution, population_size=4, sample_size=2)
        )


class TestAshaOfFewPointsAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return ASHA({"x": Choice([1, 2, 3])}, seed=0, min_steps=1, max_steps=9)


def x_of(proposal: Proposal) -> float:
    x = proposal.parameters["x"]
    assert isinstance(x, float)
    return x


def told(strategy: ASHA, *merits: float) -> None:
    for merit in merits:
        strategy.tell(ended(asked(strategy), merit))


def test_nobody_is_promoted_before_a_rung_has_eta_trials() -> None:
    strategy = asha()
    told(strategy, 0.1, 0.2)
    assert asked(strategy).max_steps == 1


def test_the_best_of_the_top_share_is_promoted_at_once() -> None:
    strategy = asha()
    told(strategy, 0.1, 0.3, 0.2)
    promoted = asked(strategy)
    assert (promoted.parents, promoted.continues, promoted.max_steps) == (("00002",), True, 3)
    assert promoted.info == {"rung": 1, "configuration": "00002"}


def test_nobody_is_promoted_twice() -> None:
    strategy = asha()
    told(strategy, 0.1, 0.3, 0.2)
    assert asked(strategy).max_steps == 3
    assert asked(strategy).max_steps == 1


def test_a_worker_never_waits_while_there_are_configurations() -> None:
    strategy = asha()
    assert [asked(strategy).max_steps for _ in range(20)] == [1] * 20


def test_the_highest_rung_is_looked_at_first() -> None:
    strategy = asha()
    first = [asked(strategy) for _ in range(12)]
    for number, trial in enumerate(first[:9]):
        strategy.tell(ended(trial, float(number)))
    second = [asked(strategy) for _ in range(3)]
    assert [p.parents for p in second] == [("00009",), ("00008",), ("00007",)]
    for trial in first[9:]:
        strategy.tell(ended(trial, 10.0))
    for trial in second:
        strategy.tell(ended(trial, 1.0))
    assert asked(strategy).max_steps == 9
    assert asked(strategy).max_steps == 3


def test_a_late_bad_result_makes_room_for_the_next_best() -> None:
    strategy = asha()
    told(strategy, 0.1, 0.3, 0.2)
    running = [asked(strategy) for _ in range(4)]
    assert [p.max_steps for p in running] == [3, 1, 1, 1]
    for trial in running[1:]:
        strategy.tell(ended(trial, 0.0))
    assert asked(strategy).parents == ("00003",)


def test_all_promotions_are_made_before_the_end() -> None:
    counts = Counter(p.max_steps for p in played(asha(num_configurations=27), x_of, concurrency=4))
    assert counts[1] == 27
    assert counts[3] >= 9
    assert counts[9] >= 3


def test_at_the_end_the_last_results_are_waited_for() -> None:
    strategy = asha(num_configurations=3)
    trials = [asked(strategy) for _ in range(3)]
    assert strategy.ask() is NoProposal.NOT_YET
    for trial in trials:
        strategy.tell(ended(trial, 1.0))
    last = asked(strategy)
    strategy.tell(ended(last, 1.0))
    assert last.max_steps == 3
    assert strategy.ask() is NoProposal.EXHAUSTED


def test_failures_count_as_the_worst_of_their_rung() -> None:
    strategy = asha()
    for merit in (None, 0.1, None):
        strategy.tell(ended(asked(strategy), merit))
    assert asked(strategy).parents == ("00002",)
    assert asked(strategy).max_steps == 1


def test_a_rung_of_failures_promotes_nobody() -> None:
    proposals = played(asha(num_configurations=9), lambda _: None)
    assert [p.max_steps for p in proposals] == [1] * 9


def test_what_was_stopped_is_not_promoted() -> None:
    strategy = asha()
    for merit in (0.1, 0.3, 0.2):
        state = TrialState.STOPPED_EARLY if merit == 0.3 else None
        strategy.tell(ended(asked(strategy), merit, state=state))
    assert asked(strategy).parents == ("00003",)


def test_what_saved_nothing_begins_again() -> None:
    strategy = asha()
    for merit in (0.1, 0.3, 0.2):
        strategy.tell(ended(asked(strategy), merit, saves=False))
    promoted = asked(strategy)
    assert (promoted.parents, promoted.continues, promoted.max_steps) == ((), False, 3)
    assert promoted.info["began_again"] == "00002 saved no checkpoint"


def test_the_baseline_restarts_at_every_rung() -> None:
    proposals = played(asha(num_configurations=9, restart=True), x_of)
    assert {p.max_steps for p in proposals} == {1, 3, 9}
    assert not any(p.parents or p.continues for p in proposals)


def test_no_configurations_are_refused() -> None:
    with pytest.raises(ConfigError, match="num_configurations: expected at least 1, or None for no end"):
        asha(num_configurations=0)
