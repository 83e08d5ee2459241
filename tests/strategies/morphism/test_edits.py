"""Edits do what was declared, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.space.spaces import RNGS, spaces
from tests.strategies.morphism.networks import BLOCKS, BOTH_WAYS, GROWING, network

from heredity.errors import ConfigError
from heredity.space import Choice, Dimension, Int, Nested, Repeat, Space, When
from heredity.strategies.morphism.edits import Edited, Edits, edited, edited_once
from heredity.strategies.morphism.places import completed, names, places, replaced


def all_edits(space: Space, point: dict[str, Any], edits: Edits) -> list[Edited]:
    return list(edited_once(space, Edited(point), edits, random.Random(0)))


def values_of_blocks(point: Mapping[str, Any]) -> list[list[Any]]:
    return [list(block.values()) for block in point["blocks"]]


@given(RNGS)
def test_what_grows_is_at_least_as_large_everywhere(rng: random.Random) -> None:
    before = BLOCKS.sample(rng)
    after = edited(BLOCKS, before, GROWING, rng, num=3)
    if after is None:
        return
    assert after.has_only_grown
    assert BLOCKS.problems(after.point) == []
    old, new = values_of_blocks(before), values_of_blocks(after.point)
    # Each old block has its successor, in the same order.
    rest = iter(new)
    assert all(any(all(a <= b for a, b in zip(one, two, strict=True)) for two in rest) for one in old)


@given(RNGS)
def test_an_edit_differs_from_where_it_began(rng: random.Random) -> None:
    before = BLOCKS.canonical(BLOCKS.sample(rng))
    for after in edited_once(BLOCKS, Edited(before), BOTH_WAYS, rng):
        assert after.point != before
        assert len(after.told) == 1


def test_a_new_block_is_a_copy_of_the_one_before_it() -> None:
    edits = all_edits(BLOCKS, network(4, 8), Edits(growing=("blocks",)))
    assert [edit.point for edit in edits] in ([network(4, 4, 8)], [network(4, 8, 8)])
    assert edits[0].told[0].startswith("blocks: a copy of block")


def test_an_edit_says_what_was_done() -> None:
    (edit,) = all_edits(BLOCKS, network(4), Edits(growing=("blocks.skip",)))
    assert edit.told == ("blocks[0].skip: False -> True",)


def test_what_is_as_large_as_can_be_does_not_grow() -> None:
    full: dict[str, Any] = {"blocks": [{"width": 32, "kernel": 5, "skip": True}] * 5, "activation": "relu"}
    assert edited(BLOCKS, full, GROWING, random.Random(0), num=3) is None


def test_what_has_shrunk_has_not_only_grown() -> None:
    edits = all_edits(BLOCKS, network(8, 8), Edits(growing=(), shrinking=("blocks", "blocks.width")))
    assert {edit.has_only_grown for edit in edits} == {False}
    assert network(8) in [edit.point for edit in edits]


def test_what_changes_may_take_any_value() -> None:
    (edit,) = all_edits(BLOCKS, network(8), Edits(growing=(), changing=("activation",)))
    assert edit.point["activation"] == "gelu"
    assert not edit.has_only_grown


def test_a_child_that_has_only_grown_may_be_asked_to_be_exact() -> None:
    strict = Edits(growing=("width",), strict=True)
    assert strict.policy(Edited({}, has_only_grown=True)) == "exact"
    assert strict.policy(Edited({}, has_only_grown=False)) == "best_effort"
    assert GROWING.policy(Edited({}, has_only_grown=True)) == "best_effort"


def test_what_becomes_active_is_drawn() -> None:
    space = Space({"layers": Int(1, 2), "second": Int(8, 64)}, conditions={"second": When("layers", 2)})
    (edit,) = all_edits(space, {"layers": 1}, Edits(growing=("layers",)))
    assert edit.point.keys() == {"layers", "second"}


def test_growth_puts_nothing_out_of_action() -> None:
    space = Space({"layers": Int(1, 2), "wide": Int(8, 64)}, conditions={"wide": When("layers", at_most=1)})
    assert all_edits(space, {"layers": 1, "wide": 8}, Edits(growing=("layers",))) == []


def test_constraints_hold() -> None:
    space = Space({"width": Int(8, 64)}, constraints=["width <= 16"])
    for seed in range(20):
        after = edited(space, {"width": 8}, Edits(growing=("width",)), random.Random(seed), num=4)
        assert after is None or int(str(after.point["width"])) <= 16


def test_names_reach_into_options_and_lists_of_plain_numbers() -> None:
    space = Space(
        {
            "layer": Nested({"conv": {"kernel": Int(1, 5)}, "pool": {}}),
            "widths": Repeat(Int(8, 64), 0, 4),
        }
    )
    assert [*names(space)] == ["layer", "layer.conv.kernel", "widths", "widths[]"]
    point: dict[str, Any] = {"layer": {"_name": "conv", "kernel": 3}, "widths": [8, 16]}
    found = [(place.name, place.path, place.value) for place in places(space, point)]
    assert ("layer.conv.kernel", "layer.conv.kernel", 3) in found
    assert found[-2:] == [("widths[]", "widths[0]", 8), ("widths[]", "widths[1]", 16)]


def test_an_empty_list_grows_by_a_drawn_block() -> None:
    space = Space({"widths": Repeat(Int(8, 64), 0, 4)})
    (edit,) = all_edits(space, {"widths": []}, Edits(growing=("widths",)))
    assert len(edit.point["widths"]) == 1  # type: ignore[arg-type]  # a list


@given(spaces(), RNGS)
def test_a_place_names_its_value(space: Space, rng: random.Random) -> None:
    """To put a place's own value in changes nothing, in any space."""
    point = space.canonical(space.sample(rng))
    for place in places(space, point):
        assert place.name in names(space)
        assert completed(space, replaced(point, place, place.value), rng) == point


@given(spaces(), RNGS)
def test_all_edits_are_legal_in_any_space(space: Space, rng: random.Random) -> None:
    known = names(space)
    ordered = tuple(name for name in known if has_order(known[name]))
    if not known:
        return
    edits = Edits(growing=ordered, shrinking=ordered, changing=tuple(known))
    edits.check(space)
    for edit in edited_once(space, Edited(space.sample(rng)), edits, rng):
        assert space.problems(edit.point) == []


def has_order(dimension: Dimension) -> bool:
    return not isinstance(dimension, Nested | Choice) or (isinstance(dimension, Choice) and dimension.ordered)


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (Edits(growing=("width",)), "'width' is not in the space. Did you mean 'blocks.width'"),
        (Edits(growing=("x",)), "The names are blocks, blocks.width"),
        (Edits(growing=("activation",)), "'activation' has no larger and smaller values"),
        (Edits(growing=(), shrinking=("activation",)), "with ordered=True; or name it under `changing`"),
    ],
)
def test_what_does_not_fit_the_space_is_refused(edits: Edits, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        edits.check(BLOCKS)
    assert message in str(caught.value)


def test_edits_of_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected at least one name, got none"):
        Edits(growing=())
    with pytest.raises(ConfigError, match="growing: expected several names, got the text 'width'"):
        Edits(growing="width")  # type: ignore[arg-type]  # as users do


@given(st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_edits(seed: int) -> None:
    first, second = (edited(BLOCKS, network(8, 8), BOTH_WAYS, random.Random(seed), num=3) for _ in "ab")
    assert first == second
