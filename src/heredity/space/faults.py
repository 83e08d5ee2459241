"""What is wrong with a space that comes from plain values, and where; and how such values are taken apart."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space.dimensions.interfaces import is_number
from heredity.space.space import Space

Path = tuple[str | int, ...]
"""The keys and indices that lead to a place in a file."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a space from a file, and where."""

    path: Path
    message: str

    def __str__(self) -> str:
        place = ".".join(map(str, self.path))
        end = "" if self.message.endswith("?") else "."
        return f"{place}: {self.message}{end}" if place else f"{self.message}{end}"


class FaultError(Exception):
    """Carries a fault up to where all are collected; never leaves this package."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(path, message)


@contextmanager
def collected(faults: list[Fault]) -> Iterator[None]:
    """Keep the fault that ends the block, so that what follows the block can have its own."""
    try:
        yield
    except FaultError as error:
        faults.append(error.fault)


@contextmanager
def at(path: Path) -> Iterator[None]:
    """Say where it was that a dimension or a rule could not be made."""
    try:
        yield
    except ConfigError as error:
        message = f"{error.message.rstrip('.')}. {error.hint}" if error.hint else error.message
        raise FaultError(path, message.rstrip(".")) from error


def space_or_faults(
    read: Callable[[list[Fault]], Space | None],
) -> tuple[Space | None, tuple[Fault, ...]]:
    """Read a space; if there are faults, give them and no space."""
    faults: list[Fault] = []
    with collected(faults):
        space = read(faults)
        if not faults:
            return space, ()
    return None, tuple(faults)


def space_or_error(found: tuple[Space | None, tuple[Fault, ...]]) -> Space:
    """Give the space, or raise all faults.

    Raises:
        ConfigError: There are faults; one line each.
    """
    space, faults = found
    if space is None:
        raise ConfigError("\n".join(map(str, faults)))
    return space


def mapping(value: object, path: Path) -> Mapping[str, Json]:
    """Take a mapping with texts as keys, or say that it is none."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise FaultError(path, f"expected a mapping, got {value!r:.60}")
    return value


def values(value: object, path: Path) -> list[Json]:
    """Take a list, or say that it is none."""
    if not isinstance(value, list | tuple):
        raise FaultError(path, f"expected a list, got {value!r:.60}")
    return list(value)


def pair(value: Json, path: Path, *, expected: str) -> tuple[float, float]:
    """Take a list of two numbers, or say what was expected."""
    match value:
        case [first, second] if is_number(first) and is_number(second):
            return first, second
    raise FaultError(path, f"expected {expected}, got {value!r:.60}")


def advice(name: str, known: Iterable[str]) -> str:
    """Advise on an unknown name: the nearest known one, or all."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
