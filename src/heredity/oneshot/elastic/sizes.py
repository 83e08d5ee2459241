"""Sizes of layers: a number, or several of which one is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from heredity.errors import InputError
from heredity.oneshot.choosing import ChoicePoint, Kind
from heredity.oneshot.selection import position


@dataclass(frozen=True, slots=True)
class Elastic:
    """A size that is chosen; layers that read and write the same channels have the same label.

    Example:
        >>> from heredity.oneshot import Elastic, ElasticConv2d, ElasticLinear
        >>> width = Elastic((8, 16, 24), label="width")
        >>> first = ElasticConv2d(3, width, Elastic((3, 5), label="kernel"))
        >>> last = ElasticLinear(width * 49, 10)  # after 7 by 7 places were flattened

    Attributes:
        values: The sizes, from the smallest to the largest.
        label: The decision's name.
        factor: How many entries of an axis one unit of the size has.
    """

    values: tuple[int, ...]
    label: str
    factor: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values or list(self.values) != sorted(set(self.values)) or self.values[0] < 1:
            raise InputError(
                f"{self.label}: expected sizes from the smallest to the largest, got {self.values}."
            )
        if self.factor < 1:
            raise InputError(f"{self.label}: expected a factor of at least 1, got {self.factor}.")

    def __mul__(self, factor: int) -> Elastic:
        """The same decision, where each unit has so many entries more."""
        return Elastic(self.values, self.label, self.factor * factor)

    def at(self, number: int) -> int:
        """The size at a position."""
        return self.values[number] * self.factor

    def point(self, kind: Kind) -> ChoicePoint:
        """The decision; the factor is no part of it."""
        return ChoicePoint(self.label, kind, self.values, len(self.values))


Size = int | Elastic
"""A size that is given, or chosen."""


def largest(size: Size) -> int:
    """The largest that a size can be."""
    return size.at(-1) if isinstance(size, Elastic) else size


def current(size: Size) -> int:
    """What a size is by the selection."""
    return size.at(position(size.label)) if isinstance(size, Elastic) else size


def fixed(size: Size, selection: Mapping[str, int]) -> int:
    """What a size is by these positions."""
    return size.at(selection[size.label]) if isinstance(size, Elastic) else size


def points_of(*sizes: Size, kind: Kind = Kind.WIDTH) -> Iterator[ChoicePoint]:
    """The decisions among sizes."""
    return (size.point(kind) for size in sizes if isinstance(size, Elastic))


def centred(size: int, *, within: int) -> slice:
    """The middle of an axis."""
    start = (within - size) // 2
    return slice(start, start + size)
