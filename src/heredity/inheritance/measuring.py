"""How far a child's outputs lie from its parent's, which is run from its recorded graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.errors import UntraceableModule
from heredity.inheritance.planning import graph_of
from heredity.transfer import (
    Difference,
    Inputs,
    StoredNetwork,
    batches,
    example_inputs_like,
    measure_difference,
)

if TYPE_CHECKING:
    import torch

    from heredity.store import Checkpoint


def measured(
    parent: Checkpoint, module: torch.nn.Module, inputs: Inputs, *, dtype: torch.dtype
) -> Difference:
    """Compare the outputs on some inputs, in eval and in train mode.

    Raises:
        UntraceableModule: The parent has no graph, or one that cannot be run here.
    """
    graph = graph_of(parent)
    if graph is None:
        raise UntraceableModule(
            f"{parent.key} was saved without its graph, so it cannot be run.",
            hint="Give `example_inputs` when it is saved.",
        )
    wanted = {node.tensor for node in graph.nodes if node.tensor} & set(parent.tensor_names)
    network = StoredNetwork(graph, parent.tensors(wanted, framework="torch"))
    found = [
        measure_difference(network, module, batch, dtype=dtype)
        for batch in batches(inputs, like=example_inputs_like(graph))
    ]
    return Difference(
        in_eval=max(each.in_eval for each in found),
        in_eval_relative=max(each.in_eval_relative for each in found),
        in_training=max(each.in_training for each in found),
        in_training_relative=max(each.in_training_relative for each in found),
    )
