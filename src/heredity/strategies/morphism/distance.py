"""How many edits lie between two architectures: an edit distance over the points of a space, many at once.

Shapes: m points on one side, n on the other; i and j blocks in the longest list of each side.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

import numpy as np
from numpy.typing import NDArray

from heredity.encoding import Json
from heredity.space import Choice, Dimension, Group, Int, Nested, Parameters, Repeat, Scalar, Space, as_space
from heredity.space.dimensions.interfaces import is_number
from heredity.space.nested import NAME
from heredity.strategies.morphism.places import as_list, as_mapping

Floats = NDArray[np.float64]


class _Absent(Enum):
    """What stands in the place of a value that a point does not have; None may be a value."""

    ABSENT = "absent"


_ABSENT = _Absent.ABSENT
_Values = Sequence[Json | _Absent]
_Pick = Callable[[Mapping[str, Json]], Json | _Absent]

_MAX_CELLS = 1_000_000
"""So many distances between blocks are held at a time."""


class EditDistance:
    """The distance of Auto-Keras (Jin, Song and Hu 2019, section 3.1), for the points of any space.

    It adds up what differs, name by name:

    - Integers above zero, such as widths, and ordered choices of numbers above zero:
      ``|a - b| / max(a, b)``, the paper's distance of two layers.
    - Other ordered values: how far apart they lie, by the length of their range.
    - Values without an order: 0 if equal, else 1. A name that only one point has costs 1 too.
    - A list of blocks: the cheapest way to turn one into the other, in which the blocks keep their order, by
      dynamic programming. To put a block in or take it out costs 1; to change it, its distance by the
      greatest that there is, so 1 at most.

    It is a metric: 0 for equal points only, symmetric, and no way round is shorter.

    Args:
        space: The space whose points are compared.
    """

    def __init__(self, space: Space) -> None:
        self._columns = _names(space)

    def __call__(self, first: Parameters, second: Parameters) -> float:
        """The distance between two legal points."""
        return float(self.table([first], [second])[0, 0])

    def table(self, first: Sequence[Parameters], second: Sequence[Parameters]) -> Floats:
        """The distances of all pairs, as an array mn."""
        return self.to(second).table(first)

    def to(self, points: Sequence[Parameters]) -> Targets:
        """Read points that many others will be compared with."""
        return Targets(self._columns, self._columns.read(list(points)))


@dataclass(frozen=True, slots=True)
class Side:
    """The points on one side of a table of distances, as numbers."""

    values: Floats
    """A number for each point, NaN for one that has no such value; of a list, how many blocks it has."""
    parts: tuple[Side, ...] = ()
    """What the values are made of; of lists, their blocks, all lists filled up to the longest."""
    longest: int = 1
    """How many blocks the longest list has."""

    @property
    def num_cells(self) -> int:
        """How many numbers stand for one point where there are the most."""
        return self.longest * max((part.num_cells for part in self.parts), default=1)


@dataclass(frozen=True, slots=True)
class Targets:
    """Points that others are compared with."""

    columns: _Sum
    side: Side

    def table(self, points: Sequence[Parameters]) -> Floats:
        """The distances of all pairs, as an array mn: A are the points given, B the targets."""
        side = self.columns.read(list(points))
        cells = side.num_cells * self.side.num_cells * len(self.side.values)
        rows = max(1, _MAX_CELLS // max(cells, 1))
        if len(points) <= rows:
            return self.columns.between(side, self.side)
        starts = range(0, len(points), rows)
        return np.concatenate([self.table(points[start : start + rows]) for start in starts])


class _Column(ABC):
    """The values of one dimension, and how far apart they are."""

    greatest: float
    """The greatest distance of two values."""

    @abstractmethod
    def read(self, values: _Values) -> Side:
        """Turn values into numbers."""

    @abstractmethod
    def between(self, first: Side, second: Side) -> Floats:
        """The distances of all pairs, as an array mn."""


class _Line(_Column):
    """Numbers and choices."""

    greatest = 1.0

    def __init__(self, dimension: Scalar) -> None:
        self._dimension = dimension
        self._is_relative = _is_relative(dimension)
        self._has_order = not isinstance(dimension, Choice) or dimension.ordered
        # Few values lie inside of the unit interval; the first and the last of them shall be 1 apart.
        size = dimension.size if isinstance(dimension, Choice | Int) else None
        self._scale = size / (size - 1) if size is not None and size > 1 else 1.0

    def read(self, values: _Values) -> Side:
        """See `_Column.read`."""
        return Side(np.array([self._number(value) for value in values], dtype=np.float64))

    def between(self, first: Side, second: Side) -> Floats:
        """See `_Column.between`."""
        a, b = first.values[:, None], second.values[None, :]
        if self._is_relative:
            apart = np.abs(a - b) / np.maximum(a, b)
        elif self._has_order:
            apart = np.abs(a - b) * self._scale
        else:
            apart = (a != b).astype(np.float64)
        return _or_absent(apart, a, b)

    def _number(self, value: Json | _Absent) -> float:
        if isinstance(value, _Absent):
            return math.nan
        return float(value) if self._is_relative and is_number(value) else self._dimension.to_unit(value)


class _Sum(_Column):
    """What mappings hold, added up."""

    def __init__(self, columns: Sequence[tuple[_Pick, _Column]], *, greatest: float) -> None:
        self._columns = columns
        self.greatest = greatest

    def read(self, values: _Values) -> Side:
        """See `_Column.read`."""
        parts = [
            column.read([_ABSENT if isinstance(each, _Absent) else pick(as_mapping(each)) for each in values])
            for pick, column in self._columns
        ]
        return Side(np.zeros(len(values)), tuple(parts))

    def between(self, first: Side, second: Side) -> Floats:
        """See `_Column.between`."""
        total = np.zeros((len(first.values), len(second.values)))
        for (_, column), a, b in zip(self._columns, first.parts, second.parts, strict=True):
            total += column.between(a, b)
        return total


class _Blocks(_Column):
    """Lists of blocks, by the cheapest edits from one to the other."""

    def __init__(self, dimension: Repeat) -> None:
        self._block = _column(dimension.block)
        self.greatest = float(max(dimension.high, 1))

    def read(self, values: _Values) -> Side:
        """See `_Column.read`."""
        lists = [None if isinstance(value, _Absent) else as_list(value) for value in values]
        longest = max((len(items) for items in lists if items is not None), default=0)
        filled = [[*(items or ()), *[_ABSENT] * longest][:longest] for items in lists]
        lengths = [math.nan if items is None else len(items) for items in lists]
        blocks = self._block.read([block for items in filled for block in items])
        return Side(np.array(lengths, dtype=np.float64), (blocks,), longest)

    def between(self, first: Side, second: Side) -> Floats:
        """See `_Column.between`."""
        a, b = first.values[:, None], second.values[None, :]
        changed_minj = self._block.between(first.parts[0], second.parts[0]).reshape(
            len(first.values), first.longest, len(second.values), second.longest
        )
        costs_ijmn = _alignments(changed_minj.transpose(1, 3, 0, 2) / max(self._block.greatest, 1.0))
        rows, columns = np.nan_to_num(a).astype(int), np.nan_to_num(b).astype(int)
        nth_first, nth_second = np.ogrid[: len(first.values), : len(second.values)]
        return _or_absent(costs_ijmn[rows, columns, nth_first, nth_second], a, b)


def _alignments(changed_ijmn: Floats) -> Floats:
    """The cheapest edits between any two beginnings of two lists, given what it costs to change a block."""
    num_a, num_b, *pairs = changed_ijmn.shape
    costs_ijmn = np.zeros((num_a + 1, num_b + 1, *pairs))
    costs_ijmn[:, 0] = np.arange(num_a + 1.0)[:, None, None]
    costs_ijmn[0, :] = np.arange(num_b + 1.0)[:, None, None]
    for row in range(num_a):
        for column in range(num_b):
            changed = costs_ijmn[row, column] + changed_ijmn[row, column]
            moved = np.minimum(costs_ijmn[row, column + 1], costs_ijmn[row + 1, column]) + 1.0
            np.minimum(changed, moved, out=costs_ijmn[row + 1, column + 1])
    return costs_ijmn


def _or_absent(apart: Floats, a: Floats, b: Floats) -> Floats:
    """Nothing where neither has a value, 1 where one has."""
    lacks_a, lacks_b = np.isnan(a), np.isnan(b)
    return np.where(lacks_a | lacks_b, (lacks_a != lacks_b).astype(np.float64), apart)


def _column(dimension: Dimension) -> _Column:
    match dimension:
        case Group(space=inside):
            return _names(as_space(inside))
        case Nested():
            return _options(dimension)
        case Repeat():
            return _Blocks(dimension)
        case _:
            return _Line(cast("Scalar", dimension))  # a space takes compounds and scalars only


def _names(space: Space) -> _Sum:
    columns = {name: _column(dimension) for name, dimension in space.dimensions.items()}
    picks: list[tuple[_Pick, _Column]] = [(_value_of(name), column) for name, column in columns.items()]
    return _Sum(picks, greatest=sum(column.greatest for column in columns.values()))


def _options(nested: Nested) -> _Sum:
    """The option is one thing that may differ, and what it has is as absent from all others."""
    options = {name: _names(as_space(space)) for name, space in nested.options.items()}
    picks: list[tuple[_Pick, _Column]] = [(_value_of(NAME), _Line(Choice(list(options))))]
    picks += [(_option(name), inside) for name, inside in options.items()]
    most = sorted((inside.greatest for inside in options.values()), reverse=True)
    return _Sum(picks, greatest=1.0 + sum(most[:2]))


def _value_of(name: str) -> _Pick:
    return lambda values: values.get(name, _ABSENT)


def _option(name: str) -> _Pick:
    return lambda values: values if values[NAME] == name else _ABSENT


def _is_relative(dimension: Scalar) -> bool:
    """Whether all values are numbers above zero in an order, and none of them a share of a scale."""
    if isinstance(dimension, Int):
        return dimension.low > 0
    return (
        isinstance(dimension, Choice)
        and dimension.ordered
        and all(is_number(value) and value > 0 for value in dimension.values)
    )
