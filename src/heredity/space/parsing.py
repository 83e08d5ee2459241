"""Spaces from plain values, as a YAML or JSON file holds them; every fault is named with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from heredity.encoding import Json
from heredity.space.dimensions.choices import Choice
from heredity.space.dimensions.interfaces import Dimension, is_number
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
from heredity.space.nested import Group, Nested
from heredity.space.repeat import Repeat
from heredity.space.rules import All, Rule, When, as_rule
from heredity.space.space import Space

_OPTIONS: dict[str, tuple[str, ...]] = {
    "choice": ("ordered",),
    "float": ("log", "step", "round_to"),
    "group": (),
    "int": ("log", "step"),
    "lognormal": ("low", "high", "round_to"),
    "nested": (),
    "normal": ("low", "high", "round_to"),
    "repeat": ("length",),
}
_RANGE = "the lowest and the highest value, such as [1, 8]"
_BELL = "a mean and a standard deviation, such as [0, 1]"


def parse_space(value: object) -> Space:
    """Make a space of plain values, in the form of the experiment file or of `Space.to_json`.

    Example:
        >>> space = parse_space({"width": {"int": [8, 64], "log": True}, "constraints": ["width != 13"]})
        >>> space.problems({"width": 13})
        ['expected width != 13, got width=13']

    Raises:
        ConfigError: Something is wrong. Each fault has a line: where, what was expected, what came.
    """
    return space_or_error(read_space(value))


def read_space(value: object) -> tuple[Space | None, tuple[Fault, ...]]:
    """As `parse_space`, but give the faults, so that a caller can say the lines of a file.

    Returns:
        The space and no fault, or None and at least one fault.
    """
    return space_or_faults(lambda faults: _space(value, (), faults))


_Entries = Mapping[str, tuple[Json, Path]]


def _space(value: object, path: Path, faults: list[Fault]) -> Space | None:
    table = mapping(value, path)
    num_faults, dimensions = len(faults), dict[str, Dimension]()
    entries = _entries(table, path)
    for name, (entry, place) in entries.items():
        with collected(faults):
            dimensions[name] = _dimension(mapping(entry, place), place, faults)
    if len(faults) > num_faults:
        return None  # rules would complain of what could not be read
    conditions = _conditions(dimensions, entries, faults)
    constraints = _constraints(dimensions, table, (*path, "constraints"), faults)
    if len(faults) > num_faults:
        return None
    with at(path):
        return Space(dimensions, conditions, constraints)


def _entries(table: Mapping[str, Json], path: Path) -> _Entries:
    """The dimensions of both forms, each with its place."""
    if not isinstance(table.get("dimensions"), list):
        return {
            name: (entry, (*path, name)) for name, entry in table.items() if not _is_constraints(name, entry)
        }
    found = {}
    for index, entry in enumerate(values(table["dimensions"], path)):
        place = (*path, "dimensions", index)
        match entry:
            case [str(name), content] if name not in found:
                found[name] = content, place
            case _:
                raise FaultError(place, f"expected a new name and a dimension, got {entry!r:.60}")
    return found


def _is_constraints(name: str, entry: Json) -> bool:
    """A dimension is a mapping, so a dimension may be called "constraints" too."""
    return name == "constraints" and not isinstance(entry, Mapping)


def _constraints(
    dimensions: Mapping[str, Dimension], table: Mapping[str, Json], path: Path, faults: list[Fault]
) -> list[Rule]:
    listed = table.get("constraints", [])
    if isinstance(listed, Mapping):
        return []
    rules: list[Rule] = []
    for index, text in enumerate([listed] if isinstance(listed, str) else values(listed, path)):
        with collected(faults), at((*path, index)):
            # Alone first, so that what is wrong with it is told at its place.
            rules += Space(dimensions, {}, (_rule(text, (*path, index)),)).rules
    return rules


def _conditions(
    dimensions: Mapping[str, Dimension], entries: _Entries, faults: list[Fault]
) -> dict[str, Rule]:
    rules = {}
    for name, (entry, place) in entries.items():
        if isinstance(entry, Mapping) and "when" in entry:
            with collected(faults), at((*place, "when")):
                rule = _rule(entry["when"], (*place, "when"))
                rules[name] = Space(dimensions, {name: rule}).active_if[name]
    return rules


def _rule(value: Json, path: Path) -> Rule:
    if isinstance(value, str):
        return as_rule(value)
    if isinstance(value, list | tuple) and value:
        return All(tuple(_rule(part, (*path, index)) for index, part in enumerate(value)))
    if isinstance(value, Mapping) and value:
        rules = tuple(_when(name, one, (*path, name)) for name, one in mapping(value, path).items())
        return rules[0] if len(rules) == 1 else All(rules)
    raise FaultError(
        path, f"expected an expression, or names with their values, such as {{layers: 2}}, got {value!r:.60}"
    )


def _when(name: str, value: Json, path: Path) -> When:
    if isinstance(value, list | tuple):
        return When(name, *value)
    if not isinstance(value, Mapping):
        return When(name, value)
    bounds: dict[str, float] = {}
    for key, bound in mapping(value, path).items():
        if key not in {"at_least", "at_most"}:
            raise FaultError((*path, key), f"unknown key {key!r}; {advice(key, ('at_least', 'at_most'))}")
        bounds[key] = _number(bound, (*path, key))
    return When(name, at_least=bounds.get("at_least"), at_most=bounds.get("at_most"))


def _dimension(entry: Mapping[str, Json], path: Path, faults: list[Fault]) -> Dimension:
    kinds = [key for key in entry if key in _OPTIONS]
    known = {key for kind in kinds for key in (kind, "when", *_OPTIONS[kind])} or {*_OPTIONS, "when"}
    for key in entry:
        if key not in known:
            raise FaultError((*path, key), f"unknown key {key!r}; {advice(key, sorted(known))}")
    if len(kinds) != 1:
        raise FaultError(
            path, f"expected exactly one of {', '.join(_OPTIONS)}, got {', '.join(kinds) or 'none'}"
        )
    with at((*path, kinds[0])):
        return _READERS[kinds[0]](entry, path, faults)


def _choice(entry: Mapping[str, Json], path: Path, _: list[Fault]) -> Dimension:
    return Choice(values(entry["choice"], (*path, "choice")), ordered=_flag(entry, "ordered", path))


def _int(entry: Mapping[str, Json], path: Path, _: list[Fault]) -> Dimension:
    low, high = pair(entry["int"], (*path, "int"), expected=_RANGE)
    step = _number(entry.get("step", 1), (*path, "step"))
    return Int(low, high, log=_flag(entry, "log", path), step=step)  # type: ignore[arg-type]  # it checks them


def _float(entry: Mapping[str, Json], path: Path, _: list[Fault]) -> Dimension:
    low, high = pair(entry["float"], (*path, "float"), expected=_RANGE)
    step = _optional(entry, "step", path)
    return _rounded(Float(low, high, log=_flag(entry, "log", path), step=step), entry, path)


def _normal(entry: Mapping[str, Json], path: Path, _: list[Fault]) -> Dimension:
    kind = "normal" if "normal" in entry else "lognormal"
    mean, deviation = pair(entry[kind], (*path, kind), expected=_BELL)
    low, high = _optional(entry, "low", path), _optional(entry, "high", path)
    return _rounded(Normal(mean, deviation, low, high, log=kind == "lognormal"), entry, path)


def _rounded(dimension: Float | Normal, entry: Mapping[str, Json], path: Path) -> Dimension:
    to = _optional(entry, "round_to", path)
    return dimension if to is None else Rounded(dimension, to)


def _group(entry: Mapping[str, Json], path: Path, faults: list[Fault]) -> Dimension:
    return Group(_space(entry["group"], (*path, "group"), faults) or Space({}))


def _nested(entry: Mapping[str, Json], path: Path, faults: list[Fault]) -> Dimension:
    options, place = entry["nested"], (*path, "nested")
    if isinstance(options, list | tuple):
        options = dict(_option(option, (*place, index)) for index, option in enumerate(options))
    spaces = {}
    for name, space in mapping(options, place).items():
        with collected(faults):
            spaces[name] = _space({} if space is None else space, (*place, name), faults) or Space({})
    return Nested(spaces)


def _option(option: Json, path: Path) -> tuple[str, Json]:
    """An option as a name and its space, or as a name alone."""
    match option:
        case str(name):
            return name, {}
        case [str(name), space]:
            return name, space
    raise FaultError(path, f"expected a name and a space, got {option!r:.60}")


def _repeat(entry: Mapping[str, Json], path: Path, faults: list[Fault]) -> Dimension:
    block, place = mapping(entry["repeat"], (*path, "repeat")), (*path, "repeat")
    length = entry.get("length")
    if type(length) is int:
        length = [length, length]
    low, high = pair(
        length, (*path, "length"), expected="a number of blocks, or the least and the greatest one"
    )
    if _is_dimension(block):
        return Repeat(_dimension(block, place, faults), low, high)  # type: ignore[arg-type]  # it checks them
    space = _space(block, place, faults) or Space({})
    return Repeat(space, low, high)  # type: ignore[arg-type]  # it checks them


def _is_dimension(entry: Mapping[str, Json]) -> bool:
    """Whether it is one dimension. In a space, whose entries are mappings, one may be called "int" too."""
    return any(
        key in {"group", "nested", "repeat"} or not isinstance(value, Mapping)
        for key, value in entry.items()
        if key in _OPTIONS
    )


_READERS: dict[str, Callable[[Mapping[str, Json], Path, list[Fault]], Dimension]] = {
    "choice": _choice,
    "float": _float,
    "group": _group,
    "int": _int,
    "lognormal": _normal,
    "nested": _nested,
    "normal": _normal,
    "repeat": _repeat,
}


def _flag(entry: Mapping[str, Json], name: str, path: Path) -> bool:
    value = entry.get(name, False)
    if not isinstance(value, bool):
        raise FaultError((*path, name), f"expected true or false, got {value!r:.60}")
    return value


def _optional(entry: Mapping[str, Json], name: str, path: Path) -> float | None:
    return None if entry.get(name) is None else _number(entry[name], (*path, name))


def _number(value: Json, path: Path) -> float:
    if not is_number(value):
        raise FaultError(path, f"expected a number, got {value!r:.60}")
    return value
