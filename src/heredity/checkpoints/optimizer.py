"""An optimizer's state as tensors of a checkpoint, beside the weights: ``optimizer/<parameter>/<slot>``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from heredity.errors import CorruptCheckpoint, InvalidTensor

if TYPE_CHECKING:
    from heredity.store import Checkpoint

OPTIMIZER_PREFIX = "optimizer/"
"""With what the names of an optimizer's tensors begin; those of a state dict have no slash."""

# A number is a tensor without axes; its name ends with what it is in Python, so that it comes back as that.
_DTYPES: Mapping[type, torch.dtype] = {bool: torch.bool, int: torch.int64, float: torch.float64}
_ENDINGS = {kind: f":{kind.__name__}" for kind in _DTYPES}


def optimizer_tensors(state: Mapping[str, Mapping[str, torch.Tensor | float]]) -> dict[str, torch.Tensor]:
    """An optimizer's state as tensors to store; tensors share their memory.

    Args:
        state: For each parameter, by its name, the optimizer's slots.

    Raises:
        InvalidTensor: A slot holds neither a tensor nor a number, or its name has a slash or a colon.
    """
    return dict(
        _stored(f"{OPTIMIZER_PREFIX}{parameter}/", slot, value)
        for parameter, slots in state.items()
        for slot, value in slots.items()
    )


def optimizer_state(checkpoint: Checkpoint) -> dict[str, dict[str, torch.Tensor | float]]:
    """The optimizer's state that a checkpoint holds, as it was given; empty if it holds none.

    Raises:
        CorruptCheckpoint: A tensor is not what its digest says, or has a name that no slot has.
    """
    names = [name for name in checkpoint.tensor_names if is_of_optimizer(name)]
    state: dict[str, dict[str, torch.Tensor | float]] = {}
    for name, tensor in checkpoint.tensors(names, framework="torch").items():
        parameter, _, slot = name.removeprefix(OPTIMIZER_PREFIX).rpartition("/")
        slot, _, kind = slot.partition(":")
        if not parameter or not slot or (kind and (f":{kind}" not in _ENDINGS.values() or tensor.dim())):
            raise CorruptCheckpoint(f"Checkpoint {checkpoint.key!r}: {name!r} is no slot of an optimizer.")
        state.setdefault(parameter, {})[slot] = tensor.item() if kind else tensor
    return state


def is_of_optimizer(name: str) -> bool:
    """Whether a checkpoint's tensor belongs to an optimizer's state, not to the module."""
    return name.startswith(OPTIMIZER_PREFIX)


def _stored(prefix: str, slot: str, value: object) -> tuple[str, torch.Tensor]:
    if not slot or "/" in slot or ":" in slot:
        raise InvalidTensor(f"{prefix}{slot}: a slot's name may not be empty or have a slash or a colon.")
    if isinstance(value, torch.Tensor):
        return prefix + slot, value
    if type(value) not in _DTYPES:
        raise InvalidTensor(f"{prefix}{slot}: expected a tensor or a number, got {type(value).__name__}.")
    return prefix + slot + _ENDINGS[type(value)], torch.tensor(value, dtype=_DTYPES[type(value)])
