"""The names of `nni.utils` and `nni.parameter_expressions` that tuners call do what NNI's do."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from heredity.nni.trials import SHIM

SPACE = {
    "rate": {"_type": "loguniform", "_value": [1e-4, 1]},
    "layer": {
        "_type": "choice",
        "_value": [
            {"_name": "convolution", "kernel": {"_type": "randint", "_value": [1, 9]}},
            {"_name": "none"},
        ],
    },
}
DRAWN = {"rate": pytest.approx(0.004656804637919571), "layer": {"_name": "convolution", "kernel": 1}}
NAMES = ["root[rate]-loguniform", "root[layer]-choice[0][kernel]-randint", "root[layer]-choice"]


@pytest.fixture
def nni(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module, as a tuner imports it."""
    monkeypatch.syspath_prepend(str(SHIM))
    import nni

    yield nni
    for name in [name for name in sys.modules if name.partition(".")[0] == "nni"]:
        del sys.modules[name]


def test_a_space_is_named_and_drawn_as_by_nni_3(nni: ModuleType) -> None:
    """The numbers are NNI 3.0's, for the same seed."""
    assert nni.utils.json2space(SPACE) == NAMES
    drawn = nni.utils.json2parameter(SPACE, dict.fromkeys(NAMES, True), np.random.RandomState(1))
    assert nni.utils.split_index(drawn) == DRAWN


def test_what_is_not_drawn_stays(nni: ModuleType) -> None:
    names, state = dict.fromkeys(NAMES, True), np.random.RandomState(1)
    old = nni.utils.json2parameter(SPACE, names, state)
    changed = nni.utils.json2parameter(SPACE, names | {"root[layer]-choice": False}, state, old)
    assert changed["layer"] == old["layer"]
    assert changed["rate"] != old["rate"]


def test_nested_choices_need_names(nni: ModuleType) -> None:
    space = {"layer": {"_type": "choice", "_value": [{"kernel": 3}]}}
    with pytest.raises(RuntimeError, match="'_name' key is not found"):
        nni.utils.json2space(space)


@pytest.mark.parametrize(
    ("name", "arguments", "steps"),
    [
        ("uniform", (2, 3), None),
        ("quniform", (2, 11, 3), 3),
        ("loguniform", (2, 3), None),
        ("qloguniform", (2, 11, 0.5), 0.5),
        ("randint", (2, 11), 1),
        ("choice", ([2, 5, 11],), 1),
    ],
)
def test_ranges_keep_their_bounds_and_steps(
    nni: ModuleType, name: str, arguments: tuple[object, ...], steps: float | None
) -> None:
    state, draw = np.random.RandomState(0), getattr(nni.parameter_expressions, name)
    drawn = [draw(*arguments, state) for _ in range(200)]
    assert all(2 <= value <= 11 for value in drawn)
    # The bounds themselves need be no multiples.
    assert steps is None or all(value % steps == 0 or value in (2, 11) for value in drawn)


@pytest.mark.parametrize("name", ["normal", "lognormal"])
def test_normal_draws_are_rounded_by_their_namesakes(nni: ModuleType, name: str) -> None:
    plain = getattr(nni.parameter_expressions, name)(1.0, 2.0, np.random.RandomState(3))
    rounded = getattr(nni.parameter_expressions, f"q{name}")(1.0, 2.0, 0.5, np.random.RandomState(3))
    assert rounded == np.round(plain / 0.5) * 0.5


def test_parameters_take_the_type_of_the_arguments_that_they_replace(nni: ModuleType) -> None:
    given = argparse.Namespace(rate=0.1, folder=None, width=3)
    merged = nni.utils.merge_parameter(given, {"rate": 1, "folder": "here"})
    assert (merged.rate, type(merged.rate), merged.folder) == (1.0, float, "here")
    assert nni.utils.merge_parameter(given, None) is given
    with pytest.raises(ValueError, match=r'Expected "width" .* to have type int, but found str'):
        nni.utils.merge_parameter(given, {"width": "8"})


def test_a_validator_of_a_tuner_can_be_defined(nni: ModuleType) -> None:
    class Validator(nni.ClassArgsValidator):  # type: ignore[name-defined,misc]  # the module is found at run time
        pass

    Validator().validate_class_args(size=3)
    with pytest.raises(AttributeError, match="has no attribute 'odd'"):
        nni.odd  # noqa: B018
