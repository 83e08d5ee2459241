"""How many points a space has, and a walk through all of them or through a grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from heredity.encoding import Json

if TYPE_CHECKING:
    from heredity.space.space import Space

_MAX_COMBINATIONS = 100_000


def size(space: Space) -> int | None:
    """Count the points of a space; see `Space.size`."""
    sizes: dict[str, int] = {}
    for name, dimension in space.dimensions.items():
        if (one := dimension.size) is None:
            return None
        sizes[name] = one
    read = {name for rule in space.active_if.values() for name in rule.names}
    if math.prod(sizes[name] for name in read) > _MAX_COMBINATIONS:
        return None
    # What conditions read is gone through; all else only multiplies.
    reading = [name for name in space.order if name in read]
    others = [name for name in space.order if name not in read]
    return sum(
        math.prod(sizes[name] for name in others if space.is_active(name, point))
        for point in _walk(space, reading, lambda name: space.dimensions[name].grid(sizes[name]))
    )


def grid(space: Space, num: int) -> Iterator[dict[str, Json]]:
    """Walk through the grid of a space, without regard to constraints."""
    for point in _walk(space, space.order, lambda name: space.dimensions[name].grid(num)):
        yield {name: point[name] for name in space.dimensions if name in point}


def _walk(
    space: Space, names: Iterable[str], values: Callable[[str], Iterable[Json]]
) -> Iterator[dict[str, Json]]:
    points: Iterator[dict[str, Json]] = iter([{}])
    for name in names:
        points = _extended(space, points, name=name, values=list(values(name)))
    yield from points


def _extended(
    space: Space, points: Iterator[dict[str, Json]], *, name: str, values: list[Json]
) -> Iterator[dict[str, Json]]:
    for point in points:
        if space.is_active(name, point):
            yield from ({**point, name: value} for value in values)
        else:
            yield point
