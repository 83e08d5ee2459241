"""Inputs with a prime in place of the batch's size, so that sizes which follow it can be told by division."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.utils._pytree import tree_leaves, tree_map

from heredity.errors import UntraceableModule
from heredity.graph import Batch, Graph, Kind
from heredity.transfer.running import operators_of, run

if TYPE_CHECKING:
    from heredity.graph import Node

_Inputs = TypeVar("_Inputs")

# Of them few multiples are sizes of images, vocabularies or layers; graphs compare best if all use the first.
# Not larger, since a module may loop over its first axis.
_PRIMES = (211, 193, 179)


def batch_of(module: torch.nn.Module, inputs: object) -> Batch | None:
    """The batch's size, taken to be the first axis of the first tensor, and what will stand for it.

    None if there is no such axis, if each prime divides a size of the module or of the inputs, or if the
    first axis is the time of a recurrent layer, which would take as many steps.
    """
    if any(isinstance(each, torch.nn.RNNBase) and not each.batch_first for each in module.modules()):
        return None
    tensors = [leaf for leaf in tree_leaves(inputs) if isinstance(leaf, torch.Tensor)]
    first = next((tensor for tensor in tensors if tensor.dim()), None)
    if first is None or not len(first):
        return None
    own = [*tensors, *module.parameters(), *module.buffers()]
    sizes = {size for tensor in own for size in tensor.shape if size}
    prime = next((prime for prime in _PRIMES if all(size % prime for size in sizes)), None)
    return None if prime is None else Batch(prime, len(first))


def with_stand_in(inputs: _Inputs, batch: Batch, *, mode: FakeTensorMode) -> _Inputs:
    """Fake inputs that take no memory, with the prime where the batch's size was."""

    def fake(leaf: object) -> object:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        follows = leaf.dim() and len(leaf) == batch.example
        shape = (batch.stand_in, *leaf.shape[1:]) if follows else tuple(leaf.shape)
        with mode:
            made = torch.empty(shape, dtype=leaf.dtype, device=leaf.device)
        return made.requires_grad_(leaf.requires_grad)

    made: _Inputs = tree_map(fake, inputs)
    return made


def fake_mode() -> FakeTensorMode:
    """A mode in which tensors have shapes and types but no memory, as torch.export makes it."""
    return FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)


def follows_batch(graph: Graph, *, device: torch.device) -> bool:
    """Whether all sizes are as expected when the graph is run, on fake tensors, at the example's batch.

    They are not where a size is half the batch's, say, or where it is rounded up.
    """
    batch = graph.batch
    if batch is None:
        return True
    constants = graph.of_kind(Kind.PARAMETER, Kind.BUFFER, Kind.CONSTANT)
    if any(size % batch.stand_in == 0 for node in constants for size in node.shape or () if size):
        return False
    with fake_mode():
        values = {
            node.name: torch.empty(_shape(node, batch), dtype=getattr(torch, node.dtype), device=device)
            for node in (*constants, *graph.of_kind(Kind.INPUT))
        }
        try:
            steps = run(
                graph,
                values,
                operators=operators_of(graph),
                batch=batch.example,
                adjust=lambda _, __: None,
            )
            return all(
                node.shape is None
                or not isinstance(result, torch.Tensor)
                or tuple(result.shape) == _shape(node, batch)
                for node, result in steps
            )
        except UntraceableModule:
            return False


def _shape(node: Node, batch: Batch) -> tuple[int, ...]:
    return tuple(batch.size(size, batch=batch.example) for size in node.shape or ())
