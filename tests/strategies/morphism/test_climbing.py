"""The climb goes as the paper says, and upwards only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.strategies.morphism.networks import BLOCKS, BOTH_WAYS, GROWING, network, size
from tests.strategies.playing import ended, played

from heredity.errors import ConfigError
from heredity.experiment import Report, TrialState
from heredity.strategies import NoProposal, Proposal, Strategy
from heredity.strategies.morphism import Climb, Edits, NetworkMorphism
from heredity.testing.strategy_suite import StrategySuite

SHORT = Climb(steps=10, first_steps=30, num_rounds=2, num_children=3, num_edits=2)
START = network(8, 8)


def climb(*, seed: int = 0, edits: Edits = GROWING, how: Climb = SHORT) -> NetworkMorphism:
    return NetworkMorphism(BLOCKS, seed=seed, edits=edits, climb=how, start=START)


def size_of(proposal: Proposal) -> float:
    return size(proposal.parameters)


def asked(strategy: Strategy) -> list[Proposal]:
    """All that the strategy proposes before it wants to hear results."""
    proposals: list[Proposal] = []
    while isinstance(answer := strategy.ask(), Proposal):
        proposals.append(answer)
    return proposals


def a_round(strategy: Strategy, merit: Callable[[Proposal], float | None] = size_of) -> list[Proposal]:
    """Play one round."""
    proposals = asked(strategy)
    for proposal in proposals:
        strategy.tell(ended(proposal, merit(proposal)))
    return proposals


def roles(proposals: list[Proposal]) -> list[object]:
    return [proposal.info["role"] for proposal in proposals]


class TestNetworkMorphism(StrategySuite):
    def make_strategy(self) -> Strategy:
        return climb(edits=BOTH_WAYS)


class TestNetworkMorphismFromADrawnNetwork(StrategySuite):
    def make_strategy(self) -> Strategy:
        how = Climb(steps=1, final_steps=5)
        return NetworkMorphism(BLOCKS, seed=3, edits=GROWING, climb=how)


def test_first_one_network_is_trained() -> None:
    (founder,) = asked(climb())
    assert (founder.parameters, founder.parents, founder.max_steps) == (START, (), 30)
    assert dict(founder.info) == {"round": 0, "role": "founder"}


def test_then_it_trains_on_beside_its_children_at_equal_cost() -> None:
    strategy = climb()
    (founder,) = a_round(strategy)
    incumbent, *children = asked(strategy)
    assert (incumbent.parameters, incumbent.continues, incumbent.max_steps) == (START, True, 30 + 10)
    assert [(child.continues, child.max_steps) for child in children] == [(False, 10)] * 3
    assert {proposal.parents for proposal in (incumbent, *children)} == {(founder.trial_id,)}
    assert all(child.info["edits"] for child in children)


def test_the_best_of_a_round_is_the_parent_of_the_next() -> None:
    strategy = climb()
    a_round(strategy)
    best = max(a_round(strategy), key=size_of)
    incumbent, *_ = asked(strategy)
    assert incumbent.parents == (best.trial_id,)
    assert incumbent.parameters == best.parameters
    assert incumbent.max_steps == 10 + 10


def test_rounds_end_and_a_final_training_follows() -> None:
    strategy = climb(how=Climb(steps=10, num_rounds=1, num_children=2, final_steps=100))
    rounds = [a_round(strategy) for _ in range(3)]
    assert [roles(each) for each in rounds] == [["founder"], ["incumbent", "child", "child"], ["final"]]
    (final,) = rounds[2]
    assert final.continues
    assert final.parents == (max(rounds[1], key=size_of).trial_id,)
    assert final.max_steps == 10 + 100
    assert strategy.ask() is NoProposal.EXHAUSTED


@pytest.mark.parametrize("seed", range(5))
def test_no_incumbent_is_worse_than_the_one_before_it(seed: int) -> None:
    """On an objective that has a best size, with children on both sides of it."""

    def merit(proposal: Proposal) -> float:
        return -abs(size_of(proposal) - 150.0)

    strategy = climb(seed=seed, edits=BOTH_WAYS, how=Climb(steps=10, num_rounds=8, num_children=3))
    proposals = {proposal.trial_id: proposal for proposal in played(strategy, merit)}
    parents = [proposals[proposal.parents[0]] for proposal in proposals.values() if proposal.parents]
    merits = [merit(parent) for parent in parents]
    assert merits == sorted(merits)
    assert merits[-1] > merits[0]


def test_an_incumbent_that_nothing_beats_gets_other_children() -> None:
    """It does not train on a second time: that was seen to lead nowhere."""
    strategy = climb()
    (founder,) = asked(strategy)
    strategy.tell(ended(founder, 1.0))
    first = a_round(strategy, lambda _: 0.0)
    second = asked(strategy)
    assert roles(second) == ["child"] * 3
    assert {proposal.parents for proposal in second} == {(founder.trial_id,)}
    assert not [each for each in second if each.parameters in [other.parameters for other in first]]


def test_of_equals_the_incumbent_that_has_trained_on_stays() -> None:
    strategy = climb()
    a_round(strategy, lambda _: 1.0)
    incumbent, *_ = a_round(strategy, lambda _: 1.0)
    assert asked(strategy)[0].parents == (incumbent.trial_id,)


def test_a_network_that_saved_nothing_is_passed_over() -> None:
    strategy = climb()
    (founder,) = a_round(strategy)
    *others, best = asked(strategy)
    strategy.tell(ended(best, 1e6, saves=False))
    for other in others:
        strategy.tell(ended(other, 0.0))
    assert {proposal.parents for proposal in asked(strategy)} == {(founder.trial_id,)}


def test_another_network_is_drawn_if_the_first_fails() -> None:
    strategy = climb()
    a_round(strategy, lambda _: None)
    (second,) = a_round(strategy)
    assert second.info["role"] == "founder"
    assert second.parameters != START
    assert roles(asked(strategy)) == ["incumbent", "child", "child", "child"]


def test_a_network_that_was_stopped_early_goes_on_from_where_it_was() -> None:
    strategy = climb()
    (founder,) = asked(strategy)
    early = ended(founder, 1.0, state=TrialState.STOPPED_EARLY)
    strategy.tell(replace(early, reports=(Report(12, 1.0),)))
    assert asked(strategy)[0].max_steps == 12 + 10


def test_a_network_that_cannot_grow_trains_on_alone() -> None:
    full: dict[str, Any] = {"blocks": [{"width": 32, "kernel": 5, "skip": True}] * 5, "activation": "relu"}
    strategy = NetworkMorphism(BLOCKS, seed=0, edits=GROWING, climb=SHORT, start=full)
    assert roles(played(strategy, lambda _: 1.0)) == ["founder", "incumbent", "incumbent"]


def test_a_round_does_not_depend_on_the_order_of_its_ends() -> None:
    first, second = climb(), climb()
    for strategy, order in ((first, 1), (second, -1)):
        a_round(strategy)
        for proposal in asked(strategy)[::order]:
            strategy.tell(ended(proposal, size_of(proposal)))
    assert asked(first) == asked(second)


def test_strict_children_are_to_be_exact() -> None:
    strategy = climb(edits=Edits(growing=("blocks.width",), strict=True))
    a_round(strategy)
    incumbent, *children = asked(strategy)
    assert "policy" not in incumbent.info
    assert {child.info["policy"] for child in children} == {"exact"}


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="start: not a point of the space: activation: missing"):
        NetworkMorphism(BLOCKS, seed=0, edits=GROWING, climb=SHORT, start={"blocks": START["blocks"]})
    with pytest.raises(ConfigError, match="Climb: num_children: expected an integer of at least 1, got 0"):
        Climb(steps=1, num_children=0)
    with pytest.raises(ConfigError, match="'width' is not in the space"):
        climb(edits=Edits(growing=("width",)))
