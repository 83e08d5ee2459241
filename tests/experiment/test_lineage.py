"""Who descends from whom, and how much training lies behind a trial."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from heredity.experiment import Report, TrialRecord, children, cumulative_steps, founders
from heredity.experiment.lineage import all_cumulative_steps
from heredity.ids import TrialId
from heredity.testing.histories import History, histories

Family = dict[TrialId, TrialRecord]


def family(**members: tuple[int, tuple[str, ...]]) -> Family:
    """Records by name: own steps and parents."""
    return {
        TrialId(name): TrialRecord(
            id=TrialId(name),
            number=number,
            parameters={},
            parents=tuple(map(TrialId, parents)),
            reports=[Report(steps, 0.0)],
        )
        for number, (name, (steps, parents)) in enumerate(members.items(), start=1)
    }


@pytest.fixture
def two_lines() -> Family:
    return family(
        father=(10, ()), mother=(100, ()), son=(1, ("father",)), heir=(2, ("son", "mother")), twin=(5, ())
    )


def test_a_founder_has_its_own_steps_behind_it(two_lines: Family) -> None:
    assert cumulative_steps(two_lines, TrialId("father")) == 10


def test_a_child_has_its_own_and_its_parents_steps_behind_it(two_lines: Family) -> None:
    assert cumulative_steps(two_lines, TrialId("son")) == 11


def test_of_several_lines_of_ancestors_the_longest_counts(two_lines: Family) -> None:
    assert cumulative_steps(two_lines, TrialId("heir")) == 102


def test_an_ancestor_on_two_lines_counts_once() -> None:
    diamond = family(top=(8, ()), left=(1, ("top",)), right=(2, ("top",)), end=(0, ("left", "right", "top")))
    assert cumulative_steps(diamond, TrialId("end")) == 10


def test_many_ways_to_one_ancestor_take_no_time() -> None:
    """Of 2^200 lines of ancestors, each trial is visited once."""
    ladder = family(a0=(1, ()), b0=(1, ()))
    for number in range(1, 200):
        parents = (f"a{number - 1}", f"b{number - 1}")
        ladder |= family(**{f"a{number}": (1, parents), f"b{number}": (1, parents)})
    assert cumulative_steps(ladder, TrialId("a199")) == 200


def test_a_lineage_may_be_deeper_than_pythons_stack() -> None:
    chain = family(**{f"t{n}": (1, (f"t{n - 1}",) if n else ()) for n in range(10_000)})
    assert cumulative_steps(chain, TrialId("t9999")) == 10_000


@given(histories())
@settings(deadline=None)
def test_one_pass_finds_what_the_walks_find(history: History) -> None:
    trials = history.state.trials
    assert all_cumulative_steps(trials) == {trial: cumulative_steps(trials, trial) for trial in trials}


def test_children_stand_under_their_first_parent_in_the_order_of_proposal(two_lines: Family) -> None:
    two_lines |= family(daughter=(1, ("father",)))
    assert children(two_lines) == {
        "father": ["son", "daughter"],
        "mother": [],
        "son": ["heir"],
        "heir": [],
        "twin": [],
        "daughter": [],
    }


def test_founders_have_no_parents(two_lines: Family) -> None:
    assert founders(two_lines) == ["father", "mother", "twin"]


def test_nobody_has_no_family() -> None:
    assert children({}) == {}
    assert founders({}) == []
