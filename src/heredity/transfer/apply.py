"""A plan is carried out: the child's tensors get their values, in place, after every check has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity.errors import InvalidTensor
from heredity.transfer.plans.plan import FRESH_ENTRY, ZERO_ENTRY, How, Step, TransferPlan

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
        return
    source = parent_tensors[step.source].detach()
    target.copy_(source if step.how is How.COPY else _gathered(step, source, target.detach()))


def _gathered(step: Step, source: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """The parent's entries along all axes, with the child's own where any axis says fresh.

    Args:
        step: The maps.
        source: The parent's tensor, of the shape ``step.source_shape``.
        own: The child's tensor as it is, of the shape ``step.shape``.
    """
    kept_by_axis: list[torch.Tensor] = []
    for number, axis in enumerate(step.axes):
        kept = [i for i, index in enumerate(axis.sources) if index != FRESH_ENTRY]
        kept_by_axis.append(torch.tensor(kept, dtype=torch.long, device=own.device))
        source = _along(source, axis, kept, number)
    result = own.clone()
    # An outer product of index vectors addresses the block in which no axis says fresh.
    block = tuple(
        index.reshape([-1 if axis == number else 1 for axis in range(own.dim())])
        for number, index in enumerate(kept_by_axis)
    )
    result[block] = source.to(device=own.device, dtype=own.dtype)
    return result


def _along(source: torch.Tensor, axis: AxisMap, kept: list[int], number: int) -> torch.Tensor:
    """Gather, blank and scale along one axis."""
    indices = torch.tensor([axis.sources[i] for i in kept], dtype=torch.long, device=source.device)
    gathered = source.index_select(number, indices.clamp(min=0))
    if axis.scales is not None:
        shape = [-1 if i == number else 1 for i in range(source.dim())]
        factors = torch.tensor([axis.scales[i] for i in kept], dtype=torch.float64, device=source.device)
        gathered = gathered.to(torch.float64) * factors.reshape(shape)
    return gathered.index_fill(number, (indices == ZERO_ENTRY).nonzero().flatten(), 0)
