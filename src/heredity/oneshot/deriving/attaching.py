"""A supernet whose parameters are the pages of a stored file: read once by a process, never copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity import checkpoints
from heredity.errors import TransferRefused

if TYPE_CHECKING:
    from heredity.store import Checkpoint


def attach(supernet: torch.nn.Module, checkpoint: Checkpoint) -> None:
    """Let a supernet have the tensors of its checkpoint, in place of its own.

    From a store in a directory the tensors are mapped: processes on one machine share the memory, and what is
    written to stays with the writer. Buffers are copied, since networks count in them. Optimizers that were
    made before train what is no longer there.

    Args:
        supernet: The network that was saved, on the host.
        checkpoint: Its checkpoint.

    Raises:
        TransferRefused: A name, a shape or a dtype differs.
        CorruptCheckpoint: A tensor is not what its digest says.
    """
    targets = checkpoints.tensors_of(supernet)
    missing = sorted(targets.keys() - set(checkpoint.tensor_names))
    if missing:
        raise TransferRefused(
            f"{checkpoint.key}: it lacks {missing[0]} and {len(missing) - 1} other tensors of the supernet.",
            hint="Build the supernet as it was built when it was saved.",
        )
    values = checkpoint.tensors(list(targets), framework="torch")
    for name, target in targets.items():
        if values[name].shape != target.shape or values[name].dtype != target.dtype:
            raise TransferRefused(
                f"{checkpoint.key}: {name}: the supernet has {target.dtype} {list(target.shape)}, the "
                f"checkpoint {values[name].dtype} {list(values[name].shape)}.",
                hint="Build the supernet as it was built when it was saved.",
            )
    buffers = {name for name, _ in supernet.named_buffers(remove_duplicate=False)}
    given = {name: value.clone() if name in buffers else value for name, value in values.items()}
    supernet.load_state_dict(given, assign=True)
