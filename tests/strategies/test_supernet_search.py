"""A search in a supernet: one parent for all, and the best of what it judged are trained."""

from __future__ import annotations

import pytest

from heredity.errors import ConfigError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import CheckpointKey
from heredity.space import Choice
from heredity.strategies import NoProposal, Proposal, RegularizedEvolution, Strategy
from heredity.strategies.supernet_search import Start, SupernetSearch
from heredity.testing.strategy_suite import StrategySuite


def evolution() -> Strategy:
    space = {"width": Choice([1, 2, 3, 4], ordered=True), "kind": Choice(["a", "b", "c"])}
    return RegularizedEvolution(space, seed=0, population_size=4, sample_size=2)


def search(*, start: Start = "supernet", num_trials: int = 8, top: int = 2) -> SupernetSearch:
    return SupernetSearch(
        evolution(), supernet_steps=100, num_trials=num_trials, top=top, max_steps=10, start=start
    )


class TestSupernetSearchAsAStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return search(start="both")


def ended(proposal: Proposal, state: TrialState = TrialState.COMPLETED) -> TrialResult:
    """As its trial would end, where the merit is the width, and only those that train save."""
    width = proposal.parameters.get("width", 0)
    merit = float(str(width)) if state is TrialState.COMPLETED else None
    is_saved = proposal.info["stage"] != "search"
    key = CheckpointKey(f"run/{proposal.trial_id}@1") if is_saved else None
    return TrialResult(
        proposal.trial_id, proposal.parameters, proposal.parents, state, merit, key, 0, merit=merit
    )


def played(strategy: Strategy) -> list[Proposal]:
    proposals: list[Proposal] = []
    while isinstance(answer := strategy.ask(), Proposal):
        proposals.append(answer)
        strategy.tell(ended(answer))
    assert answer is NoProposal.EXHAUSTED
    return proposals


def test_the_stages_follow_one_another() -> None:
    stages = [proposal.info["stage"] for proposal in played(search())]
    assert stages == ["supernet"] + ["search"] * 8 + ["final"] * 2


def test_the_supernet_is_the_only_parent_of_all() -> None:
    first, *others = played(search())
    assert first.parents == ()
    assert {proposal.parents for proposal in others} == {("supernet",)}


def test_each_stage_trains_as_long_as_it_is_to() -> None:
    steps = {str(proposal.info["stage"]): proposal.max_steps for proposal in played(search())}
    assert steps == {"supernet": 100, "search": None, "final": 10}


def test_the_best_that_were_judged_are_trained() -> None:
    proposals = played(search(top=3))
    judged = sorted((str(each.parameters["width"]) for each in proposals[1:9]), reverse=True)
    assert [str(each.parameters["width"]) for each in proposals[9:]] == judged[:3]


def test_controls_begin_anew() -> None:
    finals = played(search(start="both"))[9:]
    names = ["final-00001", "fresh-00001", "final-00002", "fresh-00002"]
    assert [final.trial_id for final in finals] == names
    assert [final.parents for final in finals] == [("supernet",), (), ("supernet",), ()]


def test_nothing_is_searched_before_the_supernet_is_there() -> None:
    strategy = search()
    strategy.ask()
    assert strategy.ask() is NoProposal.NOT_YET


def test_nothing_is_searched_in_a_supernet_that_failed() -> None:
    strategy = search()
    supernet = strategy.ask()
    assert isinstance(supernet, Proposal)
    strategy.tell(ended(supernet, TrialState.FAILED))
    assert strategy.ask() is NoProposal.EXHAUSTED


def test_a_small_space_ends_the_search_early() -> None:
    stages = [proposal.info["stage"] for proposal in played(search(num_trials=100))]
    assert (stages.count("search"), stages.count("final")) == (12, 2)


@pytest.mark.parametrize("name", ["supernet_steps", "num_trials", "top", "max_steps"])
def test_a_number_below_one_is_refused(name: str) -> None:
    numbers = {"supernet_steps": 1, "num_trials": 1, "top": 1, "max_steps": 1}
    with pytest.raises(ConfigError, match=f"SupernetSearch: {name}: expected at least 1, got 0"):
        SupernetSearch(evolution(), **{**numbers, name: 0})  # type: ignore[arg-type]  # no start among them


def test_an_unknown_start_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected supernet, fresh or both, got 'warm'"):
        search(start="warm")  # type: ignore[arg-type]
