"""The given list of trials: its order, its twins, and what is wrong with a list."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity.errors import ConfigError, InvalidName
from heredity.ids import TrialId
from heredity.strategies import Given, GivenTrial, NoProposal, Proposal, Strategy
from heredity.testing.strategy_suite import StrategySuite


def trial(name: str, *parents: str, scratch_twin: bool = False) -> GivenTrial:
    return GivenTrial(TrialId(name), {"name": name}, tuple(map(TrialId, parents)), scratch_twin=scratch_twin)


def proposals(*trials: GivenTrial) -> list[Proposal]:
    strategy = Given(trials)
    found = []
    while isinstance(answer := strategy.ask(), Proposal):
        found.append(answer)
    assert answer is NoProposal.EXHAUSTED
    return found


def ids(*trials: GivenTrial) -> list[str]:
    return [proposal.trial_id for proposal in proposals(*trials)]


class TestGivenAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return Given(
            [
                trial("grandchild", "son", "mother", scratch_twin=True),
                trial("son", "father", scratch_twin=True),
                trial("daughter", "father"),
                trial("father"),
                trial("mother", scratch_twin=True),
            ]
        )


class TestNothingGivenAsStrategy(StrategySuite):
    def make_strategy(self) -> Strategy:
        return Given([])


def test_a_trial_is_proposed_as_it_was_given() -> None:
    assert proposals(trial("father"), trial("child", "father")) == [
        Proposal(TrialId("father"), {"name": "father"}),
        Proposal(TrialId("child"), {"name": "child"}, (TrialId("father"),)),
    ]


def test_trials_without_parents_keep_the_order_of_the_list() -> None:
    assert ids(trial("c"), trial("a"), trial("b")) == ["c", "a", "b"]


def test_a_list_that_has_parents_first_keeps_its_order() -> None:
    family = [trial("father"), trial("son", "father"), trial("mother"), trial("daughter", "mother")]
    assert ids(*family) == ["father", "son", "mother", "daughter"]


def test_a_parent_is_proposed_before_its_child_wherever_it_stands() -> None:
    assert ids(trial("grandchild", "child"), trial("child", "father"), trial("father")) == [
        "father",
        "child",
        "grandchild",
    ]


@given(st.integers(0, 30), st.randoms())
def test_in_any_order_of_the_list_parents_come_before_their_children(size: int, rng: random.Random) -> None:
    family = [
        trial(f"t{n}", *(f"t{parent}" for parent in rng.sample(range(n), k=min(n, rng.randrange(3)))))
        for n in range(size)
    ]
    rng.shuffle(family)
    seen: set[TrialId] = set()
    for proposal in proposals(*family):
        assert seen.issuperset(proposal.parents)
        seen.add(proposal.trial_id)
    assert len(seen) == size


def test_the_longest_line_of_ancestors_can_be_given() -> None:
    chain = [trial(f"t{n}", *([f"t{n - 1}"] if n else [])) for n in range(5_000)]
    assert ids(*reversed(chain)) == [f"t{n}" for n in range(5_000)]


# --- twins --------------------------------------------------------------------------------------------------


def test_a_twin_is_the_same_trial_from_nothing() -> None:
    _, child, twin = proposals(trial("father"), trial("child", "father", scratch_twin=True))
    assert twin == Proposal(TrialId("child.scratch"), child.parameters, (), twin_of=child.trial_id)


def test_a_trial_without_parents_is_its_own_twin() -> None:
    assert ids(trial("father", scratch_twin=True)) == ["father"]


def test_the_name_of_a_twin_can_be_taken() -> None:
    """By another trial of the list, and then the two could not be told apart."""
    with pytest.raises(ConfigError, match=r"trial 'child\.scratch' has the name of the twin of 'child'"):
        Given([trial("father"), trial("child", "father", scratch_twin=True), trial("child.scratch")])


def test_a_trial_may_be_called_like_a_twin_that_nobody_asked_for() -> None:
    assert ids(trial("child"), trial("child.scratch")) == ["child", "child.scratch"]


def test_a_twins_name_must_not_be_too_long() -> None:
    with pytest.raises(InvalidName, match="expected 1 to 64"):
        Given([trial("father"), trial("c" * 60, "father", scratch_twin=True)])


# --- lists that will not do ---------------------------------------------------------------------------------


def test_an_id_is_given_once() -> None:
    with pytest.raises(ConfigError, match=r"two trials have the same id among \['a', 'a', 'b'\]"):
        Given([trial("b"), trial("a"), trial("a")])


def test_an_unknown_parent_gets_the_nearest_known_one() -> None:
    with pytest.raises(
        ConfigError, match=r"'child': its parent 'fahter' is no trial\. Did you mean 'father'\?"
    ):
        Given([trial("father"), trial("child", "fahter")])


def test_an_unknown_parent_without_a_near_one_gets_the_list() -> None:
    with pytest.raises(ConfigError, match=r"'xyz' is no trial\. The trials are father, child\."):
        Given([trial("father"), trial("child", "xyz")])


def test_a_cycle_is_shown() -> None:
    with pytest.raises(ConfigError, match="the parents form a cycle: ") as raised:
        Given([trial("a", "c"), trial("b", "a"), trial("c", "b"), trial("d", "a")])
    shown = raised.value.message.removeprefix("the parents form a cycle: ").rstrip(".").split(" <- ")
    assert shown[0] == shown[-1]
    assert sorted(shown[1:]) == ["a", "b", "c"]
    # Each arrow leads from a child back to its parent.
    assert set(itertools.pairwise(shown)) == {("a", "b"), ("b", "c"), ("c", "a")}


def test_nobody_is_its_own_parent() -> None:
    with pytest.raises(ConfigError, match="cycle: a <- a"):
        Given([trial("a", "a")])


ORDER = """
from heredity.strategies import Given, GivenTrial, Proposal
trials = [GivenTrial(f"t{n}", {}, (f"t{n // 2}", f"t{n // 3}") if n else ()) for n in range(50)]
strategy = Given(trials[::-1])
while isinstance(proposal := strategy.ask(), Proposal):
    print(proposal.trial_id)
"""


def test_the_order_is_the_same_in_every_process() -> None:
    """An experiment is resumed by another one."""
    orders = {
        subprocess.run(
            [sys.executable, "-c", ORDER],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in "012"
    }
    assert len(orders) == 1
    assert len(orders.pop().split()) == 50
