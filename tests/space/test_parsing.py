"""Spaces from files: what is read, and that each fault is told with its place."""

from __future__ import annotations

import pytest

from heredity.errors import ConfigError
from heredity.space import (
    Choice,
    Float,
    Group,
    Int,
    Nested,
    Normal,
    Parameters,
    Repeat,
    Rounded,
    Space,
    When,
    parse_space,
    read_space,
)


@pytest.mark.parametrize(
    ("entry", "dimension"),
    [
        ({"int": [8, 64]}, Int(8, 64)),
        ({"int": [8, 64], "log": True, "step": 8}, Int(8, 64, log=True, step=8)),
        ({"float": [0, 1.5]}, Float(0, 1.5)),
        ({"float": [0, 1], "step": 0.1}, Float(0, 1, step=0.1)),
        ({"float": [1, 9], "log": True, "round_to": 2}, Rounded(Float(1, 9, log=True), to=2)),
        ({"choice": ["a", 1, None, [1]]}, Choice(["a", 1, None, [1]])),
        ({"choice": [1, 3], "ordered": True}, Choice([1, 3], ordered=True)),
        ({"normal": [0, 1]}, Normal(0, 1)),
        (
            {"lognormal": [0, 1], "low": 0.5, "round_to": 0.5},
            Rounded(Normal(0, 1, low=0.5, log=True), to=0.5),
        ),
        ({"group": {"a": {"int": [1, 2]}}}, Group({"a": Int(1, 2)})),
        (
            {"nested": {"conv": {"k": {"choice": [1]}}, "pool": None}},
            Nested({"conv": {"k": Choice([1])}, "pool": {}}),
        ),
        ({"nested": ["conv", "pool"]}, Nested({"conv": {}, "pool": {}})),
        ({"repeat": {"width": {"int": [1, 2]}}, "length": [1, 3]}, Repeat({"width": Int(1, 2)}, 1, 3)),
        ({"repeat": {"int": [1, 2]}, "length": 2}, Repeat(Int(1, 2), 2, 2)),
        ({"repeat": {"int": {"int": [1, 2]}}, "length": 2}, Repeat({"int": Int(1, 2)}, 2, 2)),
    ],
)
def test_every_kind_of_dimension_is_read(entry: object, dimension: object) -> None:
    assert parse_space({"x": entry}).dimensions == {"x": dimension}


@pytest.mark.parametrize(
    ("when", "condition"),
    [
        ({"layers": 2}, When("layers", 2)),
        ({"layers": [2, 3]}, When("layers", 2, 3)),
        ({"layers": {"at_least": 2}}, When("layers", at_least=2)),
        ("layers >= 2", "layers >= 2"),
        ([{"layers": 2}, "layers >= 2"], [When("layers", 2), "layers >= 2"]),
    ],
)
def test_every_kind_of_condition_is_read(when: object, condition: object) -> None:
    space = parse_space({"layers": {"int": [1, 3]}, "x": {"int": [1, 2], "when": when}})
    dimensions = {"layers": Int(1, 3), "x": Int(1, 2)}
    assert space == Space(dimensions, {"x": condition})  # type: ignore[dict-item]  # a condition


def test_constraints_are_read_and_may_be_the_name_of_a_dimension_too() -> None:
    entry = {"int": [1, 3]}
    assert parse_space({"a": entry, "constraints": "a > 1"}) == Space({"a": Int(1, 3)}, constraints=["a > 1"])
    assert parse_space({"constraints": entry}) == Space({"constraints": Int(1, 3)})


INT = {"int": [1, 3]}
FAULTS = {
    "no mapping": ([1], "expected a mapping, got [1]."),
    "an unknown kind": ({"a": {"itn": [1, 2]}}, "a.itn: unknown key 'itn'; did you mean 'int'?"),
    "nothing near": ({"a": {"zzz": 1}}, "a.zzz: unknown key 'zzz'; known are choice, float, group"),
    "an unknown option": ({"a": {"int": [1, 2], "lgo": True}}, "a.lgo: unknown key 'lgo'; did you mean"),
    "an option of others": ({"a": {"choice": [1], "step": 2}}, "a.step: unknown key 'step'; known are"),
    "two kinds": ({"a": {"int": [1, 2], "choice": [1]}}, "a: expected exactly one of choice, float"),
    "no kind": ({"a": {}}, "a: expected exactly one of choice"),
    "no dimension": ({"a": 3}, "a: expected a mapping, got 3."),
    "one bound": ({"a": {"int": [1]}}, "a.int: expected the lowest and the highest value"),
    "a bound that is no integer": ({"a": {"int": [1, 2.5]}}, "a.int: Int: expected integers as bounds"),
    "bounds in disorder": ({"a": {"float": [2, 1]}}, "a.float: Float: expected finite bounds, low <= high"),
    "log of zero": ({"a": {"float": [0, 1], "log": True}}, "a.float: Float: a logarithmic scale needs"),
    "a flag": ({"a": {"int": [1, 2], "log": "yes"}}, "a.log: expected true or false, got 'yes'."),
    "a step": ({"a": {"int": [1, 2], "step": "x"}}, "a.step: expected a number, got 'x'."),
    "values": ({"a": {"choice": "abc"}}, "a.choice: expected a list, got 'abc'."),
    "no values": ({"a": {"choice": []}}, "a.choice: Choice: expected at least one value, got none."),
    "a bell": ({"a": {"normal": 0}}, "a.normal: expected a mean and a standard deviation"),
    "a length": ({"a": {"repeat": INT}}, "a.length: expected a number of blocks, or the least"),
    "deep inside": (
        {"a": {"repeat": {"b": {"nested": {"c": {"d": {"int": [2, 1]}}}}}, "length": 1}},
        "a.repeat.b.nested.c.d.int: Int: expected finite bounds",
    ),
    "an option that is none": ({"a": {"nested": [3]}}, "a.nested.0: expected a name and a space, got 3."),
    "a condition's name": ({"a": INT, "b": {**INT, "when": {"aa": 1}}}, "b.when: the condition of 'b'"),
    "a condition's value": ({"a": INT, "b": {**INT, "when": {"a": 9}}}, "expected an integer from 1 to 3"),
    "a condition's bound": (
        {"a": INT, "b": {**INT, "when": {"a": {"at_leas": 2}}}},
        "b.when.a.at_leas: unknown key 'at_leas'; did you mean 'at_least'?",
    ),
    "an empty condition": ({"a": {**INT, "when": []}}, "a.when: expected an expression, or names"),
    "a circle": ({"a": {**INT, "when": {"a": 1}}}, "a.when: conditions form a circle: a -> a."),
    "a constraint": ({"a": INT, "constraints": ["a > 1", "b > 1"]}, "constraints.1: a constraint, 'b > 1'"),
    "constraints": ({"a": INT, "constraints": 3}, "constraints: expected a list, got 3."),
    "a pair": ({"dimensions": [["a"]]}, "dimensions.0: expected a new name and a dimension, got ['a']."),
    "a name twice": ({"dimensions": [["a", INT], ["a", INT]]}, "dimensions.1: expected a new name"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_with_its_place(value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_space(value)
    assert message in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    space, faults = read_space(
        {"a": {"int": [2, 1]}, "b": {"choice": []}, "c": INT, "constraints": ["d < 1"]}
    )
    assert space is None
    assert [fault.path for fault in faults] == [("a", "int"), ("b", "choice")]


def test_a_function_has_no_json_form() -> None:
    def is_small(point: Parameters) -> bool:
        return point["a"] == 1

    with pytest.raises(ConfigError, match="is_small: a Python function has no JSON form"):
        Space({"a": Int(1, 2)}, constraints=[is_small]).to_json()
