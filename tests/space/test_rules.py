"""Conditions and constraints: what is active, which points are allowed, what is said of others."""

from __future__ import annotations

import random

import pytest

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import All, Check, Choice, Float, Int, Parameters, Space, When
from heredity.space.rules import as_rule

SPACE = Space(
    {"layers": Int(1, 3), "second": Int(8, 64), "kind": Choice(["conv", "mlp"]), "kernel": Choice([1, 3])},
    conditions={"second": When("layers", at_least=2), "kernel": "kind == 'conv' and second > 16"},
)


def test_an_inactive_name_is_told_with_what_it_needs() -> None:
    assert SPACE.problems({"layers": 1, "kind": "mlp", "second": 8}) == [
        "second: inactive, since it needs layers >= 2"
    ]


def test_an_active_name_may_not_miss() -> None:
    assert SPACE.problems({"layers": 2, "kind": "mlp"}) == ["second: missing"]


def test_what_hangs_on_an_inactive_name_is_inactive() -> None:
    problems = SPACE.problems({"layers": 1, "kind": "conv", "kernel": 3})
    assert problems == ["kernel: inactive, since it needs kind == 'conv' and second > 16"]


def test_what_hangs_on_a_wrong_value_is_not_judged() -> None:
    """One fault, one line."""
    assert SPACE.problems({"layers": "x", "kind": "mlp"}) == [
        "layers: expected an integer from 1 to 3, got 'x'"
    ]
    assert SPACE.problems({"kind": "mlp", "second": 8}) == ["layers: missing"]


def test_a_drawn_point_has_the_active_names_only_in_their_order() -> None:
    rng = random.Random(0)
    drawn = {tuple(SPACE.sample(rng)) for _ in range(200)}
    assert drawn == {
        ("layers", "kind"), ("layers", "second", "kind"), ("layers", "second", "kind", "kernel"),
    }  # fmt: skip


def test_the_active_names_of_a_point_are_named() -> None:
    assert SPACE.active({"layers": 1, "second": 64, "kind": "conv", "kernel": 3}) == ("layers", "kind")


@pytest.mark.parametrize(
    ("rule", "holding", "failing", "text"),
    [
        (When("x", at_least=2), 2, 1.5, "x >= 2"),
        (When("x", at_most=2), 2, 3, "x <= 2"),
        (When("x", at_least=1, at_most=2), 1, 3, "1 <= x <= 2"),
        (When("x", "a"), "a", "b", "x == 'a'"),
        (When("x", None), None, False, "x == None"),
        (When("x", 1, 2), 2.0, True, "x in [1, 2]"),
    ],
)
def test_a_condition_holds_or_does_not(rule: When, holding: Json, failing: Json, text: str) -> None:
    assert rule.verdict({"x": holding}) is True
    assert rule.verdict({"x": failing}) is False
    assert rule.verdict({}) is None
    assert rule.text == text


def test_several_conditions_hold_together() -> None:
    rule = as_rule([When("x", at_least=2), "y == 1"])
    assert isinstance(rule, All)
    assert rule.text == "(x >= 2) and (y == 1)"
    assert [rule.verdict(point) for point in ({"x": 2, "y": 1}, {"x": 2}, {"x": 1})] == [True, None, False]


def test_a_condition_has_values_or_bounds() -> None:
    with pytest.raises(ConfigError, match="expected either values or bounds"):
        When("x")
    with pytest.raises(ConfigError, match="expected either values or bounds"):
        When("x", 1, at_least=1)


def test_a_bound_of_what_is_no_number_is_told() -> None:
    with pytest.raises(ConfigError, match="x >= 2: expected a number, got 'a'"):
        When("x", at_least=2).verdict({"x": "a"})


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"second": When("layer", 1)}, "layer: not in the space; did you mean 'layers'?"),
        ({"sec0nd": When("layers", 1)}, "a condition of 'sec0nd': not in the space; did you mean 'second'?"),
        ({"second": When("layers", 4)}, "'layers == 4': expected an integer from 1 to 3, got 4"),
        ({"second": "layers >"}, "not an expression"),
        ({"second": 3}, "expected a rule, got 3"),
        ({"second": When("second", 1)}, "form a circle: second -> second"),
        ({"second": "layers > 1", "layers": "second > 8"}, "form a circle: layers -> second -> layers"),
    ],
)
def test_a_wrong_condition_is_refused(conditions: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Space({"layers": Int(1, 3), "second": Int(1, 64)}, conditions)  # type: ignore[arg-type]  # what users write
    assert message in str(caught.value)


# --- constraints --------------------------------------------------------------------------------------------


def test_a_broken_constraint_is_told_with_its_text_and_the_point() -> None:
    space = Space({"width": Int(1, 64), "depth": Int(1, 64)}, constraints=["width * depth <= 512"])
    assert space.problems({"width": 64, "depth": 16}) == [
        "expected width * depth <= 512, got width=64, depth=16"
    ]
    assert space.problems({"width": 64, "depth": 8}) == []


def test_a_function_may_be_a_constraint() -> None:
    def is_even(point: Parameters) -> bool:
        return int(str(point["width"])) % 2 == 0

    space = Space({"width": Int(1, 64)}, constraints=[is_even, Check(lambda _: True, "anything")])
    assert space.problems({"width": 3}) == ["expected is_even, got width=3"]
    assert all(int(str(space.sample(random.Random(seed))["width"])) % 2 == 0 for seed in range(20))


def test_a_function_is_not_asked_when_a_name_that_it_reads_is_inactive() -> None:
    check = Check(lambda point: point["x"] == 1, names=("x",))
    assert check.verdict({}) is None
    assert check.text == "<lambda>"


def test_a_constraint_about_an_inactive_name_is_fulfilled() -> None:
    space = Space({"a": Int(0, 1), "b": Int(0, 9)}, {"b": When("a", 1)}, ["b > 5"])
    assert space.problems({"a": 0}) == []
    assert space.problems({"a": 1, "b": 5}) == ["expected b > 5, got a=1, b=5"]


def test_constraints_that_contradict_each_other_are_told_with_how_often_each_rejected() -> None:
    space = Space({"a": Int(0, 9), "b": Int(0, 9)}, constraints=["a + b < 0", "a > 4"])
    with pytest.raises(ConfigError) as caught:
        space.sample(random.Random(0))
    assert "'a + b < 0' rejected 10000 of 10000 draws; 'a > 4' rejected " in str(caught.value)


def test_a_tight_constraint_is_met_by_many_draws() -> None:
    space = Space({"a": Int(0, 99), "b": Int(0, 99)}, constraints=["a + b == 99"])
    assert space.problems(space.sample(random.Random(0))) == []


def test_a_wrong_constraint_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="a constraint, 'widht < 3': widht: not in the space; did you mean 'width'"
    ):
        Space({"width": Int(1, 4)}, constraints=["widht < 3"])


def test_one_constraint_needs_no_list() -> None:
    assert Space({"a": Int(0, 9)}, constraints="a > 8").sample(random.Random(0)) == {"a": 9}


def test_spaces_are_equal_by_dimensions_order_and_rules() -> None:
    assert Space({"a": Int(0, 1), "b": Float(0, 1)}) != Space({"b": Float(0, 1), "a": Int(0, 1)})
    assert Space({"a": Int(0, 1)}, constraints=["a > 0"]) != Space({"a": Int(0, 1)})
    assert Space({"a": Choice([1])}) != Space({"a": Choice([True])})
    assert Space({"a": Int(0, 1)}) != "a"
