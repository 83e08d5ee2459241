"""A supernet whose parameters are the pages of a stored file: read once by a process, never copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity import checkpoints
from heredity.errors import TransferRefused, UntraceableModule
from heredity.inheritance import ExampleInputs, Inheritance
from heredity.inheritance.planning import as_inputs
from heredity.oneshot.deriving.planning import plan_between, plan_by_origins, supernet_graph
from heredity.oneshot.freezing import freeze_with_origins

if TYPE_CHECKING:
    from heredity.oneshot.walking import Architecture
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


def attach_part(
    supernet: torch.nn.Module,
    checkpoint: Checkpoint,
    *,
    architecture: Architecture,
    example_inputs: ExampleInputs,
) -> Inheritance:
    """Attach a supernet to its checkpoint, to judge one architecture; say what the architecture has of it.

    Give what is returned to `Trial.inherited`: a trial that judges an architecture by the supernet's weights
    trains and copies nothing, and yet has inherited them.

    Args:
        supernet: As for `attach`.
        checkpoint: As for `attach`.
        architecture: Which part is judged: a legal point of `space_of`.
        example_inputs: Inputs as the network gets them; recorded, not run.

    Returns:
        What the architecture's network has of the checkpoint, and what is proven of it before its statistics
        are taken anew. Its `module` shares the supernet's parameters. Where it cannot be recorded, the
        weights are the same, and the certificate says that nothing is proven.

    Raises:
        InputError: The architecture is no point of the supernet's space.
        TransferRefused: As for `attach`.
        CorruptCheckpoint: As for `attach`.
    """
    attach(supernet, checkpoint)
    frozen = freeze_with_origins(supernet, architecture, is_sharing=True)
    inputs = as_inputs(example_inputs)
    try:
        plan = plan_between(supernet_graph(supernet, architecture, inputs), frozen.module, inputs)
    except UntraceableModule as error:
        plan = plan_by_origins(frozen, error)
    reason = "the child's parameters are the parent's own memory"
    return Inheritance(checkpoint, plan, frozen.module, not_measured=reason)
