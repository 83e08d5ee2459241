"""Where a point may be edited: each of its scalars, lists of blocks and nested choices, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from heredity.encoding import Json
from heredity.space import Dimension, Group, Nested, Parameters, Repeat, Space, as_space
from heredity.space.nested import NAME

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True)
class Place:
    """One value of a point that may be edited.

    Attributes:
        name: As one declares it: ``blocks`` for the number of blocks, ``blocks.width`` for their widths; what
            has no names of its own is ``blocks[]``.
        path: Where it stands in this point: ``blocks[1].width``.
        keys: The same, as keys and indices.
        dimension: What it may be.
        value: What it is.
    """

    name: str
    path: str
    keys: tuple[str | int, ...]
    dimension: Dimension
    value: Json


def places(space: Space, point: Parameters) -> Iterator[Place]:
    """Yield every place of a legal point, in the order of the space."""
    return _in_space(space, Place("", "", (), Group(space), dict(point)))


def names(space: Space) -> dict[str, Dimension]:
    """Every name that a place of some point of the space may have, and what may stand there."""
    found: dict[str, Dimension] = {}
    for name, dimension in space.dimensions.items():
        found |= _names(dimension, name)
    return found


def replaced(point: Parameters, place: Place, value: Json) -> dict[str, Json]:
    """The same point with another value at this place; conditions are not looked at."""
    return cast("dict[str, Json]", _replaced(dict(point), place.keys, value))


def completed(space: Space, point: Parameters, rng: random.Random) -> dict[str, Json]:
    """Draw what has become active, at any depth, and leave out what no longer is."""
    whole: dict[str, Json] = {}
    for name in space.order:
        if space.is_active(name, whole):
            dimension = space.dimensions[name]
            whole[name] = _completed(dimension, point[name], rng) if name in point else dimension.sample(rng)
    return {name: whole[name] for name in space.dimensions if name in whole}


def _in_space(space: Space, at: Place) -> Iterator[Place]:
    values = as_mapping(at.value)
    dot = "." if at.name else ""
    for name in space.order:
        if name in values:
            yield from _at(
                Place(
                    f"{at.name}{dot}{name}",
                    f"{at.path}{dot}{name}",
                    (*at.keys, name),
                    space.dimensions[name],
                    values[name],
                )
            )


def _at(place: Place) -> Iterator[Place]:
    match place.dimension:
        case Group(space=inside):
            yield from _in_space(as_space(inside), place)
        case Nested(options=options):
            yield place
            option = str(as_mapping(place.value)[NAME])
            inner = Place(
                f"{place.name}.{option}", f"{place.path}.{option}", place.keys, place.dimension, place.value
            )
            yield from _in_space(as_space(options[option]), inner)
        case Repeat(block=block):
            yield place
            name = _name_inside(block, place.name)
            for index, value in enumerate(as_list(place.value)):
                yield from _at(Place(name, f"{place.path}[{index}]", (*place.keys, index), block, value))
        case _:
            yield place


def _names(dimension: Dimension, name: str) -> dict[str, Dimension]:
    match dimension:
        case Group(space=inside):
            return {f"{name}.{inner}": each for inner, each in names(as_space(inside)).items()}
        case Nested(options=options):
            return {name: dimension} | {
                f"{name}.{option}.{inner}": each
                for option, inside in options.items()
                for inner, each in names(as_space(inside)).items()
            }
        case Repeat(block=block):
            return {name: dimension} | _names(block, _name_inside(block, name))
        case _:
            return {name: dimension}


def _replaced(value: Json, keys: tuple[str | int, ...], new: Json) -> Json:
    if not keys:
        return new
    key = keys[0]
    if isinstance(key, int):
        items = as_list(value)
        return [*items[:key], _replaced(items[key], keys[1:], new), *items[key + 1 :]]
    values = as_mapping(value)
    return {**values, key: _replaced(values[key], keys[1:], new)}


def _completed(dimension: Dimension, value: Json, rng: random.Random) -> Json:
    match dimension:
        case Group(space=inside):
            return completed(as_space(inside), as_mapping(value), rng)
        case Nested(options=options):
            values = as_mapping(value)
            option = str(values[NAME])
            rest = {name: each for name, each in values.items() if name != NAME}
            return {NAME: option, **completed(as_space(options[option]), rest, rng)}
        case Repeat(block=block):
            return [_completed(block, item, rng) for item in as_list(value)]
        case _:
            return value


def _name_inside(block: Dimension, name: str) -> str:
    return name if isinstance(block, Group) else f"{name}[]"


def as_mapping(value: Json) -> Mapping[str, Json]:
    """A value of a group or of a nested choice, which is a mapping in a legal point."""
    if not isinstance(value, Mapping):
        raise TypeError(f"expected a mapping, got {value!r}")
    return value


def as_list(value: Json) -> list[Json]:
    """A value of a list of blocks, which is a list in a legal point."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"expected a list, got {value!r}")
    return list(value)
