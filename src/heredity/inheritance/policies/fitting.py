"""A smaller child made up to its parent, which is run from its recorded graph, on a few inputs."""

from __future__ import annotations

from dataclasses import replace

import torch

from heredity.errors import UntraceableModule
from heredity.inheritance.measuring import measured
from heredity.inheritance.planning import ExampleInputs, Growth, Planner, as_inputs, graph_of
from heredity.inheritance.reading import StoredTensors
from heredity.inheritance.result import Inheritance
from heredity.transfer import batches, example_inputs_like
from heredity.transfer.shrinking import fit
from heredity.transfer.shrinking.fitting import RIDGE


def fit_to_parent(inheritance: Inheritance, inputs: ExampleInputs, *, ridge: float = RIDGE) -> Inheritance:
    """Fit the layers of a child that is not exact to its parent's, by least squares on a few inputs.

    For children that are narrower or shallower, or have smaller kernels: most of what they lost comes back at
    once, also in statistics of batch normalization. What is proven stays as it is, and nothing becomes exact.
    Computed on the host in float64; an optimizer's state stays as it is.

    Args:
        inheritance: What `inherit` returned; its module is changed in place.
        inputs: As the child gets them, without labels; a few hundred rows, of those it will learn from. Of a
            network that could be recorded at one size of the batch only, so many rows are used.
        ridge: How dear changes are, as a share of the mean square of what a layer reads.

    Returns:
        The inheritance, its plan saying what was fitted and how well, and its difference measured anew.

    Raises:
        UntraceableModule: The parent was saved without its graph, or a network cannot be traced or run.
        InputError: The ridge is negative, or the inputs are not those of the networks.
    """
    parent, module = inheritance.parent, inheritance.module
    graph = graph_of(parent)
    if graph is None:
        raise UntraceableModule(
            f"{parent.key} was saved without its graph, so it cannot be run.",
            hint="Give `example_inputs` when it is saved.",
        )
    child = Planner(module, inputs, growth=Growth()).graph_beside(graph)
    given = as_inputs(inputs)
    if graph.batch is None or child.batch is None:
        given = batches(given, like=example_inputs_like(graph))[0]
    names = [name for name in graph.tensors if name in set(parent.tensor_names)]
    tensors = StoredTensors(parent, names)
    plan = fit(
        inheritance.plan, module, child=child, parent=graph, parent_tensors=tensors, inputs=given, ridge=ridge
    )
    difference = measured(parent, module, as_inputs(inputs), dtype=torch.float32)
    return replace(inheritance, plan=plan, difference=difference, not_measured="")
