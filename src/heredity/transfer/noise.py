"""Noise that parts copies and changes nothing: W' = E W D + N with N E = 0.

Copies of a unit that are read with equal weights get equal gradients for ever, and the wider network never
becomes more than the narrow one. Random numbers on the weights that read them part them. Where they cancel
over all copies of one unit, the function stays as it is, however large they are.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heredity.transfer.plans.plan import Step


def parting_noise(step: Step, weight: torch.Tensor, kept: Sequence[int], deviation: float) -> torch.Tensor:
    """Random numbers for the columns that read copies, which cancel over the copies of each unit.

    Args:
        step: What happens to the tensor; its noise is set.
        weight: The tensor with the child's columns and the parent's rows.
        kept: Which of the child's columns it has.
        deviation: The standard deviation of the parent's tensor.

    Returns:
        Noise of the weight's shape. Rows that are copied later are copied with their noise.
    """
    if step.noise is None:
        return torch.zeros_like(weight)
    axis = step.axes[step.noise.axis]
    generator = torch.Generator().manual_seed(_seed(step))
    noise = torch.randn(weight.shape, generator=generator, dtype=torch.float32).to(
        device=weight.device, dtype=torch.float64
    )
    noise *= step.noise.std * deviation
    groups, factors = _groups(axis.sources, axis.gradient_scales, kept)
    return _cancelled(noise.movedim(step.noise.axis, 0), groups, factors).movedim(0, step.noise.axis)


def _seed(step: Step) -> int:
    seed = step.noise.seed if step.noise is not None else 0
    return int.from_bytes(hashlib.sha256(f"{seed} {step.tensor}".encode()).digest()[:7], "big")


def _groups(
    sources: Sequence[int], factors: Sequence[float] | None, kept: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """For each column the unit that it reads, or -1 for a column that reads no copy; and its factor."""
    units = torch.tensor([sources[i] for i in kept], dtype=torch.long)
    scales = torch.tensor([1.0 if factors is None else factors[i] for i in kept], dtype=torch.float64)
    is_unit = units >= 0
    counts = torch.bincount(units[is_unit], minlength=int(units.max()) + 1 if is_unit.any() else 1)
    is_copy = is_unit & (counts[units.clamp(min=0)] > 1)
    return torch.where(is_copy, units, -1), scales


def _cancelled(noise: torch.Tensor, units: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
    """Noise (columns first) minus its projection on what copies have in common; zero where there is none."""
    is_copy = units >= 0
    units, factors = units.to(noise.device), factors.to(noise.device)
    num_units = int(units.max()) + 1
    shape = (-1, *[1] * (noise.dim() - 1))
    weighted = noise * factors.reshape(shape)
    index = units.clamp(min=0)
    sums = torch.zeros(num_units, *noise.shape[1:], dtype=noise.dtype, device=noise.device)
    sums.index_add_(0, index[is_copy.to(noise.device)], weighted[is_copy.to(noise.device)])
    squares = torch.zeros(num_units, dtype=noise.dtype, device=noise.device)
    squares.index_add_(0, index[is_copy.to(noise.device)], factors[is_copy.to(noise.device)] ** 2)
    common = sums / squares.clamp(min=1e-300).reshape(shape)
    result = noise - common[index] * factors.reshape(shape)
    return result * is_copy.to(noise.device).reshape(shape)
