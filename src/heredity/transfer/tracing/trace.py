"""A torch module becomes a graph: which ATen operators run for inputs like the ones given."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.export import ExportedProgram, export
from torch.utils._pytree import tree_leaves

from heredity.errors import UntraceableModule
from heredity.graph import Kind
from heredity.transfer.tracing.graph_of_export import graph_of_export

if TYPE_CHECKING:
    from heredity.graph import Graph, Node

Inputs = tuple[object, ...] | Mapping[str, object]
"""Positional arguments, or keyword arguments, of a module."""

# Arguments by which operators are told to train; they, and only they, may differ between eval and train mode.
_SWITCHES = frozenset({"training", "train", "dropout_p"})

# torch.export has errors of its own, all of them RuntimeErrors, and lets those of the module's code through.
_REFUSALS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip


def trace(module: torch.nn.Module, example_inputs: Inputs) -> Graph:
    """Record which operators a module runs, without running them.

    Nothing of the module is changed. The graph holds the shapes of the example inputs, not their values.
    If the module returns an object such as those of Hugging Face, its first tensor is the graph's output.

    Args:
        module: The module; its train mode and those of its submodules are restored afterwards.
        example_inputs: A tuple of positional or a mapping of keyword arguments.

    Raises:
        UntraceableModule: The graph cannot be recorded; the message says why.
    """
    args = () if isinstance(example_inputs, Mapping) else tuple(example_inputs)
    kwargs = dict(example_inputs) if isinstance(example_inputs, Mapping) else {}
    with _modes_restored(module):
        module.eval()
        program = _exported(module, args=args, kwargs=kwargs)
        graph = graph_of_export(program, module, num_positional=_num_tensors(args))
        module.train()
        is_alike = _is_alike_in_training(graph, module, args=args, kwargs=kwargs)
    return replace(graph, is_alike_in_training=is_alike)


def example_inputs_like(graph: Graph) -> tuple[torch.Tensor, ...] | dict[str, torch.Tensor]:
    """Make inputs of the shapes and types that a graph was traced with, all zeros.

    A relative that is traced with them has comparable shapes, the batch's size among them.

    Raises:
        UntraceableModule: The graph takes both positional and keyword arguments.
    """
    zeros = {
        spec.name: torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype), device="cpu")
        for spec in graph.inputs
    }
    if not graph.keywords:
        return tuple(zeros.values())
    if len(graph.keywords) < len(zeros):
        raise UntraceableModule("The graph takes positional and keyword arguments; give the inputs yourself.")
    return zeros


def _num_tensors(args: tuple[object, ...]) -> int:
    return sum(isinstance(leaf, torch.Tensor) for leaf in tree_leaves(args))


@contextmanager
def _modes_restored(module: torch.nn.Module) -> Iterator[None]:
    modes = [(submodule, submodule.training) for submodule in module.modules()]
    try:
        yield
    finally:
        for submodule, is_training in modes:
            submodule.training = is_training


def _exported(
    module: torch.nn.Module, *, args: tuple[object, ...], kwargs: dict[str, object]
) -> ExportedProgram:
    try:
        with warnings.catch_warnings():
            # torch.export warns of its own internals (pytree types, guards), which no user can mend.
            warnings.simplefilter("ignore")
            return export(module, args, kwargs, strict=False)
    except _REFUSALS as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise UntraceableModule(
            f"{type(module).__name__}: torch.export refuses it: {type(error).__name__}: {reason[:300]}",
            hint="Inheriting by name remains; a forward without data-dependent control flow can be traced.",
        ) from error


def _is_alike_in_training(
    graph: Graph, module: torch.nn.Module, *, args: tuple[object, ...], kwargs: dict[str, object]
) -> bool:
    """Whether train mode runs the same operators, all batch normalization on the batch's statistics."""
    try:
        program = _exported(module, args=args, kwargs=kwargs)
        in_training = graph_of_export(program, module, num_positional=_num_tensors(args), is_training=True)
    except UntraceableModule:
        return False
    calls, calls_in_training = (
        [_without_switches(node) for node in each.of_kind(Kind.CALL, Kind.OUTPUT)]
        for each in (graph, in_training)
    )
    uses_batch_statistics = all(
        node.arguments["training"] is True
        for node in in_training.calls
        if node.target == "aten.batch_norm.default"
    )
    return calls == calls_in_training and uses_batch_statistics


def _without_switches(node: Node) -> tuple[object, ...]:
    kept = {name: value for name, value in node.arguments.items() if name not in _SWITCHES}
    return node.target, kept, node.shape, node.dtype
