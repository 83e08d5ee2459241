"""What every dimension of a space can do: the two interfaces, and what all dimensions share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeGuard, cast, runtime_checkable

from heredity.encoding import Json
from heredity.errors import ConfigError

if TYPE_CHECKING:
    import random

Value = Json
"""What one dimension may have: plain data."""
Parameters = Mapping[str, Json]
"""The hyperparameters of one trial: a point of a space."""


class Dimension(Protocol):
    """Values that one hyperparameter may take. Implementations are frozen dataclasses, equal by value.

    All but `problem` expect a legal value. What draws takes a generator, and the same state of the generator
    gives the same value on every machine.
    """

    @property
    def size(self) -> int | None:
        """How many values there are; None if there are endlessly many."""
        ...

    def problem(self, value: Json) -> str:
        """Say what is wrong with a value, as "expected …, got …"; an empty text if nothing is."""
        ...

    def sample(self, rng: random.Random) -> Json:
        """Draw a value."""
        ...

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """Draw another value, most often a near one; the same only if there is no other."""
        ...

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:
        """Yield the values one step away, each once; of endlessly many, a few that are drawn."""
        ...

    def distance(self, first: Json, second: Json) -> float:
        """Say how far apart two values are, from 0 (equal) to 1."""
        ...

    def canonical(self, value: Json) -> Json:
        """Write a value in the one way in which equal values are written."""
        ...

    def grid(self, num: int) -> Iterator[Json]:
        """Yield all values if there are at most ``num``, else ``num`` of them, evenly spread."""
        ...

    def to_json(self) -> dict[str, Json]:
        """Give what `heredity.space.parse_space` makes this dimension of."""
        ...


@runtime_checkable
class Scalar(Dimension, Protocol):
    """A dimension whose values lie on one line, so that samplers and kernels can work on numbers."""

    def to_unit(self, value: Json) -> float:
        """Map a value into the unit interval; `from_unit` gives it back."""
        ...

    def from_unit(self, unit: float) -> Json:
        """Map a number from 0 to 1 to a value: even numbers give values as `sample` draws them."""
        ...


Choose = Callable[[str, Scalar], Json]
"""Chooses the value of one scalar dimension, which is named by its path, such as ``blocks[0].width``."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar of a point: where it stands, what it may be, and what it is."""

    path: str
    dimension: Scalar
    value: Json


class Compound(ABC):
    """A dimension whose values are made of values of other dimensions."""

    __slots__ = ()

    @property
    @abstractmethod
    def size(self) -> int | None:
        """See `Dimension.size`."""

    @abstractmethod
    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""

    @abstractmethod
    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`."""

    @abstractmethod
    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:
        """See `Dimension.neighbours`."""

    @abstractmethod
    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`."""

    @abstractmethod
    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""

    @abstractmethod
    def grid(self, num: int) -> Iterator[Json]:
        """See `Dimension.grid`; ``num`` counts for each scalar inside."""

    @abstractmethod
    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`."""

    @abstractmethod
    def faults(self, value: Json) -> list[tuple[str, str]]:
        """Say what is wrong with a value: where in it (``""``, ``".width"``, ``"[0].width"``), and what."""

    @abstractmethod
    def crossover(self, first: Json, second: Json, rng: random.Random) -> Json:
        """Mix two values."""

    @abstractmethod
    def compose(self, path: str, choose: Choose) -> Json:
        """Make a value out of scalars, each chosen when it is needed; constraints inside are not asked."""

    @abstractmethod
    def leaves(self, path: str, value: Json) -> Iterator[Leaf]:
        """Yield the scalars of a value."""

    @abstractmethod
    def scalars(self, path: str) -> Iterator[tuple[str, Scalar]]:
        """Yield every scalar that a value may have, with its path."""

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`."""
        return "; ".join(f"{path.lstrip('.')}: {text}".lstrip(": ") for path, text in self.faults(value))


def compose(dimension: Dimension, path: str, choose: Choose) -> Json:
    """Make a value of any dimension out of chosen scalars."""
    if isinstance(dimension, Compound):
        return dimension.compose(path, choose)
    return choose(path, _scalar(dimension))


def leaves(dimension: Dimension, path: str, value: Json) -> Iterator[Leaf]:
    """Yield the scalars of a value of any dimension."""
    if isinstance(dimension, Compound):
        yield from dimension.leaves(path, value)
    else:
        yield Leaf(path, _scalar(dimension), value)


def scalars(dimension: Dimension, path: str) -> Iterator[tuple[str, Scalar]]:
    """Yield every scalar of any dimension."""
    if isinstance(dimension, Compound):
        yield from dimension.scalars(path)
    else:
        yield path, _scalar(dimension)


def faults(dimension: Dimension, value: Json) -> list[tuple[str, str]]:
    """Say what is wrong with a value of any dimension, and where in it."""
    if isinstance(dimension, Compound):
        return dimension.faults(value)
    problem = dimension.problem(value)
    return [("", problem)] if problem else []


def crossover(dimension: Dimension, values: tuple[Json, Json], rng: random.Random) -> Json:
    """Mix two values of any dimension; of a scalar, take one of the two."""
    if isinstance(dimension, Compound):
        return dimension.crossover(*values, rng)
    return rng.choice(values)


_STEP = 0.2
"""The standard deviation of a mutation in the unit interval, as in SMAC (Hutter et al. 2011, section 4.1)."""
_NUM_DRAWN = 4
"""How many neighbours are drawn where there are endlessly many, as in SMAC."""
_TRIES = 20


def mutate_in_unit(dimension: Scalar, value: Json, rng: random.Random) -> Json:
    """Step away from a value by a normal distribution, reflected at the ends of the unit interval."""
    if dimension.size == 1:
        return value
    here, known = dimension.to_unit(value), dimension.canonical(value)
    for _ in range(_TRIES):
        drawn = dimension.from_unit(_reflected(here + rng.gauss(0.0, _STEP)))
        if not is_same(drawn, known):
            return drawn
    # A step rarely leaves a wide bin, or a range of a few floats; one of the ends is another value.
    ends = [end for end in map(dimension.from_unit, (0.0, 1.0)) if not is_same(end, known)]
    return rng.choice(ends) if ends else value


def drawn_neighbours(dimension: Scalar, value: Json, rng: random.Random) -> Iterator[Json]:
    """Draw a few distinct neighbours of a value that has endlessly many."""
    seen = [value]
    for _ in range(_NUM_DRAWN):
        drawn = mutate_in_unit(dimension, value, rng)
        if drawn not in seen:
            seen.append(drawn)
            yield drawn


def grid_in_unit(dimension: Scalar, num: int) -> Iterator[Json]:
    """Yield values at evenly spread places of the unit interval, its ends included; each once."""
    check_grid(num)
    places = [0.5] if num == 1 else [index / (num - 1) for index in range(num)]
    before: list[Json] = []
    for place in places:
        value = dimension.from_unit(place)
        if [value] != before:
            before = [value]
            yield value


def check_grid(num: int) -> None:
    """Refuse a grid of nothing.

    Raises:
        ConfigError: ``num`` is below 1.
    """
    if num < 1:
        raise ConfigError(f"grid: expected at least one value for each dimension, got {num}.")


def is_number(value: Json) -> TypeGuard[int | float]:
    """Whether it is an integer or a float; a truth value is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_same(known: Json, value: Json) -> bool:
    """Whether two values are equal and of the same types through and through."""
    if type(known) is not type(value) or known != value:
        return False
    if isinstance(known, Mapping) and isinstance(value, Mapping):
        return all(is_same(known[key], value[key]) for key in known)
    if isinstance(known, list | tuple) and isinstance(value, list | tuple):
        return all(map(is_same, known, value))
    return True


def _reflected(unit: float) -> float:
    if unit < 0.0:
        unit = -unit
    return min(max(2.0 - unit if unit > 1.0 else unit, 0.0), 1.0)


def _scalar(dimension: Dimension) -> Scalar:
    return cast("Scalar", dimension)  # a space takes compounds and scalars only
