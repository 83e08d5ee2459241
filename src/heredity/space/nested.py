"""Values made of other values: a group of dimensions, and a choice with a space for each option."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space.dimensions.choices import Choice
from heredity.space.dimensions.interfaces import Choose, Compound, Dimension, Leaf, Scalar
from heredity.space.space import Space, as_space

if TYPE_CHECKING:
    import random

NAME = "_name"
"""The key under which a nested choice names its option, as NNI writes it."""


@dataclass(frozen=True, slots=True)
class Group(Compound):
    """Several dimensions under one name; a value is a point of their space."""

    space: Space | Mapping[str, Dimension]

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", as_space(self.space))

    @property
    def _space(self) -> Space:
        return as_space(self.space)

    @property
    def size(self) -> int | None:
        """See `Dimension.size`."""
        return self._space.size

    def faults(self, value: Json) -> list[tuple[str, str]]:
        """See `Compound.faults`."""
        if not isinstance(value, Mapping):
            return [("", f"expected a mapping, got {value!r}")]
        return [(f".{place}" if place else "", text) for place, text in self._space.faults(value)]

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        return self._space.sample(rng)

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`."""
        mutant = self._space.other(_point(value), rng)
        return value if mutant is None else mutant

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:
        """See `Dimension.neighbours`."""
        yield from self._space.neighbours(_point(value), rng)

    def crossover(self, first: Json, second: Json, rng: random.Random) -> Json:
        """See `Compound.crossover`."""
        return self._space.crossover(_point(first), _point(second), rng)

    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`."""
        return self._space.distance(_point(first), _point(second))

    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""
        return self._space.canonical(_point(value))

    def grid(self, num: int) -> Iterator[Json]:
        """See `Compound.grid`."""
        yield from self._space.grid(num)

    def compose(self, path: str, choose: Choose) -> Json:
        """See `Compound.compose`."""
        return self._space.compose(choose, prefix=f"{path}.")

    def leaves(self, path: str, value: Json) -> Iterator[Leaf]:
        """See `Compound.leaves`."""
        yield from self._space.leaves(_point(value), prefix=f"{path}.")

    def scalars(self, path: str) -> Iterator[tuple[str, Scalar]]:
        """See `Compound.scalars`."""
        yield from self._space.scalars(prefix=f"{path}.").items()

    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`."""
        return {"group": self._space.to_json()}


@dataclass(frozen=True, slots=True)
class Nested(Compound):
    """One of several options, each with a space of its own; a value is ``{"_name": option, …}``.

    Example:
        >>> from heredity.space import Choice, Nested
        >>> layer = Nested({"conv": {"kernel": Choice([1, 3])}, "pool": {}})
        >>> layer.problem({"_name": "pool", "kernel": 3})
        'kernel: not in the space'
        >>> layer.size
        3
    """

    options: Mapping[str, Space | Mapping[str, Dimension]]

    def __post_init__(self) -> None:
        if not self.options:
            raise ConfigError("Nested: expected at least one option, got none.")
        spaces = {name: as_space(space) for name, space in self.options.items()}
        object.__setattr__(self, "options", spaces)
        for name, space in spaces.items():
            if NAME in space.dimensions:
                raise ConfigError(f"Nested: {name}: {NAME!r} names the option; call the dimension otherwise.")

    @property
    def size(self) -> int | None:
        """See `Dimension.size`."""
        sizes = [self._space(name).size for name in self.options]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def faults(self, value: Json) -> list[tuple[str, str]]:
        """See `Compound.faults`."""
        if not isinstance(value, Mapping) or NAME not in value:
            return [("", f"expected a mapping with {NAME!r}, got {value!r}")]
        problem = self._names.problem(value[NAME])
        if problem:
            return [(f".{NAME}", problem)]
        return [
            (f".{place}" if place else "", text) for place, text in self._space_of(value).faults(_rest(value))
        ]

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`: each option is as likely as the others."""
        name = rng.choice(list(self.options))
        return {NAME: name, **self._space(name).sample(rng)}

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`: another option, or another point of this option's space, half and half."""
        others = [name for name in self.options if name != _name(value)]
        if not others or rng.random() < 0.5:
            mutant = self._space_of(value).other(_rest(value), rng)
            if mutant is not None:
                return {NAME: _name(value), **mutant}
        if not others:
            return value
        name = rng.choice(others)
        return {NAME: name, **self._space(name).sample(rng)}

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:
        """See `Dimension.neighbours`: this option's neighbours, and a point of each other option."""
        for point in self._space_of(value).neighbours(_rest(value), rng):
            yield {NAME: _name(value), **point}
        for name in self.options:
            if name != _name(value):
                yield {NAME: name, **self._space(name).sample(rng)}

    def crossover(self, first: Json, second: Json, rng: random.Random) -> Json:
        """See `Compound.crossover`: two points of one option are mixed, of two options one is taken."""
        if _name(first) != _name(second):
            return rng.choice((first, second))
        mixed = self._space_of(first).crossover(_rest(first), _rest(second), rng)
        return {NAME: _name(first), **mixed}

    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`: 1 between two options."""
        if _name(first) != _name(second):
            return 1.0
        # The option counts as one more dimension, which agrees: two convolutions are never as far as can be.
        space, points = self._space_of(first), (_rest(first), _rest(second))
        num = len({*points[0], *points[1]})
        return space.distance(*points) * num / (num + 1)

    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""
        return {NAME: _name(value), **self._space_of(value).canonical(_rest(value))}

    def grid(self, num: int) -> Iterator[Json]:
        """See `Compound.grid`."""
        for name in self.options:
            for point in self._space(name).grid(num):
                yield {NAME: name, **point}

    def compose(self, path: str, choose: Choose) -> Json:
        """See `Compound.compose`."""
        name = str(choose(f"{path}.{NAME}", self._names))
        return {NAME: name, **self._space(name).compose(choose, prefix=f"{path}.{name}.")}

    def leaves(self, path: str, value: Json) -> Iterator[Leaf]:
        """See `Compound.leaves`."""
        yield Leaf(f"{path}.{NAME}", self._names, _name(value))
        yield from self._space_of(value).leaves(_rest(value), prefix=f"{path}.{_name(value)}.")

    def scalars(self, path: str) -> Iterator[tuple[str, Scalar]]:
        """See `Compound.scalars`."""
        yield f"{path}.{NAME}", self._names
        for name in self.options:
            yield from self._space(name).scalars(prefix=f"{path}.{name}.").items()

    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`: pairs, since an object of JSON may lose its order."""
        return {"nested": [[name, self._space(name).to_json()] for name in self.options]}

    @property
    def _names(self) -> Choice:
        return Choice(tuple(self.options))

    def _space(self, name: str) -> Space:
        return as_space(self.options[name])

    def _space_of(self, value: Json) -> Space:
        return self._space(_name(value))


def _point(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected a mapping, got {value!r}")
    return value


def _name(value: Json) -> str:
    return str(_point(value)[NAME])


def _rest(value: Json) -> dict[str, Json]:
    return {name: part for name, part in _point(value).items() if name != NAME}
