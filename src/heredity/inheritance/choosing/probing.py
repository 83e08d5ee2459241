"""A probe: how a child begins, as one number; less is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_map

from heredity.errors import InputError

Loss = Callable[[Any, Any], Any]
"""A user's own loss, of outputs and targets. Any: of whatever types he likes."""

Probe = Callable[[torch.nn.Module], float] | tuple[object, object, Loss]
"""A function of the module, or (inputs, targets, loss)."""


def start_loss(module: torch.nn.Module, probe: Probe) -> float:
    """Run a probe. Random numbers are drawn from one state each time, so that results can be compared.

    A tuple is run in eval mode, without gradients; a function gets the module as it is. Whatever a function
    changes of the module's values is for its caller to put back.

    Args:
        module: The child.
        probe: The probe.

    Raises:
        InputError: The probe is neither, or its result is no number.
    """
    with _same_random_numbers(module):
        match probe:
            case (inputs, targets, loss) if callable(loss):
                return _number(_loss(module, inputs, targets, loss))
            case function if callable(function):
                return _number(function(module))
        raise InputError(
            f"probe: expected a function of the module, or (inputs, targets, loss), got {probe!r:.80}."
        )


def _loss(module: torch.nn.Module, inputs: object, targets: object, loss: Loss) -> object:
    device = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))

    def there(value: object) -> object:
        return value.to(device) if isinstance(value, torch.Tensor) else value

    given, wanted = tree_map(there, inputs), tree_map(there, targets)
    with _in_eval_mode(module), torch.no_grad():
        if isinstance(given, Mapping):
            outputs = module(**given)
        else:
            outputs = module(*given) if isinstance(given, tuple) else module(given)
        return loss(outputs, wanted)


def _number(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # 0-d tensors are numbers, too
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"probe: expected a number, got {type(value).__name__} {value!r:.80}.") from error
    return number if math.isfinite(number) else math.inf


@contextmanager
def _in_eval_mode(module: torch.nn.Module) -> Iterator[None]:
    modes = [(submodule, submodule.training) for submodule in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for submodule, is_training in modes:
            submodule.training = is_training


@contextmanager
def _same_random_numbers(module: torch.nn.Module) -> Iterator[None]:
    """Leave torch's generators as they were; their state is where each probe begins."""
    devices = {tensor.device for tensor in module.parameters() if tensor.device.type == "cuda"}
    with torch.random.fork_rng(devices=list(devices)):
        yield
