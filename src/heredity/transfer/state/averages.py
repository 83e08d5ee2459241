"""Averages of weights (EMA, SWA) go by the same plan as the weights, since the plan is linear in them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from heredity.errors import InvalidTensor
from heredity.transfer.apply import apply
from heredity.transfer.plans.plan import TransferPlan

if TYPE_CHECKING:
    from torch.optim.swa_utils import AveragedModel

_PREFIX, _COUNT = "module.", "n_averaged"


def carry_average(
    plan: TransferPlan, average: Mapping[str, torch.Tensor], module: torch.nn.Module
) -> dict[str, torch.Tensor]:
    """The average of the parent's weights as one of the child's.

    Args:
        plan: The plan that the weights went by.
        average: The parent's average, named as its state dict. Buffers may be left out.
        module: The child, after `apply`; not changed. What is new has no past, so its average begins with its
            present value.

    Returns:
        New tensors, named as the child's state dict.

    Raises:
        InvalidTensor: A parameter's average is missing or does not have the shape that the plan is for.
    """
    averaged = copy.deepcopy(module)
    apply(_without_absent_buffers(plan, average), average, averaged)
    return {name: value.detach() for name, value in averaged.state_dict().items()}


def carry_averaged_model(
    plan: TransferPlan, average: Mapping[str, torch.Tensor], averaged: AveragedModel
) -> None:
    """Carry the state of a `torch.optim.swa_utils.AveragedModel`, in place, with its count of updates.

    Args:
        plan: The plan that the weights went by.
        average: The state dict of the parent's averaged model.
        averaged: The child's, made of the child after `apply`.

    Raises:
        InvalidTensor: It is no averaged model's state dict, or a tensor is missing or of another shape;
            nothing was changed.
    """
    if _COUNT not in average:
        raise InvalidTensor(
            f"expected the state dict of an AveragedModel, with its {_COUNT!r}; it is missing.",
            hint="`carry_average` takes a plain state dict.",
        )
    inner = {name.removeprefix(_PREFIX): value for name, value in average.items() if name.startswith(_PREFIX)}
    apply(plan, inner, averaged.module)
    with torch.no_grad():
        averaged.n_averaged.copy_(average[_COUNT])


def _without_absent_buffers(plan: TransferPlan, average: Mapping[str, torch.Tensor]) -> TransferPlan:
    """Many keep averages of parameters alone; then the child's own buffers stay, which the plan has set."""
    steps = tuple(
        step for step in plan.steps if step.is_parameter or not step.source or step.source in average
    )
    return replace(plan, steps=steps)
