"""A moment of the parent's gradient becomes one of the child's: gathered, scaled, begun where it is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity.transfer.plans.plan import How
from heredity.transfer.state.slots import Kind

if TYPE_CHECKING:
    from heredity.transfer.plans.plan import Step


def mapped_moment(step: Step, moment: torch.Tensor, kind: Kind) -> torch.Tensor:
    """What a moment of the parent's parameter is for the child's.

    The child's gradient is the parent's, gathered along each axis and multiplied by the ``gradient_scales``
    of all axes (staged training does so for doubled widths: Shen et al. 2022, arXiv 2203.06211). Entries that
    come from nowhere, and those that have no share in the gradient, are new.

    Args:
        step: A gather.
        moment: Of the shape ``step.source_shape``.
        kind: How it follows the gradient.

    Returns:
        A tensor of the shape ``step.shape``, in float32 or finer; it may be the moment itself.
    """
    result = moment.detach().to(torch.promote_types(moment.dtype, torch.float32))
    known: torch.Tensor | None = None
    for number, (axis, size) in enumerate(zip(step.axes, step.source_shape, strict=True)):
        if axis.gradient_scales is None and axis.sources == tuple(range(size)):
            continue
        sources = torch.tensor(axis.sources, dtype=torch.long, device=moment.device)
        result = result.index_select(number, sources.clamp(min=0))
        shape = [-1 if i == number else 1 for i in range(moment.dim())]
        is_known = (sources >= 0).reshape(shape)
        if axis.gradient_scales is not None:
            scales = torch.tensor(axis.gradient_scales, dtype=result.dtype.to_real(), device=moment.device)
            result *= _factors(scales, kind).reshape(shape)
            is_known &= (scales != 0).reshape(shape)
        known = is_known if known is None else known & is_known
    return result if known is None or bool(known.all()) else _begun(result, known, kind)


def _begun(moment: torch.Tensor, known: torch.Tensor, kind: Kind) -> torch.Tensor:
    """The moment, with what new entries begin with."""
    begins = 0.0 if kind in {Kind.FIRST, Kind.UPDATE} else _row_means(moment, known)
    return torch.where(known, moment, begins)


def mapped_factors(
    step: Step, row: torch.Tensor, column: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """What the two factors of a second moment are for the child; None if they do not fit together.

    The moment that they stand for, ``row · column / mean(row)`` (Shazeer & Stern 2018), is mapped as a whole
    and taken apart again: its means depend on all axes.

    Args:
        step: A gather or a copy.
        row: Means along the last axis, which is kept with the length 1 or left out.
        column: Means along the last axis but one, likewise.
    """
    keeps_axes = row.dim() == len(step.source_shape)
    if (tuple(row.shape), tuple(column.shape)) != _factor_shapes(step.source_shape, keeps_axes=keeps_axes):
        return None
    if step.how is How.COPY:
        return row, column
    *front, height, width = step.source_shape
    wide = torch.promote_types(row.dtype, torch.float32)
    rows = row.detach().to(wide).reshape(*front, height, 1)
    columns = column.detach().to(wide).reshape(*front, 1, width)
    mean = rows.mean(dim=-2, keepdim=True)
    # Where a mean is zero, so are the rows.
    moment = mapped_moment(step, rows * columns / torch.where(mean == 0, 1.0, mean), Kind.SECOND)
    return moment.mean(dim=-1, keepdim=keeps_axes), moment.mean(dim=-2, keepdim=keeps_axes)


def _factor_shapes(
    shape: tuple[int, ...], *, keeps_axes: bool
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    if len(shape) < 2:
        return None
    *front, height, width = shape
    if keeps_axes:
        return (*front, height, 1), (*front, 1, width)
    return (*front, height), (*front, width)


def num_known(step: Step) -> int:
    """How many entries of the child's moment come from the parent's."""
    total = 1
    for axis in step.axes:
        scales = axis.gradient_scales or (1.0,) * len(axis.sources)
        pairs = zip(axis.sources, scales, strict=True)
        total *= sum(1 for source, scale in pairs if source >= 0 and scale != 0)
    return total


def _factors(scales: torch.Tensor, kind: Kind) -> torch.Tensor:
    match kind:
        case Kind.FIRST:
            return scales
        case Kind.SECOND:
            return scales.square()
        case Kind.NORM:
            return scales.abs()
        case Kind.UPDATE:
            return scales.sign()
        case Kind.SIZE:
            return torch.ones_like(scales)


def _row_means(moment: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """The mean of the known entries of each row; of all known entries for a row that has none.

    Not zero: torch counts steps by tensor, so after many steps the correction of the bias is gone, and a zero
    would make the first step of a new entry (1 - β1) / sqrt(1 - β2) times the rate: 3.2 for Adam's defaults.
    """
    rows = torch.where(known, moment, 0.0).reshape(moment.shape[0], -1).sum(dim=1)
    counts = known.expand(moment.shape).reshape(moment.shape[0], -1).sum(dim=1)
    overall = rows.sum() / counts.sum().clamp(min=1)
    means = torch.where(counts == 0, overall, rows / counts.clamp(min=1))
    return means.reshape([-1] + [1] * (moment.dim() - 1))
