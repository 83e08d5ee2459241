"""Noise that parts copies and changes nothing: W' = E W D + N with N E = 0.

Copies of a unit that are read with equal weights get equal gradients for ever, and the wider network never
becomes more than the narrow one. Random numbers on the weights that read them part them. Where they cancel
over all copies of one unit, the function stays as it is, however large they are.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import torch

from heredity.transfer.gather import MOST_ELEMENTS
from heredity.transfer.plans.plan import MEAN_ENTRY, AxisMap, Step

if TYPE_CHECKING:
    from collections.abc import Iterator


def add_noise(step: Step, source: torch.Tensor, target: torch.Tensor) -> None:
    """Add to a child's weight random numbers that cancel over the copies of each unit that it reads.

    They are drawn for the parent's rows, so that rows which are copies stay copies, and means stay means.

    Args:
        step: What happens to the tensor; its noise is set.
        source: The parent's tensor, whose deviation is the measure.
        target: The child's tensor, gathered already; changed in place.
    """
    if step.noise is None:
        return
    read, out = step.noise.axis, 0 if step.noise.axis else 1
    others = [axis for axis in range(len(step.axes)) if axis not in {read, out}]
    columns = _Columns.of(step.axes[read])
    deviation = step.noise.std * _deviation(source)
    if not deviation or not columns.num_units:
        return
    places = torch.nonzero(columns.units >= 0).flatten()
    # (rows, columns, all other axes): only columns that read copies.
    view = target.movedim((out, read), (0, 1))
    total = torch.zeros(len(places), *view.shape[2:], dtype=torch.float64)
    num_rows = step.source_shape[out]
    sizes = tuple(step.source_shape[axis] for axis in others)
    for start, drawn in _drawn(step, num_rows, columns, places, sizes, deviation):
        noise = drawn
        for number, axis in enumerate(others):
            noise = _mapped(noise, step.axes[axis], number + 2)
        _add_rows(view, places, noise, _readers(step.axes[out], start, len(noise)))
        total += noise.sum(0)
    _add_means(view, places, total / max(1, num_rows), step.axes[out])


def _deviation(source: torch.Tensor) -> float:
    # Of all numbers, not of a sample: a tensor of one number has no deviation, and so gets no noise.
    return float(source.detach().to(torch.float32).std(correction=0))


def _mapped(noise: torch.Tensor, axis: AxisMap, number: int) -> torch.Tensor:
    """Noise along another axis, such as a kernel's: copies have the same, zeros and new entries none."""
    if axis.is_identity_of(noise.shape[number]):
        return noise
    sources = torch.tensor(axis.sources, dtype=torch.long)
    scales = torch.tensor(axis.scales or [1.0] * len(sources), dtype=torch.float64)
    shape = [-1 if i == number else 1 for i in range(noise.dim())]
    found = noise.index_select(number, sources.clamp(min=0)) * (sources >= 0).reshape(shape)
    means = noise.mean(number, keepdim=True) * (sources == MEAN_ENTRY).reshape(shape)
    return (found + means) * scales.reshape(shape)


class _Columns:
    """Which columns read copies of which unit, with which factors."""

    def __init__(self, units: torch.Tensor, factors: torch.Tensor) -> None:
        self.units = units
        self.factors = factors
        self.num_units = int(units.max()) + 1 if len(units) else 0

    @classmethod
    def of(cls, axis: AxisMap) -> _Columns:
        units = torch.tensor(axis.sources, dtype=torch.long)
        factors = torch.ones(len(units), dtype=torch.float64)
        if axis.gradient_scales is not None:
            factors = torch.tensor(axis.gradient_scales, dtype=torch.float64)
        is_unit = units >= 0
        counts = torch.bincount(units[is_unit], minlength=1)
        is_copy = is_unit & (counts[units.clamp(min=0)] > 1)
        return cls(torch.where(is_copy, units, -1), factors)


def _drawn(
    step: Step,
    num_rows: int,
    columns: _Columns,
    places: torch.Tensor,
    others: tuple[int, ...],
    deviation: float,
) -> Iterator[tuple[int, torch.Tensor]]:
    """Noise for some of the parent's rows, then others: the first's number; (rows, columns, other axes)."""
    generator = torch.Generator().manual_seed(_seed(step))
    units, factors = columns.units[places], columns.factors[places]
    size = max(1, MOST_ELEMENTS // max(1, len(places) * math.prod(others)))
    for start in range(0, num_rows, size):
        shape = (min(size, num_rows - start), len(places), *others)
        noise = torch.randn(shape, generator=generator, dtype=torch.float32).to(torch.float64) * deviation
        yield start, _cancelled(noise, units, factors)


def _seed(step: Step) -> int:
    seed = step.noise.seed if step.noise is not None else 0
    return int.from_bytes(hashlib.sha256(f"{seed} {step.tensor}".encode()).digest()[:7], "big")


def _cancelled(noise: torch.Tensor, units: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Noise (columns second) minus its projection on what the copies of a unit have in common."""
    shape = (1, -1, *[1] * (noise.dim() - 2))
    weights = factors.reshape(shape)
    num_units = int(units.max()) + 1
    sums = torch.zeros(noise.shape[0], num_units, *noise.shape[2:], dtype=noise.dtype)
    sums.index_add_(1, units, noise * weights)
    squares = torch.zeros(num_units, dtype=noise.dtype).index_add_(0, units, factors**2)
    common = sums / squares.clamp(min=1e-300).reshape(shape)
    return noise - common.index_select(1, units) * weights


def _readers(axis: AxisMap, start: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The child's rows that are copies of some of the parent's: their numbers, the parent's, the factors."""
    sources = torch.tensor(axis.sources, dtype=torch.long)
    rows = torch.nonzero((sources >= start) & (sources < start + count)).flatten()
    scales = torch.ones(len(sources), dtype=torch.float64)
    if axis.scales is not None:
        scales = torch.tensor(axis.scales, dtype=torch.float64)
    return rows, sources[rows] - start, scales[rows]


def _add_rows(
    view: torch.Tensor,
    places: torch.Tensor,
    noise: torch.Tensor,
    readers: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    rows, sources, scales = readers
    step = max(1, MOST_ELEMENTS // max(1, noise[0].numel()))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        factors = scales[some].reshape(-1, *[1] * (noise.dim() - 1))
        _add(view, rows[some], places, noise[sources[some]] * factors)


def _add_means(view: torch.Tensor, places: torch.Tensor, mean: torch.Tensor, axis: AxisMap) -> None:
    rows = torch.nonzero(torch.tensor(axis.sources) == MEAN_ENTRY).flatten()
    for row in rows.tolist():
        factor = 1.0 if axis.scales is None else axis.scales[row]
        _add(view, torch.tensor([row]), places, mean[None] * factor)


def _add(view: torch.Tensor, rows: torch.Tensor, places: torch.Tensor, noise: torch.Tensor) -> None:
    rows, places = rows.to(view.device), places.to(view.device)
    index = rows[:, None], places[None, :]
    view[index] = (view[index].to(torch.float64) + noise.to(view.device)).to(view.dtype)
