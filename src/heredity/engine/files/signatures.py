"""Objects from the plain values of a file, by the signatures of their classes: new ones need no code here."""

from __future__ import annotations

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from typing import Any, Literal, Union, get_args, get_origin

from heredity.errors import InputError

Place = tuple[str | int, ...]
"""The keys and indices that lead to a place in a file."""

# Any: an annotation is whatever its author wrote.
Reader = Callable[[Any, object, Place], object]
"""Reads values that plain types do not describe: by the annotation, the value, and where it stands."""


class Misplaced(Exception):
    """What is wrong with a value, and where it stands; never leaves this package."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


def build(
    target: Callable[..., object],
    settings: Mapping[str, object],
    *,
    place: Place,
    given: Mapping[str, object],
    special: Mapping[object, Reader],
) -> object:
    """Call a class with the settings of a file.

    Args:
        target: The class; its annotations say what each argument may be.
        settings: The arguments by their names, as they stand in the file.
        place: Where they stand.
        given: What the surroundings provide for arguments of these names, such as a seed.
        special: Readers for annotations that are no plain types.

    Raises:
        Misplaced: A key is unknown or missing, or a value is of another type than the annotation says, or
            the class refuses it.
    """
    hints = typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    parameters = inspect.signature(target).parameters
    for key in settings:
        if key not in parameters:
            raise Misplaced((*place, key), f"unknown key {key!r}; {advice(key, parameters)}")
    arguments: dict[str, object] = {}
    for name, parameter in parameters.items():
        if name in settings:
            arguments[name] = read(hints[name], settings[name], (*place, name), special)
        elif name in given:
            arguments[name] = given[name]
        elif parameter.default is parameter.empty:
            raise Misplaced((*place, name), "missing")
    return _call(target, arguments, place)


def _call(target: Callable[..., object], arguments: Mapping[str, object], place: Place) -> object:
    try:
        return target(**arguments)
    except InputError as error:
        message = f"{error.message.rstrip('.')}. {error.hint}" if error.hint else error.message
        # Our classes begin with "Class: setting: ..." or "setting: ...".
        named = next((part.strip() for part in message.split(":")[:2] if part.strip() in arguments), None)
        where = place if named is None else (*place, named)
        raise Misplaced(where, message.rstrip(".")) from error


def read(hint: Any, value: object, place: Place, special: Mapping[object, Reader]) -> object:  # noqa: ANN401
    """Read a value as its annotation says.

    Raises:
        Misplaced: It is of another type.
    """
    if isinstance(hint, typing.Hashable) and hint in special:
        return special[hint](hint, value, place)
    if isinstance(hint, typing.Hashable) and hint in _PLAIN:
        return _plain(hint, value, place)
    if isinstance(hint, type) and is_dataclass(hint):
        return build(hint, _mapping(value, place), place=place, given={}, special=special)
    return _of_parts(hint, value, place, special)


def _of_parts(hint: Any, value: object, place: Place, special: Mapping[object, Reader]) -> object:  # noqa: ANN401
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _any_of(get_args(hint), value, place, special)
    if origin is Literal:
        return _one_of(get_args(hint), value, place)
    if isinstance(origin, type) and issubclass(origin, Collection):
        return _collection(hint, value, place, special)
    return value  # the class itself looks at it


_PLAIN: Mapping[object, tuple[str, tuple[type, ...]]] = {
    bool: ("true or false", (bool,)),
    int: ("an integer", (int,)),
    float: ("a number", (int, float)),
    str: ("a text", (str,)),
    type(None): ("nothing", (type(None),)),
}


def _plain(hint: object, value: object, place: Place) -> object:
    expected, kinds = _PLAIN[hint]
    if type(value) not in kinds:  # true is no integer
        raise Misplaced(place, f"expected {expected}, got {value!r:.60}")
    return float(value) if hint is float else value  # type: ignore[arg-type]  # it is a number


def _one_of(options: Sequence[object], value: object, place: Place) -> object:
    if value not in options:
        raise Misplaced(place, f"expected one of {', '.join(map(str, options))}, got {value!r:.60}")
    return value


def _any_of(hints: Iterable[object], value: object, place: Place, special: Mapping[object, Reader]) -> object:
    problems: list[Misplaced] = []
    for hint in hints:
        try:
            return read(hint, value, place, special)
        except Misplaced as error:
            if hint is not type(None):
                problems.append(error)
    deepest = max(problems, key=lambda problem: len(problem.place))
    if len(problems) == 1 or len(deepest.place) > len(place):
        raise deepest
    expected = [problem.message.removeprefix("expected ").partition(", got")[0] for problem in problems]
    raise Misplaced(place, f"expected {' or '.join(expected)}, got {value!r:.60}")


def _collection(
    hint: Any,  # noqa: ANN401  # an annotation
    value: object,
    place: Place,
    special: Mapping[object, Reader],
) -> object:
    kind, hints = typing.cast(type, get_origin(hint)), get_args(hint)
    if issubclass(kind, Mapping):
        entries = _mapping(value, place).items()
        return {
            _key(hints[0], key, (*place, key)): read(hints[1], part, (*place, key), special)
            for key, part in entries
        }
    if not isinstance(value, list):
        raise Misplaced(place, f"expected a list, got {value!r:.60}")
    if kind is tuple and hints[-1:] != (...,):
        if len(value) != len(hints):
            raise Misplaced(place, f"expected a list of {len(hints)}, got {value!r:.60}")
        each = list(hints)
    else:
        each = [hints[0]] * len(value)
    parts = [
        read(hint, part, (*place, index), special)
        for index, (hint, part) in enumerate(zip(each, value, strict=True))
    ]
    return frozenset(parts) if issubclass(kind, AbstractSet) else tuple(parts)


def _key(hint: object, key: str, place: Place) -> object:
    """Keys are texts in a file; where numbers are meant, they stand in quotes."""
    if hint is not int:
        return key
    if not key.isdecimal():
        raise Misplaced(place, f"expected an integer as key, got {key!r:.60}")
    return int(key)


def _mapping(value: object, place: Place) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Misplaced(place, f"expected a mapping, such as {{}}, got {value!r:.60}")
    return value


def advice(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown name."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(names)}"
