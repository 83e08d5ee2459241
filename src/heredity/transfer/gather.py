"""A parent's tensor gathered into a child's, in place and block by block, at the speed of copying.

Grown axes are a few runs of neighbouring entries: the old ones, their copies, what is zero. Each combination
of runs is one block that is copied or multiplied as a whole, so that nothing the size of the tensor is held
besides parent and child.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

from heredity.transfer.plans.plan import FRESH_ENTRY, MEAN_ENTRY, ZERO_ENTRY, AxisMap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_ELEMENTS = 1 << 21
"""Elements that are held besides parent and child at most, while they are multiplied."""

_MOST_RUNS = 64
"""Runs that an axis is taken in at most; one with more is looked up entry by entry."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some entries of a child's axis that are read from the parent's in one manner.

    Attributes:
        places: Where in the child: a range, or single entries.
        sources: Which entries of the parent; a range, or single entries; empty for zero and for means.
        entry: `ZERO_ENTRY`, `MEAN_ENTRY`, or 0 for entries of the parent.
        factor: What they are multiplied by: one number, or one for each entry.
    """

    places: range | torch.Tensor
    sources: range | torch.Tensor
    entry: int
    factor: float | torch.Tensor

    def __len__(self) -> int:
        return len(self.places)

    def read(self, tensor: torch.Tensor, axis: int) -> torch.Tensor:
        """The entries of a tensor along an axis, not yet multiplied."""
        if self.entry == MEAN_ENTRY:
            shape = list(tensor.shape)
            shape[axis] = len(self)
            return tensor.mean(axis, keepdim=True, dtype=torch.float64).expand(shape)
        if isinstance(self.sources, range):
            return tensor.narrow(axis, self.sources.start, len(self.sources))
        return tensor.index_select(axis, self.sources.to(tensor.device))

    def rows(self, size: int) -> Iterator[Part]:
        """The same in parts of at most so many entries."""
        for start in range(0, len(self), size):
            stop = start + size
            factor = self.factor[start:stop] if isinstance(self.factor, torch.Tensor) else self.factor
            sources = self.sources if self.entry else self.sources[start:stop]
            yield Part(self.places[start:stop], sources, self.entry, factor)


def gather_into(target: torch.Tensor, source: torch.Tensor, axes: Sequence[AxisMap]) -> None:
    """Give a tensor the entries of another along all axes; where any axis says fresh, it stays as it is.

    Factors are multiplied in float64 and cast last, unless that makes no difference: powers of two, and
    targets of 16 bits.

    Args:
        target: The child's tensor; changed in place.
        source: The parent's tensor.
        axes: One map for each axis.
    """
    if not axes:
        target.copy_(source)
        return
    for parts in product(*map(parts_of, axes)):
        if all(len(part) for part in parts):
            _take_block(target, source, parts)


def parts_of(axis: AxisMap) -> list[Part]:
    """The parts of a child's axis but for what stays fresh."""
    sources = np.asarray(axis.sources, dtype=np.int64)
    scales = np.ones(len(sources)) if axis.scales is None else np.asarray(axis.scales)
    starts = _starts(sources, scales)
    if len(starts) > _MOST_RUNS:
        return _looked_up(sources, scales)
    stops = [*starts[1:], len(sources)]
    parts = []
    for start, stop in zip(starts, stops, strict=True):
        first = int(sources[start])
        if first != FRESH_ENTRY:
            read = range(first, first + stop - start) if first >= 0 else range(0)
            parts.append(Part(range(start, stop), read, min(first, 0), float(scales[start])))
    return parts


def _starts(sources: np.ndarray, scales: np.ndarray) -> list[int]:
    """Where runs begin: sources that follow one another, or are of one kind, with one factor."""
    if not len(sources):
        return []
    follows = np.where(sources[1:] >= 0, sources[1:] == sources[:-1] + 1, sources[1:] == sources[:-1])
    follows &= (sources[1:] >= 0) == (sources[:-1] >= 0)
    follows &= scales[1:] == scales[:-1]
    return [0, *(np.flatnonzero(~follows) + 1).tolist()]


def _looked_up(sources: np.ndarray, scales: np.ndarray) -> list[Part]:
    kinds = np.minimum(sources, 0)
    parts = []
    for entry in (0, ZERO_ENTRY, MEAN_ENTRY):
        places = np.flatnonzero(kinds == entry)
        if len(places):
            read = torch.from_numpy(sources[places]) if entry == 0 else range(0)
            factors = scales[places]
            is_one = bool((factors == factors[0]).all())
            factor = float(factors[0]) if is_one else torch.from_numpy(factors)
            parts.append(Part(torch.from_numpy(places), read, entry, factor))
    return parts


def _take_block(target: torch.Tensor, source: torch.Tensor, parts: tuple[Part, ...]) -> None:
    if any(part.entry == ZERO_ENTRY for part in parts):
        _put(target, parts, torch.zeros((), dtype=target.dtype, device=target.device))
        return
    is_plain = all(part.entry == 0 and isinstance(part.places, range) for part in parts)
    factors = [part.factor for part in parts]
    if is_plain and all(isinstance(factor, float) for factor in factors):
        factor = math.prod(factor for factor in factors if isinstance(factor, float))
        if _multiply(_view(target, parts), _read(source, parts), factor):
            return
    first, *others = parts
    width = max(1, math.prod(len(part) for part in others))
    for some in first.rows(max(1, MOST_ELEMENTS // width)):
        _take_exactly(target, source, (some, *others))


def _multiply(target: torch.Tensor, source: torch.Tensor, factor: float) -> bool:
    """Multiply a whole block at once where that rounds as well as anything; whether it was done."""
    if factor == 1:
        target.copy_(source)
        return True
    is_power = abs(math.frexp(factor)[0]) == 0.5
    is_alike = source.dtype == target.dtype and source.device == target.device and not source.is_complex()
    if is_alike and (is_power or target.dtype == torch.float64 or target.element_size() == 2):
        torch.mul(source, factor, out=target)
        return True
    return False


def _take_exactly(target: torch.Tensor, source: torch.Tensor, parts: tuple[Part, ...]) -> None:
    """Multiply in float64 and cast last."""
    wide = torch.complex128 if source.is_complex() else torch.float64
    has_factor = any(not isinstance(part.factor, float) or part.factor != 1 for part in parts)
    value = _read(source, parts)
    if has_factor:
        value = value.to(wide)
        for axis, part in enumerate(parts):
            value = value * _along(part.factor, axis, value)
    _put(target, parts, value.to(device=target.device, dtype=target.dtype))


def _along(factor: float | torch.Tensor, axis: int, value: torch.Tensor) -> float | torch.Tensor:
    if isinstance(factor, float):
        return factor
    return factor.to(value.device).reshape([-1 if i == axis else 1 for i in range(value.dim())])


def _read(source: torch.Tensor, parts: tuple[Part, ...]) -> torch.Tensor:
    # What is narrowed costs nothing; what is looked up or averaged is copied, so it comes last.
    for axis, part in sorted(enumerate(parts), key=lambda pair: not isinstance(pair[1].sources, range)):
        if part.entry == 0:
            source = part.read(source, axis)
    for axis, part in enumerate(parts):
        if part.entry == MEAN_ENTRY:
            source = part.read(source, axis)
    return source


def _view(target: torch.Tensor, parts: tuple[Part, ...]) -> torch.Tensor:
    for axis, part in enumerate(parts):
        if isinstance(part.places, range):
            target = target.narrow(axis, part.places.start, len(part.places))
    return target


def _put(target: torch.Tensor, parts: tuple[Part, ...], value: torch.Tensor) -> None:
    """Write a block; single entries are addressed by an outer product of their numbers."""
    view = _view(target, parts)
    if all(isinstance(part.places, range) for part in parts):
        view.copy_(value)
        return
    index = [
        _numbers(part, view.shape[axis])
        .to(target.device)
        .reshape([-1 if i == axis else 1 for i in range(len(parts))])
        for axis, part in enumerate(parts)
    ]
    view[tuple(index)] = value


def _numbers(part: Part, size: int) -> torch.Tensor:
    return part.places if isinstance(part.places, torch.Tensor) else torch.arange(size)
