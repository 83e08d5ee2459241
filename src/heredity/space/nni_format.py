"""Spaces in the JSON of NNI's search space files, with the meaning that NNI gives them."""

from __future__ import annotations

from collections.abc import Mapping

from heredity.encoding import Json
from heredity.space.dimensions.choices import Choice
from heredity.space.dimensions.interfaces import Dimension
from heredity.space.dimensions.normal import Normal, Rounded
from heredity.space.dimensions.ranges import Float, Int
from heredity.space.faults import (
    Fault,
    FaultError,
    Path,
    advice,
    at,
    collected,
    mapping,
    pair,
    space_or_error,
    space_or_faults,
    values,
)
from heredity.space.nested import NAME, Nested
from heredity.space.space import Space

_RANGES = ("uniform", "quniform", "loguniform", "qloguniform")
_BELLS = ("normal", "qnormal", "lognormal", "qlognormal")
_TYPES = ("choice", "randint", *_RANGES, *_BELLS)
_RETIRED = ("mutable_layer", "layer_choice", "input_choice")


def parse_nni_space(value: object) -> Space:
    """Make a space of the JSON of an NNI search space file.

    Example:
        >>> space = parse_nni_space({"batch": {"_type": "randint", "_value": [1, 9]}})
        >>> space.dimensions["batch"]
        Int(low=1, high=8, log=False, step=1)

    Raises:
        ConfigError: Something is wrong. Each fault has a line: where, what was expected, what came.
    """
    return space_or_error(read_nni_space(value))


def read_nni_space(value: object) -> tuple[Space | None, tuple[Fault, ...]]:
    """As `parse_nni_space`, but give the faults.

    Returns:
        The space and no fault, or None and at least one fault.
    """
    return space_or_faults(lambda faults: _space(mapping(value, ()), (), faults))


def _space(entries: Mapping[str, Json], path: Path, faults: list[Fault]) -> Space:
    dimensions = {}
    for name, entry in entries.items():
        with collected(faults):
            dimensions[name] = _dimension(mapping(entry, (*path, name)), (*path, name), faults)
    return Space(dimensions)


def _dimension(entry: Mapping[str, Json], path: Path, faults: list[Fault]) -> Dimension:
    for key in entry:
        if key not in {"_type", "_value"}:
            raise FaultError((*path, key), f"unknown key {key!r}; {advice(key, ('_type', '_value'))}")
    for key in ("_type", "_value"):
        if key not in entry:
            raise FaultError(path, f"expected '_type' and '_value', got no {key!r}")
    kind, place = _kind(entry["_type"], (*path, "_type")), (*path, "_value")
    with at(place):
        if kind == "choice":
            return _choice(values(entry["_value"], place), place, faults)
        if kind == "randint":
            return _randint(entry["_value"], place)
        return _drawn(kind, values(entry["_value"], place), place)


def _kind(kind: Json, path: Path) -> str:
    if kind in _RETIRED:
        raise FaultError(
            path,
            f"{kind!r} is a type of NNI's old architecture search, from which its tuners cannot draw; "
            "write the layers as 'choice', nested by '_name'",
        )
    if kind not in _TYPES:
        raise FaultError(path, f"unknown type {kind!r}; {advice(str(kind), _TYPES)}")
    return str(kind)


def _choice(options: list[Json], path: Path, faults: list[Fault]) -> Dimension:
    """NNI takes a choice for nested if its options are mappings with ``_name``."""
    num_named = sum(isinstance(option, Mapping) and NAME in option for option in options)
    if num_named == 0:
        return Choice(options)
    if num_named < len(options):
        raise FaultError(path, f"expected {NAME!r} in all options of a nested choice, or in none")
    spaces: dict[str, Space] = {}
    for index, option in enumerate(options):
        table = dict(mapping(option, (*path, index)))
        name = table.pop(NAME)
        if not isinstance(name, str) or name in spaces:
            raise FaultError((*path, index, NAME), f"expected a new text, got {name!r:.60}")
        spaces[name] = _space(table, (*path, index), faults)
    return Nested(spaces)


def _randint(value: Json, path: Path) -> Dimension:
    """The upper bound is no value."""
    low, beyond = pair(value, path, expected="two integers, the upper one excluded, such as [0, 10]")
    if type(low) is not int or type(beyond) is not int or low >= beyond:
        raise FaultError(
            path, f"expected two integers, lower < upper, since the upper one is excluded, got {value!r}"
        )
    return Int(low, beyond - 1)


def _drawn(kind: str, value: list[Json], path: Path) -> Dimension:
    is_range, is_rounded = kind in _RANGES, kind.startswith("q")
    names = "[low, high" if is_range else "[mu, sigma"
    expected = f"{names}, q]" if is_rounded else f"{names}]"
    if len(value) != (3 if is_rounded else 2):
        raise FaultError(path, f"expected {expected}, got {value!r:.60}")
    first, second = pair(value[:2], path, expected=expected)
    log = "log" in kind
    dimension = Float(first, second, log=log) if is_range else Normal(first, second, log=log)
    if not is_rounded:
        return dimension
    _, q = pair([0, value[2]], path, expected=f"{expected} of numbers")
    return Rounded(dimension, to=q)
