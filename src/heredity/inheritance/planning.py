"""Plans for one child from any number of parents: by graph where there are two, else by layers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from heredity import checkpoints
from heredity.errors import InputError, UntraceableModule
from heredity.graph import graph_from_json
from heredity.store import Checkpoint
from heredity.transfer import (
    Inputs,
    TensorSpec,
    TransferPlan,
    differ_in_batch_only,
    example_inputs_like,
    layers_of_graph,
    layers_of_tensors,
    plan_by_layers,
    plan_by_name,
    plan_transfer,
    trace,
    trace_leaf_modules,
)
from heredity.transfer.planner import NOISE

if TYPE_CHECKING:
    from heredity.graph import Graph
    from heredity.ids import Digest

ExampleInputs = torch.Tensor | tuple[object, ...] | Mapping[str, object]
"""Inputs as the network gets them: one tensor, positional arguments, or keyword arguments."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How a child that is larger gets its new units, where more than one way is exact.

    Args:
        kind: ``"fresh"``: they keep their own random weights, and nobody reads them yet; or ``"copy"``: each
            is a copy of an old one, with which it shares what readers get.
        noise: How much noise parts copies, as a share of the standard deviation of the parent's tensor. It
            lies where it changes nothing of what the child computes.
        seed: Which random numbers.

    Raises:
        InputError: One of these cannot be.
    """

    kind: Literal["fresh", "copy"] = "fresh"
    noise: float = NOISE
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in {"fresh", "copy"}:
            raise InputError(f"growth: expected 'fresh' or 'copy', got {self.kind!r:.80}.")
        if not 0 <= self.noise < math.inf:
            raise InputError(f"growth: expected noise of at least 0, got {self.noise!r}.")


def as_inputs(example_inputs: ExampleInputs) -> Inputs:
    """Example inputs as a tuple of positional or a mapping of keyword arguments."""
    return (example_inputs,) if isinstance(example_inputs, torch.Tensor) else example_inputs


def graph_of(checkpoint: Checkpoint) -> Graph | None:
    """The graph that a checkpoint was saved with, if it was.

    Raises:
        InputError: It is no checkpoint.
        CorruptCheckpoint: The graph is damaged.
    """
    if not isinstance(checkpoint, Checkpoint):
        raise InputError(
            f"expected a checkpoint or a store, got {type(checkpoint).__name__} {checkpoint!r:.60}.",
            hint="Take it from its store: store[key].",
        )
    recorded = checkpoint.graph
    return None if recorded is None else graph_from_json(recorded)


def plan_between(parent: Checkpoint, child: Checkpoint) -> TransferPlan:
    """Plan how the network of one checkpoint would inherit from another; only their graphs are read.

    Raises:
        UntraceableModule: One of them was saved without its graph.
        CorruptCheckpoint: A graph is damaged.
    """
    graphs = [graph_of(parent), graph_of(child)]
    if graphs[0] is None or graphs[1] is None:
        lacking = parent if graphs[0] is None else child
        raise UntraceableModule(
            f"{lacking.key} was saved without its graph.",
            hint="Save it with example_inputs, as in hd.save(store, module, key=…, example_inputs=x).",
        )
    return plan_transfer(graphs[0], graphs[1])


class Planner:
    """Makes plans for one child, which is traced once for each form of inputs that its parents had.

    Args:
        module: The child; not changed.
        example_inputs: Inputs as it gets them, where they are known.
        growth: How new units begin.
    """

    def __init__(
        self, module: torch.nn.Module, example_inputs: ExampleInputs | None, *, growth: Growth
    ) -> None:
        self._growth = growth
        self._module = module
        self._given = None if example_inputs is None else as_inputs(example_inputs)
        self._planned: dict[Digest, TransferPlan] = {}
        self._traced: dict[object, Graph | UntraceableModule] = {}

    def plan(self, parent: Checkpoint) -> TransferPlan:
        """Plan how the child inherits from a checkpoint; nothing is read but its graph.

        Raises:
            CorruptCheckpoint: The parent's graph is damaged.
        """
        parent_graph = graph_of(parent)
        if parent_graph is None:
            return self._without_graph(parent, f"{parent.key} was saved without its graph")
        entry = parent.manifest.graph
        assert entry is not None  # noqa: S101  # there is a graph
        # Siblings share their graph, and so their plan.
        if entry.digest not in self._planned:
            self._planned[entry.digest] = self._by_graph(parent_graph)
        return self._planned[entry.digest]

    def graph(self) -> Graph:
        """The child's graph on the given inputs.

        Raises:
            UntraceableModule: It cannot be recorded.
        """
        assert self._given is not None  # noqa: S101  # the caller has seen to it
        return self._trace(self._given)

    def graph_beside(self, parent_graph: Graph) -> Graph:
        """The child's graph on the parent's shapes, or on the given inputs where more than rows differs.

        So graphs that differ only in the batch's size are not told apart.

        Raises:
            UntraceableModule: It cannot be recorded.
        """
        return self._trace(self._inputs_beside(parent_graph))

    def _inputs_beside(self, parent_graph: Graph) -> Inputs:
        inputs: Inputs = example_inputs_like(parent_graph)
        is_other = self._given is not None and not differ_in_batch_only(self._given, inputs)
        return self._given if is_other and self._given is not None else inputs

    def _trace(self, inputs: Inputs) -> Graph:
        form = _form(inputs)
        if form not in self._traced:
            try:
                self._traced[form] = trace(self._module, inputs)
            except UntraceableModule as error:
                self._traced[form] = error
        found = self._traced[form]
        if isinstance(found, UntraceableModule):
            raise found
        return found

    def _by_graph(self, parent_graph: Graph) -> TransferPlan:
        growth = self._growth
        try:
            child_graph = self._trace(self._inputs_beside(parent_graph))
        except UntraceableModule as error:
            return self._by_layers(parent_graph, f"the child cannot be traced: {error.message}")
        return plan_transfer(
            parent_graph, child_graph, growth=growth.kind, noise=growth.noise, seed=growth.seed
        )

    def _by_layers(self, parent_graph: Graph, reason: str) -> TransferPlan:
        """By the order and the kind of the layers, which are seen when the child is run."""
        ours = trace_leaf_modules(self._module, self._inputs_beside(parent_graph))
        return plan_by_layers(layers_of_graph(parent_graph), layers_of_graph(ours), reason=reason)

    def _without_graph(self, parent: Checkpoint, reason: str) -> TransferPlan:
        """By name and shape, or by order if that brings more: in a store the names alone have one."""
        theirs = {
            name: TensorSpec(entry.shape, _dtype_name(checkpoints.torch_dtype(entry.dtype)))
            for name, entry in parent.manifest.tensors.items()
            if not checkpoints.is_of_optimizer(name)
        }
        parameters = dict(self._module.named_parameters(remove_duplicate=False))
        ours = {
            name: TensorSpec(tuple(tensor.shape), _dtype_name(tensor.dtype), is_parameter=name in parameters)
            for name, tensor in checkpoints.tensors_of(self._module).items()
        }
        by_name = plan_by_name(theirs, ours, reason=reason)
        by_order = plan_by_layers(
            *(layers_of_tensors({name: each[name] for name in sorted(each, key=_number_aware)})
              for each in (theirs, ours)),
            reason=reason,
        )  # fmt: skip
        return max(by_name, by_order, key=lambda plan: plan.certificate.coverage)


def _number_aware(name: str) -> list[tuple[int, str]]:
    """So that layer 10 comes after layer 2."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _form(inputs: object) -> object:
    """What a graph depends on of its inputs: tensors by shape and type, other values by themselves."""
    if isinstance(inputs, torch.Tensor):
        return "tensor", tuple(inputs.shape), inputs.dtype
    if isinstance(inputs, Mapping):
        return "mapping", tuple((name, _form(value)) for name, value in inputs.items())
    if isinstance(inputs, tuple | list):
        return type(inputs).__name__, tuple(_form(value) for value in inputs)
    return type(inputs).__name__, repr(inputs)


def _dtype_name(dtype: torch.dtype | None) -> str:
    return str(dtype).removeprefix("torch.")
