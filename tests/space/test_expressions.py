"""Expressions: what they compute, what they leave open, and what they refuse to run."""

from __future__ import annotations

import pytest

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Expression

POINT: dict[str, Json] = {
    "width": 64,
    "depth": 4,
    "rate": 0.5,
    "kind": "conv",
    "norm": True,
    "lr-1": 2,
    "none": None,
    "blocks": [{"width": 8, "kernel": 3}, {"width": 16}],
    "sizes": [1, 2, 3],
    "empty": [],
}

TRUE = [
    "width * depth <= 512",
    "width + depth - 1 == 67 and width / depth == 16",
    "width // 10 == 6 and width % 10 == 4 and 2 ** depth == 16",
    "-depth < 0 and +depth > 0 and not depth > 4",
    "1 < depth < 5 != 6",
    "kind == 'conv' or depth / 0 > 1",
    "kind in ['conv', 'pool'] and kind not in ('mlp',)",
    "norm and none == None and kind != 'pool'",
    "(depth if norm else width) == 4",
    "blocks[0]['width'] == 8 and sizes[-1] == 3",
    "len(blocks) == 2 and len(kind) == 4",
    "sum(each(blocks, 'width')) == 24 and max(sizes) == 3 and min(1, 2) == 1 and prod(sizes) == 6",
    "each(blocks, 'kernel') == [3]",
    "sqrt(width) == 8 and log2(width) == 6 and log10(100) == 2 and round(log(exp(2))) == 2",
    "abs(-1) == 1 and floor(rate) == 0 and ceil(rate) == 1",
    "value('lr-1') == 2",
    "sum(empty) == 0",
]


@pytest.mark.parametrize("text", TRUE)
def test_it_holds(text: str) -> None:
    assert Expression(text).verdict(POINT) is True
    assert Expression(f"not ({text})").verdict(POINT) is False


@pytest.mark.parametrize(
    "text",
    ["gone > 1", "not gone", "gone > 1 and norm", "gone > 1 or depth > 9", "sizes[7] > 1", "max(empty) < 3",
     "blocks[1]['kernel'] == 3", "value('gone') == 1"],
)  # fmt: skip
def test_what_hangs_on_an_inactive_name_is_open(text: str) -> None:
    assert Expression(text).verdict(POINT) is None


def test_what_is_decided_without_the_inactive_name_is_decided() -> None:
    assert Expression("gone > 1 or norm").verdict(POINT) is True
    assert Expression("gone > 1 and not norm").verdict(POINT) is False


def test_a_truth_value_is_no_number() -> None:
    assert Expression("norm == 1").verdict(POINT) is False
    assert Expression("depth == 4.0").verdict(POINT) is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind + 1 > 2", "expected a number, got 'conv'"),
        ("kind < 'd'", "expected a number, got 'conv'"),
        ("kind * 999999 == 1", "expected a number"),
        ("norm + 1 > 1", "expected a number, got True"),
        ("depth", "expected true or false, got 4"),
        ("depth and norm", "expected true or false, got 4"),
        ("1 / (depth - 4) > 1", "division by zero"),
        ("sqrt(-depth) > 1", "math domain error|nonnegative"),
        ("9 ** 9 ** 9 > 1", "is too large"),
        ("2.0 ** 9999 > 1", "too large|out of range"),
        ("(-8) ** 0.5 > 1", "expected a finite number"),
        ("exp(9999) > 1", "range"),
        ("depth['a'] == 1", "4 has no part 'a'"),
        ("len(depth) == 1", "4 has no length"),
        ("sum(depth) == 1", "expected a list, got 4"),
        ("each(blocks, 1) == []", "expected a name in quotes, got 1"),
    ],
)
def test_an_operation_that_does_not_fit_is_told_with_the_values(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Expression(text).verdict(POINT)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width.real > 1", r"attributes are not allowed, got '\.real'.*value\(\"width.real\"\)"),
        ("blocks[0].width > 1", r"blocks\[0\]\[\"width\"\]"),
        ("().__class__", "attributes are not allowed"),
        ("__import__('os')", "'__import__' is no function here"),
        ("sqr(rate) > 1", "Did you mean 'sqrt'"),
        ("(lambda: 1)() > 1", "'' is no function here"),
        ("[x for x in sizes] == []", "ListComp is not allowed"),
        ("sizes[0:1] == [1]", "Slice is not allowed"),
        ("{1: 2} == 1", "Dict is not allowed"),
        ("(y := 1) > 0", "NamedExpr is not allowed"),
        ("f'{width}' == 'a'", "JoinedStr is not allowed"),
        ("width is 1 or 1 == 1", "Is is not allowed"),
        ("~depth > 1", "Invert is not allowed"),
        ("b'a' == 1", "expected numbers, texts"),
        ("1j == 1", "expected numbers, texts"),
        ("max(*sizes) > 1", "takes plain arguments only"),
        ("round(rate, ndigits=1) > 1", "takes plain arguments only"),
        ("abs() > 1", "does not take 0 arguments"),
        ("log(8, 2) > 1", "does not take 2 arguments"),
        ("each(blocks) == []", "does not take 1 arguments"),
        ("value(width) == 1", "expected a name in quotes"),
        ("width <", "not an expression"),
        ("width = 1", "not an expression"),
        ("", "not an expression"),
        ("-" * 60 + "1 > 0", "nested too deeply"),
        ("1" * 501, "at most 500 letters, got 501"),
    ],
)
def test_what_is_no_plain_expression_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Expression(text)


def test_it_names_what_it_reads_once_and_in_order() -> None:
    assert Expression("b * a + b < min(c, value('d-e'))").names == ("b", "a", "c", "d-e")


def test_expressions_are_equal_by_text() -> None:
    assert Expression("a < 1") == Expression("a < 1") != Expression("a < 2")
