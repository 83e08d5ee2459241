"""What a child's record says of the way from its parent."""

from __future__ import annotations

from heredity.space import Int, Repeat, Space, When
from heredity.strategies.changes import changes


def test_scalars_that_differ_are_named_with_both_values() -> None:
    space = Space({"width": Int(1, 9), "depth": Int(1, 9)})
    assert changes(space, {"width": 4, "depth": 2}, {"width": 5, "depth": 2}) == {"width": [4, 5]}


def test_what_becomes_active_had_no_value_before() -> None:
    space = Space({"deep": Int(0, 1), "second": Int(1, 9)}, conditions={"second": When("deep", 1)})
    assert changes(space, {"deep": 0}, {"deep": 1, "second": 3}) == {"deep": [0, 1], "second": [None, 3]}


def test_blocks_are_named_by_their_place() -> None:
    space = Space({"blocks": Repeat({"width": Int(1, 9)}, 1, 3)})
    before, after = {"blocks": [{"width": 4}]}, {"blocks": [{"width": 4}, {"width": 7}]}
    assert changes(space, before, after) == {"len(blocks)": [1, 2], "blocks[1].width": [None, 7]}
