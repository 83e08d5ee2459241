"""A plan is carried out: the child's tensors get their values, in place, after every check has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity.errors import InvalidTensor
from heredity.transfer.noise import parting_noise
from heredity.transfer.plans.plan import FRESH_ENTRY, MEAN_ENTRY, ZERO_ENTRY, How, Step, TransferPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heredity.transfer.plans.plan import AxisMap


def apply(plan: TransferPlan, parent_tensors: Mapping[str, torch.Tensor], module: torch.nn.Module) -> None:
    """Give a module what the plan takes from its parent.

    Devices and element types of the module stay; factors are multiplied in float64 and cast last. Tied
    tensors are written once. All checks come first: if one fails, nothing has changed.

    Args:
        plan: What to do.
        parent_tensors: The parent's state dict, or the part of it that the plan reads.
        module: The child; changed in place.

    Raises:
        InvalidTensor: A tensor is missing, or does not have the shape or the kind of number that the plan is
            for.
    """
    targets = module.state_dict(keep_vars=True)
    for step in plan.steps:
        if step.how is not How.FRESH:
            _check(step, parent_tensors, targets)
    with torch.no_grad():
        for step in plan.steps:
            if step.how is not How.FRESH:
                _carry_out(step, parent_tensors, targets[step.tensor])


def _check(
    step: Step, parent_tensors: Mapping[str, torch.Tensor], targets: Mapping[str, torch.Tensor]
) -> None:
    target = targets.get(step.tensor)
    if not isinstance(target, torch.Tensor) or tuple(target.shape) != step.shape:
        raise InvalidTensor(
            f"{step.tensor}: the plan is for shape {step.shape}, the module has {_shape(target)}.",
            hint="Make the plan for the graph of this module.",
        )
    if target.is_meta:
        raise InvalidTensor(f"{step.tensor}: the module is on the meta device and holds no values.")
    if not step.source:
        return
    source = parent_tensors.get(step.source)
    if not isinstance(source, torch.Tensor) or tuple(source.shape) != step.source_shape:
        raise InvalidTensor(
            f"{step.tensor}: the plan takes {step.source} of shape {step.source_shape} from the parent, "
            f"which has {_shape(source)}.",
            hint="Make the plan for the graph of this parent.",
        )
    if _is_number(source) != _is_number(target):
        raise InvalidTensor(f"{step.tensor} is {target.dtype}, the parent's {step.source} {source.dtype}.")


def _shape(tensor: object) -> str:
    return str(tuple(tensor.shape)) if isinstance(tensor, torch.Tensor) else "none"


def _is_number(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _carry_out(step: Step, parent_tensors: Mapping[str, torch.Tensor], target: torch.Tensor) -> None:
    if step.how is How.FILL:
        target.fill_(step.value)
    elif step.how is How.IDENTITY:
        target.copy_(_identity(step, target.detach()))
    elif step.how is How.COPY:
        target.copy_(parent_tensors[step.source].detach())
    else:
        target.copy_(gathered(step, parent_tensors[step.source].detach(), target.detach()))


def _identity(step: Step, own: torch.Tensor) -> torch.Tensor:
    """Ones where both of the first axes name the same source, at the centre of a kernel; new rows stay."""
    out, read = (torch.tensor(axis.sources, device=own.device) for axis in step.axes)
    scales = [
        torch.tensor(axis.scales or [1.0] * len(axis.sources), dtype=torch.float64) for axis in step.axes
    ]
    factors = (scales[0][:, None] * scales[1][None, :]).to(device=own.device, dtype=own.dtype)
    is_same = (out[:, None] == read[None, :]) & (out[:, None] >= 0)
    result = torch.zeros_like(own)
    centre = tuple(size // 2 for size in own.shape[2:])
    result[(slice(None), slice(None), *centre)] = torch.where(is_same, factors, torch.zeros_like(factors))
    is_new = out == FRESH_ENTRY
    result[is_new] = own[is_new]
    return result


def gathered(step: Step, source: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """The parent's entries along all axes, with the child's own where any axis says fresh.

    Args:
        step: The maps.
        source: The parent's tensor, of the shape ``step.source_shape``.
        own: The child's tensor as it is, of the shape ``step.shape``.
    """
    # Of all numbers, not of a sample: a tensor of one number has no deviation, and so gets no noise.
    deviation = float(source.to(torch.float32).std(correction=0)) if step.noise is not None else 0.0
    kept_by_axis: dict[int, list[int]] = {}
    order = sorted(range(len(step.axes)), key=lambda axis: step.noise is None or axis != step.noise.axis)
    for number in order:
        axis = step.axes[number]
        kept = [i for i, index in enumerate(axis.sources) if index != FRESH_ENTRY]
        kept_by_axis[number] = kept
        if not axis.is_identity_of(source.shape[number]):
            source = _along(source, axis, kept, number)
        if step.noise is not None and number == step.noise.axis:
            source = source + parting_noise(step, source, kept, deviation)
    if all(
        len(kept) == size
        for kept, size in zip(kept_by_axis.values(), (own.shape[i] for i in order), strict=True)
    ):
        return source.to(device=own.device, dtype=own.dtype)
    result = own.clone()
    # An outer product of index vectors addresses the block in which no axis says fresh.
    block = tuple(
        torch.tensor(kept_by_axis[number], dtype=torch.long, device=own.device).reshape(
            [-1 if axis == number else 1 for axis in range(own.dim())]
        )
        for number in range(own.dim())
    )
    result[block] = source.to(device=own.device, dtype=own.dtype)
    return result


def _along(source: torch.Tensor, axis: AxisMap, kept: list[int], number: int) -> torch.Tensor:
    """Gather, average, blank and scale along one axis."""
    indices = torch.tensor([axis.sources[i] for i in kept], dtype=torch.long, device=source.device)
    result = source.index_select(number, indices.clamp(min=0))
    is_mean = indices == MEAN_ENTRY
    if is_mean.any():
        mean = source.to(torch.float64).mean(number, keepdim=True)
        result = torch.where(_shaped(is_mean, number, source.dim()), mean, result.to(torch.float64))
    if axis.scales is not None:
        factors = torch.tensor([axis.scales[i] for i in kept], dtype=torch.float64, device=source.device)
        result = result.to(torch.float64) * _shaped(factors, number, source.dim())
    return result.index_fill(number, (indices == ZERO_ENTRY).nonzero().flatten(), 0)


def _shaped(values: torch.Tensor, axis: int, rank: int) -> torch.Tensor:
    return values.reshape([-1 if i == axis else 1 for i in range(rank)])
