"""Groups, nested choices and repeated blocks: what is said of them, and how they move."""

from __future__ import annotations

import random

import pytest

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Choice, Float, Group, Int, Nested, Repeat, Space

BLOCKS = Repeat({"width": Int(8, 64), "kernel": Choice([1, 3, 5], ordered=True)}, 1, 3)
LAYER = Nested({"conv": {"kernel": Choice([1, 3])}, "pool": {}})
SPACE = Space({"blocks": BLOCKS, "layer": LAYER, "training": Group({"rate": Float(0, 1)})})
BLOCK: dict[str, Json] = {"width": 8, "kernel": 3}
OTHER: dict[str, Json] = {"width": 64, "kernel": 5}


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        (
            "blocks",
            [BLOCK, {"width": 7, "kernel": 3}],
            "blocks[1].width: expected an integer from 8 to 64, got 7",
        ),
        ("blocks", [{"width": 8}], "blocks[0].kernel: missing"),
        ("blocks", [], "blocks: expected 1 to 3 blocks, got 0"),
        ("blocks", "abc", "blocks: expected a list, got 'abc'"),
        ("blocks", [3], "blocks[0]: expected a mapping, got 3"),
        ("layer", {"_name": "conv", "kernel": 2}, "layer.kernel: expected one of 1, 3, got 2"),
        ("layer", {"_name": "pool", "kernel": 1}, "layer.kernel: not in the space"),
        ("layer", {"_name": "cnov"}, "layer._name: expected one of 'conv', 'pool', got 'cnov'"),
        ("layer", {"kernel": 1}, "layer: expected a mapping with '_name', got {'kernel': 1}"),
        ("training", {"rate": 2}, "training.rate: expected a number from 0 to 1, got 2"),
        ("training", None, "training: expected a mapping, got None"),
    ],
)
def test_what_is_wrong_inside_is_told_with_its_place(name: str, value: Json, problem: str) -> None:
    point: dict[str, Json] = {"blocks": [BLOCK], "layer": {"_name": "pool"}, "training": {"rate": 0.5}}
    assert SPACE.problems(point) == []
    assert SPACE.problems(point | {name: value}) == [problem]


def test_a_constraint_inside_a_block_is_told_with_the_block() -> None:
    block = Space({"a": Int(0, 9), "b": Int(0, 9)}, constraints=["a < b"])
    space = Space({"blocks": Repeat(block, 0, 2)})
    assert space.problems({"blocks": [{"a": 0, "b": 1}, {"a": 1, "b": 0}]}) == [
        "blocks[1]: expected a < b, got a=1, b=0"
    ]


def test_a_constraint_may_look_into_blocks() -> None:
    space = Space({"blocks": BLOCKS}, constraints=["sum(each(blocks, 'width')) <= 64"])
    assert space.problems({"blocks": [OTHER]}) == []
    assert space.problems({"blocks": [OTHER, BLOCK]})[0].startswith(
        "expected sum(each(blocks, 'width')) <= 64"
    )


def test_every_number_of_blocks_is_drawn() -> None:
    rng = random.Random(0)
    assert {len(list(str(BLOCKS.sample(rng)).split("width"))) - 1 for _ in range(50)} == {1, 2, 3}


def test_a_mutation_adds_removes_or_changes_a_block() -> None:
    rng = random.Random(0)
    start = [BLOCK, OTHER]
    mutants = [BLOCKS.mutate(start, rng) for _ in range(60)]
    lengths = {len(mutant) for mutant in mutants if isinstance(mutant, list)}
    assert lengths == {1, 2, 3}
    assert all(
        sum(block not in start for block in mutant) <= 1 for mutant in mutants if isinstance(mutant, list)
    )


def test_a_list_that_cannot_change_stays() -> None:
    assert Repeat(Choice(["a"]), 2, 2).mutate(["a", "a"], random.Random(0)) == ["a", "a"]


def test_blocks_may_be_single_values() -> None:
    widths = Repeat(Int(1, 2), 0, 2)
    assert list(widths.grid(3)) == [[], [1], [2], [1, 1], [1, 2], [2, 1], [2, 2]]
    assert widths.size == 7


def test_one_block_in_front_makes_lists_differ_by_one_block() -> None:
    """Place by place, all three would differ."""
    assert BLOCKS.distance([BLOCK, OTHER], [OTHER, BLOCK, OTHER]) == pytest.approx(1 / 3)


def test_a_mixture_of_lists_has_one_parents_length() -> None:
    rng = random.Random(0)
    mixed = [BLOCKS.crossover([BLOCK], [OTHER] * 3, rng) for _ in range(30)]
    assert {len(blocks) for blocks in mixed if isinstance(blocks, list)} == {1, 3}


def test_a_nested_choice_mutates_its_option_or_what_is_inside() -> None:
    rng = random.Random(0)
    mutants = [LAYER.mutate({"_name": "conv", "kernel": 1}, rng) for _ in range(30)]
    assert {str(mutant) for mutant in mutants} == {
        str({"_name": "pool"}),
        str({"_name": "conv", "kernel": 3}),
    }


def test_the_neighbours_of_a_nested_choice_are_its_own_and_the_other_options() -> None:
    neighbours = list(LAYER.neighbours({"_name": "conv", "kernel": 1}, random.Random(0)))
    assert neighbours == [{"_name": "conv", "kernel": 3}, {"_name": "pool"}]


def test_two_options_are_as_far_apart_as_can_be() -> None:
    assert LAYER.distance({"_name": "conv", "kernel": 1}, {"_name": "pool"}) == 1.0
    assert LAYER.distance({"_name": "conv", "kernel": 1}, {"_name": "conv", "kernel": 3}) == 0.5


def test_scalars_have_paths() -> None:
    point: dict[str, Json] = {
        "blocks": [BLOCK],
        "layer": {"_name": "conv", "kernel": 1},
        "training": {"rate": 0.5},
    }
    assert {leaf.path: leaf.value for leaf in SPACE.leaves(point)} == {
        "len(blocks)": 1, "blocks[0].width": 8, "blocks[0].kernel": 3, "layer._name": "conv",
        "layer.conv.kernel": 1, "training.rate": 0.5,
    }  # fmt: skip
    assert len(SPACE.scalars()) == 1 + 3 * 2 + 2 + 1


def test_a_point_is_composed_of_what_is_asked_for_alone() -> None:
    asked = []

    def choose(path: str, dimension: object) -> Json:
        asked.append(path)
        known: dict[str, Json] = {"len(blocks)": 2, "layer._name": "pool"}
        return known.get(path, 8 if "width" in path else 1)

    point = SPACE.compose(choose)
    assert point["blocks"] == [{"width": 8, "kernel": 1}] * 2
    assert "layer.conv.kernel" not in asked


def test_units_that_are_missing_are_told() -> None:
    with pytest.raises(ConfigError, match=r"layer\._name: expected a number from 0 to 1, got none"):
        SPACE.from_units({"len(blocks)": 0, "blocks[0].width": 0, "blocks[0].kernel": 0})


@pytest.mark.parametrize("bounds", [(-1, 2), (3, 2), (0.0, 2), (True, 2)])
def test_the_number_of_blocks_has_bounds(bounds: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="Repeat: expected integers, 0 <= low <= high"):
        Repeat(Int(1, 2), *bounds)


def test_a_nested_choice_has_options_and_keeps_its_name_for_itself() -> None:
    with pytest.raises(ConfigError, match="expected at least one option"):
        Nested({})
    with pytest.raises(ConfigError, match="'_name' names the option"):
        Nested({"conv": {"_name": Int(1, 2)}})
