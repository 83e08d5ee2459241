"""Running statistics of batch normalization taken anew, where the parent's are of other activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from heredity.errors import InputError
from heredity.transfer.plans.certificate import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heredity.transfer.plans.plan import TransferPlan
    from heredity.transfer.tracing.trace import Inputs


def recalibrate(
    module: torch.nn.Module, batches: Iterable[torch.Tensor | Inputs], *, plan: TransferPlan | None = None
) -> tuple[str, ...]:
    """Take the running means and variances of batch normalization anew, as the mean over a few batches.

    Nothing is learned: there is no gradient, and dropout stays off. Each layer reads what layers before it
    make of the batch's statistics, as in training (for cut channels: Yu and Huang, 2019, arXiv:1903.05134).
    Modes, momenta and counts of batches are afterwards as they were.

    Args:
        module: The network; changed in place.
        batches: Inputs without labels: a tensor, a tuple of positional or a mapping of keyword arguments
            each. A few of the size used in training are enough.
        plan: What the network has inherited by; statistics that it proves stay as they are. None for all.

    Returns:
        The names of the layers whose statistics are new.

    Raises:
        InputError: There is no batch, although there is a layer; nothing was changed.
    """
    layers = {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, _BatchNorm) and layer.track_running_stats and _is_open(plan, name)
    }
    if not layers:
        return ()
    before = {
        name: {key: value.clone() for key, value in each.named_buffers()} for name, each in layers.items()
    }
    modes = {each: each.training for each in module.modules()}
    momenta = {name: each.momentum for name, each in layers.items()}
    is_done = False
    try:
        _prepare(module, layers.values())
        is_done = _run(module, batches)
    finally:
        for each, mode in modes.items():
            each.training = mode
        for name, layer in layers.items():
            layer.momentum = momenta[name]
            _restore(layer, before[name], only_count=is_done)
    if not is_done:
        raise InputError("recalibrate: there is not one batch.", hint="Give an iterable of inputs.")
    return tuple(layers)


def _prepare(module: torch.nn.Module, layers: Iterable[_BatchNorm]) -> None:
    module.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # torch then takes the mean over all batches
        layer.training = True


def _run(module: torch.nn.Module, batches: Iterable[torch.Tensor | Inputs]) -> bool:
    """Whether there was a batch."""
    has_any = False
    with torch.no_grad():
        for batch in batches:
            has_any = True
            if isinstance(batch, torch.Tensor):
                module(batch)
            elif isinstance(batch, Mapping):
                module(**batch)
            else:
                module(*batch)
    return has_any


def _restore(layer: _BatchNorm, before: Mapping[str, torch.Tensor], *, only_count: bool) -> None:
    names = ["num_batches_tracked"] if only_count else list(before)
    with torch.no_grad():
        for name, buffer in layer.named_buffers():
            if name in names:
                buffer.copy_(before[name])


def _is_open(plan: TransferPlan | None, layer: str) -> bool:
    """Whether a plan does not prove a layer's statistics; without a plan nothing is proven."""
    verdict = plan and plan.certificate.tensors.get(f"{layer}.running_mean".removeprefix("."))
    return not verdict or verdict.verdict is not Verdict.EXACT
