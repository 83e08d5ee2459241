"""A point near another: numbers a little larger or smaller, ordered choices one step on, some drawn anew."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int, Normal, Parameters, Rounded, Scalar, Space

if TYPE_CHECKING:
    import random

_TRIES = 100
"""So often is a point that the constraints reject tried again, before the other is kept as it is."""


@dataclass(frozen=True, slots=True)
class Explorer:
    """Changes hyperparameters as population-based training does (Jaderberg et al. 2017, "perturb").

    Attributes:
        space: The points' space.
        factors: What numbers are multiplied by: one below 1 and one above, each as likely as the other. A
            number that rounding leaves as it was, and an ordered choice, go one step in that direction. A
            choice without order has no direction, and stays.
        resample: How likely it is for each scalar that it is drawn anew instead.
        names: The dimensions that change; None for all.

    Raises:
        ConfigError: A setting is out of range, or a name is not in the space.
    """

    space: Space
    factors: tuple[float, float] = (0.8, 1.2)
    resample: float = 0.25
    names: Collection[str] | None = None
    _fixed: frozenset[str] = field(init=False, repr=False)
    """The paths of the scalars that do not change."""

    def __post_init__(self) -> None:
        low, high = self.factors
        if not 0 < low < 1 < high < math.inf:
            raise ConfigError(f"factors: expected one from 0 to 1, and one above 1, got {self.factors}.")
        if not 0 <= self.resample <= 1:
            raise ConfigError(f"resample: expected a probability, got {self.resample}.")
        dimensions = self.space.dimensions
        names = dimensions.keys() if self.names is None else set(self.names)
        unknown = sorted(names - dimensions.keys())
        if unknown:
            raise ConfigError(f"explored: {unknown[0]!r} is not in the space, which has {[*dimensions]}.")
        fixed = (Space({name: dimensions[name]}).scalars() for name in dimensions if name not in names)
        object.__setattr__(self, "_fixed", frozenset(path for paths in fixed for path in paths))

    def explore(self, point: Parameters, rng: random.Random) -> dict[str, Json]:
        """Change a legal point; what becomes active is drawn.

        Returns:
            A legal point; the same if constraints allow no other that was tried.
        """
        before = {leaf.path: leaf.value for leaf in self.space.leaves(point)}

        def choose(path: str, dimension: Scalar) -> Json:
            if path not in before:
                return dimension.sample(rng)
            if path in self._fixed:
                return before[path]
            if rng.random() < self.resample:
                return dimension.sample(rng)
            return perturbed(dimension, before[path], rng.choice(self.factors), rng)

        for _ in range(_TRIES):
            changed = self.space.compose(choose)
            if not self.space.problems(changed):
                return changed
        return dict(point)


def perturbed(dimension: Scalar, value: Json, factor: float, rng: random.Random) -> Json:
    """A value times a factor, as near as the dimension has it; else one step in that direction.

    The generator is for zeros among endlessly many numbers, and for dimensions of other kinds.
    """
    if isinstance(dimension, Choice):
        return _stepped(dimension, value, rng, is_up=factor > 1) if dimension.ordered else value
    if not isinstance(dimension, Int | Float | Normal | Rounded) or not isinstance(value, int | float):
        return dimension.mutate(value, rng)
    if dimension.size is None:
        return _inside(dimension, value * factor) if value else dimension.mutate(value, rng)
    moved = _inside(dimension, value * factor)
    if moved != dimension.canonical(value):
        return moved
    return _stepped(dimension, value, rng, is_up=(factor > 1) == (value >= 0))


def _inside(dimension: Int | Float | Normal | Rounded, number: float) -> Json:
    """The nearest value that a dimension has."""
    match dimension:
        case Int():
            index = round((number - dimension.low) / dimension.step)
            return dimension.low + dimension.step * min(max(index, 0), dimension.size - 1)
        case Float():
            return dimension.canonical(min(max(number, dimension.low), dimension.high))
        case Normal():
            number = number if dimension.low is None else max(number, float(dimension.low))
            return number if dimension.high is None else min(number, float(dimension.high))
        case Rounded():
            return dimension.canonical(number)


def _stepped(dimension: Scalar, value: Json, rng: random.Random, *, is_up: bool) -> Json:
    """The neighbour in a direction; the value itself at the end."""
    here = dimension.to_unit(value)
    near = [other for other in dimension.neighbours(value, rng) if (dimension.to_unit(other) > here) == is_up]
    return near[0] if near else value
