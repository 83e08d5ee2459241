"""What is wrong with a point, and with the rules of a space."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space.dimensions import interfaces
from heredity.space.dimensions.interfaces import Dimension, Parameters
from heredity.space.rules import All, Rule, SomeRule, When, as_rule

if TYPE_CHECKING:
    from heredity.space.space import Space


def faults(space: Space, parameters: Parameters) -> list[tuple[str, str]]:
    """See `Space.faults`."""
    illegal = {
        name: found
        for name, value in parameters.items()
        if name in space.dimensions and (found := interfaces.faults(space.dimensions[name], value))
    }
    misplaced = _misplaced(space, parameters, illegal)
    told = [
        (name, misplaced[name]) for name in space.dimensions if name in misplaced and name not in parameters
    ]
    for name in parameters:
        if name not in space.dimensions:
            told.append((name, _unknown(name, space.dimensions)))
        elif name in misplaced:
            told.append((name, misplaced[name]))
        else:
            told += [(f"{name}{place}", text) for place, text in illegal.get(name, ())]
    return told or [("", line) for line in _breaches(space, parameters)]


def checked_conditions(
    conditions: Mapping[str, SomeRule], dimensions: Mapping[str, Dimension]
) -> dict[str, Rule]:
    """Make rules of the conditions of a space.

    Raises:
        ConfigError: See `checked_rule`; or there is no dimension of this name.
    """
    for name in conditions:
        if name not in dimensions:
            raise ConfigError(f"a condition of {name!r}: {_unknown(name, dimensions)}.")
    return {
        name: checked_rule(rule, dimensions, what=f"the condition of {name!r}")
        for name, rule in conditions.items()
    }


def checked_rule(some: SomeRule, dimensions: Mapping[str, Dimension], *, what: str) -> Rule:
    """Make a rule that reads names of a space.

    Raises:
        ConfigError: It is no rule, reads an unknown name, or waits for a value that there is not.
    """
    rule = as_rule(some)
    for part in rule.rules if isinstance(rule, All) else (rule,):
        for name in part.names:
            if name not in dimensions:
                raise ConfigError(f"{what}, {part.text!r}: {name}: {_unknown(name, dimensions)}.")
        for value in part.values if isinstance(part, When) else ():
            problem = dimensions[part.names[0]].problem(value)
            if problem:
                raise ConfigError(f"{what}, {part.text!r}: {problem}.")
    return rule


def order(dimensions: Mapping[str, Dimension], active_if: Mapping[str, Rule]) -> tuple[str, ...]:
    """Put each name after those that its condition reads, and leave them as they stand otherwise.

    Raises:
        ConfigError: Conditions form a circle.
    """
    found: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ConfigError(f"conditions form a circle: {' -> '.join((*path, name))}.")
        if name not in found:
            for read in active_if[name].names if name in active_if else ():
                visit(read, (*path, name))
            found[name] = None

    for name in dimensions:
        visit(name, ())
    return tuple(found)


def _misplaced(space: Space, parameters: Parameters, illegal: Iterable[str]) -> dict[str, str]:
    """Which names are missing or inactive.

    What hangs on a wrong value is not judged: one fault, one line.
    """
    unsure, misplaced, active = set(illegal), dict[str, str](), dict[str, Json]()
    for name in space.order:
        rule = space.active_if.get(name)
        if rule is not None and unsure.intersection(rule.names):
            unsure.add(name)
            continue
        is_active = rule is None or rule.verdict(active) is True
        if is_active and name not in parameters:
            misplaced[name] = "missing"
            unsure.add(name)
        elif is_active:
            active[name] = parameters[name]
        elif name in parameters and rule is not None:
            misplaced[name] = f"inactive, since it needs {rule.text}"
    return misplaced


def _breaches(space: Space, parameters: Parameters) -> list[str]:
    values = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
    broken = [rule for rule in space.rules if rule.verdict(parameters) is False]
    return [f"expected {rule.text}, got {values:.200}" for rule in broken]


def _unknown(name: str, dimensions: Mapping[str, Dimension]) -> str:
    near = difflib.get_close_matches(name, dimensions, n=1)
    return "not in the space" + (f"; did you mean {near[0]!r}?" if near else "")
