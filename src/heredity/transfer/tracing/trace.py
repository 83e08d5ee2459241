"""A torch module becomes a graph: which ATen operators run for inputs like the ones given."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.export import ExportedProgram, export
from torch.utils._pytree import tree_leaves

from heredity.errors import UntraceableModule
from heredity.transfer.tracing.exported.graph_of_export import graph_of_export
from heredity.transfer.tracing.manners import quiet, without_stack_traces
from heredity.transfer.tracing.outputs import output_tensors
from heredity.transfer.tracing.stand_in import batch_of, fake_mode, follows_batch, with_stand_in
from heredity.transfer.tracing.training import dropout_rates, is_alike

if TYPE_CHECKING:
    from heredity.graph import Batch, Graph

Inputs = tuple[object, ...] | Mapping[str, object]
"""Positional arguments, or keyword arguments, of a module."""

# torch.export has errors of its own, all of them RuntimeErrors, and lets those of the module's code through.
REFUSALS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip


def trace(module: torch.nn.Module, example_inputs: Inputs) -> Graph:
    """Record which operators a module runs, without running them.

    Nothing of the module is changed. The graph holds the shapes of the example inputs, not their values.
    Their first axis is taken to be the batch, and a large prime is put in its place where the module allows
    it, so that graphs which were traced with batches of different sizes are the same (`Graph.batch`).
    If the module returns an object such as those of Hugging Face, its first tensor is the graph's output;
    caches of keys and values are switched off.

    Args:
        module: The module; its train mode and those of its submodules are restored afterwards.
        example_inputs: A tuple of positional or a mapping of keyword arguments.

    Raises:
        UntraceableModule: The graph cannot be recorded; the message says why.
    """
    given = _Given.of(example_inputs)
    with modes_restored(module), _without_caches(module):
        module.eval()
        graph = _with_stand_in(module, given)
        if graph is None:
            graph = _recorded(module, given)
        module.train()
        return _with_training(graph, module, given)


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


@dataclass(frozen=True, slots=True)
class _Given:
    """The arguments that a module is traced with."""

    args: tuple[object, ...]
    kwargs: Mapping[str, object]

    @classmethod
    def of(cls, inputs: Inputs) -> _Given:
        return cls((), inputs) if isinstance(inputs, Mapping) else cls(tuple(inputs), {})

    @property
    def num_positional(self) -> int:
        return sum(isinstance(leaf, torch.Tensor) for leaf in tree_leaves(self.args))

    def with_stand_in(self, batch: Batch) -> _Given:
        mode = fake_mode()  # one for all inputs: tensors of two modes do not mix
        kwargs = with_stand_in(dict(self.kwargs), batch, mode=mode)
        return _Given(with_stand_in(self.args, batch, mode=mode), kwargs)


def _with_stand_in(module: torch.nn.Module, given: _Given) -> Graph | None:
    """The graph with a prime for the batch's size, or None if the module does not take it."""
    batch = batch_of(module, (given.args, dict(given.kwargs)))
    if batch is None:
        return None
    try:
        graph = replace(_recorded(module, given.with_stand_in(batch)), batch=batch)
    except UntraceableModule:
        return None  # it is traced again with the inputs as they are, and then says why it cannot be
    device = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
    with quiet():
        return graph if follows_batch(graph, device=device) else None


def _recorded(module: torch.nn.Module, given: _Given) -> Graph:
    program, exported = _exported(module, given)
    return graph_of_export(program, exported, num_positional=given.num_positional)


def _with_training(graph: Graph, module: torch.nn.Module, given: _Given) -> Graph:
    """Add what train mode does; a module that cannot be recorded in train mode is not alike in it."""
    try:
        in_training = _recorded(module, given if graph.batch is None else given.with_stand_in(graph.batch))
    except UntraceableModule:
        return graph
    return replace(
        graph,
        is_alike_in_training=is_alike(graph, in_training),
        dropout_rates=dropout_rates(in_training),
    )


def _exported(module: torch.nn.Module, given: _Given) -> tuple[ExportedProgram, torch.nn.Module]:
    """Export a module, or a wrapper of it whose output torch.export knows."""
    try:
        return _export(module, given), module
    except REFUSALS as error:
        if "not a known type" not in str(error):
            raise _refused(module, error) from error
    wrapper = _PlainOutput(module)
    try:
        return _export(wrapper, given), wrapper
    except REFUSALS as error:
        raise _refused(module, error) from error


def _export(module: torch.nn.Module, given: _Given) -> ExportedProgram:
    with warnings.catch_warnings(), quiet(), without_stack_traces():
        # torch.export warns of its own internals (pytree types, guards), which no user can mend.
        warnings.simplefilter("ignore")
        return export(module, given.args, dict(given.kwargs), strict=False)


def _refused(module: torch.nn.Module, error: Exception) -> UntraceableModule:
    reason = (str(error).strip().splitlines() or [""])[0]
    return UntraceableModule(
        f"{type(module).__name__}: torch.export refuses it: {type(error).__name__}: {reason[:300]}",
        hint="Inheriting by the order of the layers remains; a forward without control flow that depends on "
        "the data can be traced.",
    )


class _PlainOutput(torch.nn.Module):
    """A module that returns the tensors of another one's output."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: object, **kwargs: object) -> tuple[torch.Tensor, ...]:
        return output_tensors(self.module(*args, **kwargs))


@contextmanager
def modes_restored(module: torch.nn.Module) -> Iterator[None]:
    """Give a module and its submodules back the train mode that each of them had."""
    modes = [(submodule, submodule.training) for submodule in module.modules()]
    try:
        yield
    finally:
        for submodule, is_training in modes:
            submodule.training = is_training


@contextmanager
def _without_caches(module: torch.nn.Module) -> Iterator[None]:
    """Let language models of Hugging Face return no caches, which would only be recorded to be dropped."""
    configs = [getattr(submodule, "config", None) for submodule in module.modules()]
    caching = [config for config in configs if getattr(config, "use_cache", None) is True]
    for config in caching:
        setattr(config, "use_cache", False)  # noqa: B010  # of no class that we know
    try:
        yield
    finally:
        for config in caching:
            setattr(config, "use_cache", True)  # noqa: B010
