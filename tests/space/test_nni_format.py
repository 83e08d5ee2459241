"""Search spaces of NNI: each type has NNI's meaning, and each fault its place."""

from __future__ import annotations

import random

import pytest

from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int, Nested, Normal, Rounded, parse_nni_space, read_nni_space


@pytest.mark.parametrize(
    ("kind", "value", "dimension"),
    [
        ("choice", ["relu", 1, [2]], Choice(["relu", 1, [2]])),
        ("choice", [{"a": 1}, {"a": 2}], Choice([{"a": 1}, {"a": 2}])),
        ("randint", [0, 10], Int(0, 9)),
        ("uniform", [0, 1], Float(0, 1)),
        ("quniform", [2, 10, 5], Rounded(Float(2, 10), to=5)),
        ("loguniform", [1e-4, 1], Float(1e-4, 1, log=True)),
        ("qloguniform", [1, 8, 2], Rounded(Float(1, 8, log=True), to=2)),
        ("normal", [0, 1], Normal(0, 1)),
        ("qnormal", [0, 1, 0.5], Rounded(Normal(0, 1), to=0.5)),
        ("lognormal", [0, 1], Normal(0, 1, log=True)),
        ("qlognormal", [0, 1, 0.5], Rounded(Normal(0, 1, log=True), to=0.5)),
    ],
)
def test_every_type_is_read(kind: str, value: object, dimension: object) -> None:
    assert parse_nni_space({"x": {"_type": kind, "_value": value}}).dimensions == {"x": dimension}


def test_a_nested_choice_is_drawn_as_nni_writes_it() -> None:
    kernel = {"_type": "choice", "_value": [1, 3]}
    entry = {"_type": "choice", "_value": [{"_name": "Empty"}, {"_name": "Conv", "kernel_size": kernel}]}
    space = parse_nni_space({"layer0": entry})
    assert space.dimensions == {"layer0": Nested({"Empty": {}, "Conv": {"kernel_size": Choice([1, 3])}})}
    rng = random.Random(0)
    assert {str(space.sample(rng)["layer0"]) for _ in range(40)} == {
        "{'_name': 'Empty'}", "{'_name': 'Conv', 'kernel_size': 1}", "{'_name': 'Conv', 'kernel_size': 3}",
    }  # fmt: skip


FAULTS = {
    "an unknown type": ("quinform", [0, 1, 1], "x._type: unknown type 'quinform'; did you mean 'quniform'?"),
    "a retired type": (
        "mutable_layer",
        {},
        "x._type: 'mutable_layer' is a type of NNI's old architecture search",
    ),
    "a type that is no text": (["choice"], [1], "x._type: unknown type ['choice']"),
    "too few numbers": ("quniform", [0, 1], "x._value: expected [low, high, q], got [0, 1]."),
    "too many numbers": ("normal", [0, 1, 2], "x._value: expected [mu, sigma], got [0, 1, 2]."),
    "a text": ("uniform", ["a", 1], "x._value: expected [low, high], got ['a', 1]."),
    "a q": ("qnormal", [0, 1, "x"], "x._value: expected [mu, sigma, q] of numbers"),
    "a q of zero": ("quniform", [0, 1, 0], "x._value: Rounded: expected a multiple above 0, got 0."),
    "no list": ("choice", 3, "x._value: expected a list, got 3."),
    "no integers": ("randint", [0, 1.5], "x._value: expected two integers"),
    "no integer": (
        "randint",
        [3, 3],
        "x._value: expected two integers, lower < upper, since the upper one is excluded",
    ),
    "log of zero": ("loguniform", [0, 1], "x._value: Float: a logarithmic scale needs low > 0"),
    "a half nested choice": ("choice", [{"_name": "a"}, 1], "x._value: expected '_name' in all options"),
    "an option twice": (
        "choice",
        [{"_name": "a"}, {"_name": "a"}],
        "x._value.1._name: expected a new text, got 'a'.",
    ),
    "deep inside": (
        "choice",
        [{"_name": "a", "y": {"_type": "uniform"}}],
        "x._value.0.y: expected '_type' and '_value', got no '_value'.",
    ),
}


@pytest.mark.parametrize(("kind", "value", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_with_its_place(kind: object, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_nni_space({"x": {"_type": kind, "_value": value}})
    assert message in str(caught.value)


def test_an_unknown_key_is_told() -> None:
    with pytest.raises(ConfigError, match=r"x\._tpye: unknown key '_tpye'; did you mean '_type'\?"):
        parse_nni_space({"x": {"_tpye": "choice", "_value": [1]}})


def test_all_faults_are_told_at_once() -> None:
    space, faults = read_nni_space(
        {"x": 1, "y": {"_type": "choice", "_value": []}, "z": {"_type": "a", "_value": 1}}
    )
    assert space is None
    assert [fault.path[0] for fault in faults] == ["x", "y", "z"]
