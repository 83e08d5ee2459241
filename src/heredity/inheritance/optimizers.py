"""An optimizer's state, between a checkpoint and the module that it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from heredity import checkpoints
from heredity.errors import InputError
from heredity.inheritance.modules import plain_module
from heredity.transfer.state import (
    OptimizerReport,
    carry_optimizer_state,
    named_optimizer_state,
    restore_optimizer_state,
)

if TYPE_CHECKING:
    import torch

    from heredity.encoding import Json
    from heredity.store import Checkpoint
    from heredity.transfer import TransferPlan

KIND = "optimizer"
"""The entry of a checkpoint's metadata that names the class of the optimizer saved with it."""


def load(
    module: torch.nn.Module, checkpoint: Checkpoint, *, optimizer: torch.optim.Optimizer | None = None
) -> None:
    """Load a checkpoint into a module of the same architecture, in place, and its optimizer's state.

    Everything is compared before the first tensor is changed.

    Args:
        module: The module, wrapped by torch.compile or data parallelism or not.
        checkpoint: What was saved of one like it.
        optimizer: Gets the state that was saved with ``save(..., optimizer=...)``; keeps its hyperparameters.

    Raises:
        TransferRefused: A name, a shape or a dtype differs. `heredity.inherit` takes other architectures.
        CorruptCheckpoint: A tensor is not what its digest says.
        InputError: The checkpoint holds no optimizer's state, or that of another kind; the weights are
            loaded.
    """
    plain = plain_module(module, purpose="load")
    checkpoints.load(plain, checkpoint)
    if optimizer is None:
        return
    state = checkpoints.optimizer_state(checkpoint)
    if not state:
        if kind_of(checkpoint) is not None:
            return  # such as SGD without momentum, or one that has made no step
        raise InputError(
            f"{checkpoint.key} was saved without its optimizer's state.",
            hint="Save with `optimizer=`, or load without it.",
        )
    restore_optimizer_state(plain, optimizer, state)


def with_kind(metadata: Mapping[str, Json] | None, optimizer: torch.optim.Optimizer) -> dict[str, Json]:
    """Metadata with the optimizer's kind among them: one without state leaves no other trace.

    Raises:
        InputError: They have such an entry already.
    """
    if metadata and KIND in metadata:
        raise InputError(f"metadata: the entry {KIND!r} is for the optimizer's kind.", hint="Rename yours.")
    return {**(metadata or {}), KIND: type(optimizer).__name__}


def kind_of(checkpoint: Checkpoint) -> str | None:
    """The class of the optimizer that a checkpoint was saved with; None if with none."""
    kind = checkpoint.metadata.get(KIND)
    return kind if isinstance(kind, str) else None


def refuse_strangers(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Look whether an optimizer trains this module, before anything is changed.

    Raises:
        InputError: It trains a parameter that is not the module's.
    """
    named_optimizer_state(module, optimizer)


def carried(
    parent: Checkpoint, plan: TransferPlan, module: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> OptimizerReport:
    """Give an optimizer what the plan takes of the state that the parent was saved with."""
    return carry_optimizer_state(plan, checkpoints.optimizer_state(parent), module, optimizer)
