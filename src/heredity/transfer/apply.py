"""A plan is carried out: the child's tensors get their values, in place, after every check has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity.errors import InvalidTensor
from heredity.transfer.gather import gather_into
from heredity.transfer.noise import add_noise
from heredity.transfer.plans.plan import FRESH_ENTRY, How, Step, TransferPlan

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    own = target.detach()
    if step.how is How.FILL:
        own.fill_(step.value)
    elif step.how is How.IDENTITY:
        own.copy_(_identity(step, own))
    elif step.how is How.COPY:
        own.copy_(parent_tensors[step.source].detach())
    else:
        source = parent_tensors[step.source].detach()
        gather_into(own, source, step.axes)
        _take_off(step, own)
        add_noise(step, source, own)


def _take_off(step: Step, own: torch.Tensor) -> None:
    """What is gathered is w + c: times the factors s, less c, it is s w + c (s - 1)."""
    if step.value:
        factors = torch.ones(own.shape, dtype=torch.float64, device=own.device)
        gather_into(factors, torch.ones(step.source_shape, dtype=torch.float64, device=own.device), step.axes)
        own.add_((step.value * (factors - 1)).to(own.dtype))


def _identity(step: Step, own: torch.Tensor) -> torch.Tensor:
    """Ones where both of the first axes name the same source, at the centre of a kernel; new rows stay."""
    out, read = (torch.tensor(axis.sources, device=own.device) for axis in step.axes)
    scales = [
        torch.tensor(axis.scales or [1.0] * len(axis.sources), dtype=torch.float64) for axis in step.axes
    ]
    factors = (scales[0][:, None] * scales[1][None, :]).to(device=own.device, dtype=own.dtype)
    is_same = (out[:, None] == read[None, :]) & (out[:, None] >= 0)
    result = torch.zeros_like(own)
    centre = result
    for size in reversed(own.shape[2:]):
        centre = centre.select(-1, size // 2)
    centre.copy_(torch.where(is_same, factors, torch.zeros_like(factors)))
    is_new = out == FRESH_ENTRY
    result[is_new] = own[is_new]
    return result
