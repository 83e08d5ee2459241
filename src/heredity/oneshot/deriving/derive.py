"""Deriving: the plain network of an architecture, with its part of a supernet's weights and a certificate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from heredity.errors import TransferRefused, UntraceableModule
from heredity.inheritance import ExampleInputs, Inheritance
from heredity.inheritance.planning import as_inputs
from heredity.inheritance.reading import StoredTensors
from heredity.oneshot.deriving.planning import plan_between, plan_by_origins, supernet_graph
from heredity.oneshot.freezing import freeze_with_origins
from heredity.transfer import Certificate, StoredNetwork, apply, measure_difference

if TYPE_CHECKING:
    from heredity.oneshot.walking import Architecture
    from heredity.store import Checkpoint
    from heredity.transfer import Difference, TransferPlan


@dataclass(frozen=True)
class Derived:
    """A plain network, and what may be claimed of it."""

    module: torch.nn.Module = field(repr=False)
    plan: TransferPlan
    """Where each of its tensors comes from, in the supernet's names."""

    @property
    def certificate(self) -> Certificate:
        """What is proven: whether it computes what the supernet computes under the architecture."""
        return self.plan.certificate

    @property
    def is_exact(self) -> bool:
        """Whether its outputs are proven to equal the supernet's, in eval mode."""
        return self.certificate.is_exact

    def __str__(self) -> str:
        return str(self.plan)


def derive(
    supernet: torch.nn.Module, architecture: Architecture, *, example_inputs: ExampleInputs
) -> Derived:
    """Derive an architecture's network, with the supernet's weights.

    It is the network that `freeze` gives. Both are recorded, the transfer plans and proves the way from one
    to the other, and carries the weights by that plan. Where one of them cannot be recorded, the weights are
    the same, and the certificate says that nothing is proven.

    Args:
        supernet: Not changed.
        architecture: A legal point of `space_of`.
        example_inputs: Inputs as the network gets them; not run.

    Raises:
        InputError: The architecture is no point of the supernet's space.
    """
    frozen = freeze_with_origins(supernet, architecture)
    inputs = as_inputs(example_inputs)
    try:
        plan = plan_between(supernet_graph(supernet, architecture, inputs), frozen.module, inputs)
    except UntraceableModule as error:
        return Derived(frozen.module, plan_by_origins(frozen, error))
    apply(plan, supernet.state_dict(), frozen.module)
    return Derived(frozen.module, plan)


def inherit(
    child: torch.nn.Module,
    checkpoint: Checkpoint,
    *,
    supernet: torch.nn.Module,
    architecture: Architecture,
    example_inputs: ExampleInputs,
) -> Inheritance:
    """Take over an architecture's part of a supernet's checkpoint, in place.

    The child may be what `freeze` gives, or a network of the user's own that computes the same, or nearly
    the same: the transfer finds what belongs together, as between any two networks. Only the tensors of what
    runs are read. Give what is returned to `save` as ``inherited``, and the supernet's checkpoint becomes
    the child's parent.

    Args:
        child: The network that inherits.
        checkpoint: The supernet's.
        supernet: The supernet, for what it runs; its own weights do not count.
        architecture: Which part.
        example_inputs: Inputs as both get them; the outputs are compared on them.

    Returns:
        What came over, and what may be claimed of it.

    Raises:
        InputError: The architecture is no point of the supernet's space.
        TransferRefused: The checkpoint is another network's.
        UntraceableModule: The supernet or the child cannot be recorded.
    """
    inputs = as_inputs(example_inputs)
    graph = supernet_graph(supernet, architecture, inputs)
    _check_same(checkpoint, supernet)
    plan = plan_between(graph, child, inputs)
    apply(plan, StoredTensors(checkpoint, [step.source for step in plan.steps if step.source]), child)
    names = [node.tensor for node in graph.nodes if node.tensor]
    network = StoredNetwork(graph, checkpoint.tensors(names, framework="torch"))
    try:
        difference: Difference | None = measure_difference(network, child, inputs, dtype=torch.float32)
        reason = ""
    except UntraceableModule as error:
        difference, reason = None, error.message
    return Inheritance(checkpoint, plan, child, difference=difference, not_measured=reason)


def _check_same(checkpoint: Checkpoint, supernet: torch.nn.Module) -> None:
    table = checkpoint.manifest.tensors
    for name, tensor in supernet.state_dict().items():
        if name not in table or tuple(table[name].shape) != tuple(tensor.shape):
            found = f"has {list(table[name].shape)}" if name in table else "lacks it"
            raise TransferRefused(
                f"{checkpoint.key}: {name}: the supernet has {list(tensor.shape)}, the checkpoint {found}.",
                hint="Build the supernet as it was built when it was saved.",
            )
