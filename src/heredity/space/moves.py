"""From points to other points: drawn, mutated, mixed, one step away; and how far apart they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from heredity.encoding import Json
from heredity.space.dimensions import interfaces
from heredity.space.dimensions.interfaces import Compound, Dimension, Parameters

if TYPE_CHECKING:
    import random

    from heredity.space.space import Space

_MUTANTS = 2_000
_MIXTURES = 200
_COMPLETIONS = 20
"""How often what has become active is drawn, before a neighbour is given up."""


def assembled(space: Space, make: Callable[[str, Dimension], Json]) -> dict[str, Json]:
    """Make a point: each value when it is known that its dimension is active."""
    point: dict[str, Json] = {}
    for name in space.order:
        if space.is_active(name, point):
            point[name] = make(name, space.dimensions[name])
    return {name: point[name] for name in space.dimensions if name in point}


def drawn(space: Space, rng: random.Random) -> dict[str, Json]:
    """Draw a point, without regard to constraints."""
    return assembled(space, lambda _, dimension: dimension.sample(rng))


def mutants(space: Space, point: Parameters, rng: random.Random, *, num: int) -> Iterator[dict[str, Json]]:
    """Change ``num`` scalars, and more and more when that has led nowhere, without regard to constraints."""
    weights = {name: _weight(space.dimensions[name], point[name]) for name in space.order if name in point}
    weights = {name: weight for name, weight in weights.items() if weight}
    for attempt in range(_MUTANTS) if weights else ():
        more = attempt * len(weights) // _MUTANTS
        yield _completed(space, _changed(space, point, rng, weights=weights, num=num + more), rng)


def neighbours(space: Space, point: Parameters, rng: random.Random) -> Iterator[dict[str, Json]]:
    """Change one value by one step, in every way that the constraints allow."""
    for name in space.order:
        if name not in point:
            continue
        for value in space.dimensions[name].neighbours(point[name], rng):
            for _ in range(_COMPLETIONS):
                candidate = _completed(space, {**point, name: value}, rng)
                if space.allows(candidate):
                    yield candidate
                    break
                if candidate.keys() <= point.keys():
                    break  # nothing was drawn: the next one would be the same


def mixtures(
    space: Space, points: tuple[Parameters, Parameters], rng: random.Random
) -> Iterator[dict[str, Json]]:
    """Mix two points, without regard to constraints."""

    def make(name: str, dimension: Dimension) -> Json:
        match [point[name] for point in points if name in point]:
            case [first, second]:
                return interfaces.crossover(dimension, (first, second), rng)
            case [only]:
                return only
            case _:
                return dimension.sample(rng)

    for _ in range(_MIXTURES):
        yield assembled(space, make)


def distance(space: Space, first: Parameters, second: Parameters) -> float:
    """See `Space.distance`."""
    parts = [
        dimension.distance(first[name], second[name]) if name in first and name in second else 1.0
        for name, dimension in space.dimensions.items()
        if name in first or name in second
    ]
    return sum(parts) / len(parts) if parts else 0.0


def _completed(space: Space, point: Parameters, rng: random.Random) -> dict[str, Json]:
    """Draw what has become active, and leave out what no longer is."""
    return assembled(space, lambda name, dimension: point[name] if name in point else dimension.sample(rng))


def _changed(
    space: Space, point: Parameters, rng: random.Random, *, weights: dict[str, int], num: int
) -> dict[str, Json]:
    changed, left = dict(point), dict(weights)
    for _ in range(num):
        if not left:
            break
        (name,) = rng.choices(list(left), weights=list(left.values()))
        dimension = space.dimensions[name]
        changed[name] = dimension.mutate(changed[name], rng)
        if not isinstance(dimension, Compound):
            del left[name]  # a second step could lead back
    return changed


def _weight(dimension: Dimension, value: Json) -> int:
    """A value is as likely to change as the number of its scalars says; none if there is no other."""
    if not isinstance(dimension, Compound):
        return int(dimension.size != 1)
    return sum(1 for _ in dimension.leaves("", value))
