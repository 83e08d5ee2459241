"""What torch.export recorded becomes plain data: nothing in place, regions inlined, tied tensors once."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch.export.graph_signature import InputKind

from heredity.errors import UntraceableModule
from heredity.graph import Argument, Graph, Kind, Node, Ref
from heredity.transfer.tracing.exported.arguments import (
    argument,
    draws_random_numbers,
    layout_of,
    named_arguments,
    operand_in_memory,
    source_in_memory,
)
from heredity.transfer.tracing.exported.constants import Constants
from heredity.transfer.tracing.exported.memory import Layout, Memory, Value, View
from heredity.transfer.tracing.exported.operators import (
    functional_twin,
    is_assertion,
    keeps_value,
    may_change_type,
    piece_of,
    region_of,
)
from heredity.transfer.tracing.exported.pruning import without_idle_calls, without_state_writes

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.export.graph_signature import InputSpec
    from torch.fx import Node as FxNode

_KINDS = {
    InputKind.USER_INPUT: Kind.INPUT,
    InputKind.PARAMETER: Kind.PARAMETER,
    InputKind.BUFFER: Kind.BUFFER,
    InputKind.CONSTANT_TENSOR: Kind.CONSTANT,
}

_Values = dict["FxNode", Value | Sequence[Value]]
"""The values of a program's nodes; a region has several."""


def graph_of_export(program: ExportedProgram, module: torch.nn.Module, *, num_positional: int) -> Graph:
    """Turn an exported program into a graph.

    Args:
        program: What ``torch.export.export`` returned.
        module: The module it was made of; tells which tensors are tied, and what constants hold.
        num_positional: How many of the input tensors are positional arguments.

    Raises:
        UntraceableModule: The program has a part that the graph cannot express; the message names it.
    """
    builder = _Builder(program, module)
    builder.run(program.graph_module, {})
    inputs = [node.name for node in builder.nodes if node.kind is Kind.INPUT]
    graph = Graph(
        nodes=tuple(builder.nodes),
        tied=builder.tied,
        keywords=tuple(inputs[num_positional:]),
        values=builder.constants.values,
    )
    return without_idle_calls(without_state_writes(graph, builder.memory.written_state))


class _Builder:
    """Collects the nodes of one graph."""

    def __init__(self, program: ExportedProgram, module: torch.nn.Module) -> None:
        self.nodes: list[Node] = []
        self.tied: dict[str, str] = {}
        self.memory = Memory(self._append)
        self.constants = Constants()
        self._program = program
        self._specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
        self._known = {**dict(module.named_buffers(remove_duplicate=False)), **program.constants}
        self._groups = _tied_names(module)
        self._value_of_tensor: dict[str, Value] = {}
        self._counts: Counter[str] = Counter()

    def run(self, graph_module: torch.fx.GraphModule, values: _Values) -> Sequence[Value]:
        """Add the nodes of a program or of a region of it, whose inputs have values; return its outputs."""
        for fx_node in graph_module.graph.nodes:
            if fx_node.op == "placeholder":
                if fx_node not in values:
                    self._add_placeholder(fx_node, values)
            elif fx_node.op == "call_function":
                self._add_call(fx_node, values)
            elif fx_node.op == "output" and graph_module is self._program.graph_module:
                self._add_output(fx_node, values)
            elif fx_node.op == "output":
                return [_one(values[part]) for part in fx_node.all_input_nodes]
            elif fx_node.op != "get_attr":  # regions are fetched by those that run them
                raise UntraceableModule(
                    f"The graph holds {fx_node.op} {fx_node.target!s}, which has no form as data yet."
                )
        return []

    def _add_placeholder(self, fx_node: FxNode, values: _Values) -> None:
        spec = self._specs[fx_node.name]
        if spec.kind not in _KINDS:
            raise UntraceableModule(
                f"The graph takes a {spec.kind.name.lower()}, which has no form as data yet."
            )
        if not isinstance(fx_node.meta.get("val"), torch.Tensor):
            return  # a flag or a number: it is fixed in the graph already
        tensor = self._name_in_state_dict(spec)
        if tensor and tensor != spec.target:
            self.tied[str(spec.target)] = tensor
        if tensor in self._value_of_tensor:
            values[fx_node] = self._value_of_tensor[tensor]
            return
        layout = layout_of(fx_node.meta["val"])
        is_input = spec.kind is InputKind.USER_INPUT
        digest = "" if tensor or is_input else self._digest(spec)
        self.nodes.append(
            Node(
                fx_node.name,
                _KINDS[spec.kind],
                shape=layout.shape,
                dtype=layout.dtype,
                tensor=tensor,
                value_digest=digest,
            )
        )
        value = Value(fx_node.name, layout, state="" if is_input else str(spec.target))
        values[fx_node] = value
        if tensor:
            self._value_of_tensor[tensor] = value

    def _name_in_state_dict(self, spec: InputSpec) -> str:
        if spec.kind is InputKind.PARAMETER or (spec.kind is InputKind.BUFFER and spec.persistent):
            return self._groups.get(str(spec.target), str(spec.target))
        return ""

    def _digest(self, spec: InputSpec) -> str:
        return self.constants.digest(self._known.get(str(spec.target)), name=str(spec.target))

    def _add_call(self, fx_node: FxNode, values: _Values) -> None:
        region = region_of(fx_node)
        if region is not None:
            graph_module, operands = region
            inputs = [node for node in graph_module.graph.nodes if node.op == "placeholder"]
            given = {a: values[b] for a, b in zip(inputs, operands, strict=True) if b in values}
            values[fx_node] = self.run(graph_module, given)
        elif fx_node.target is operator.getitem:
            self._add_piece(fx_node, values)
        elif not isinstance(fx_node.target, torch._ops.OpOverload):  # noqa: SLF001  # it has no public name
            raise UntraceableModule(f"The graph calls {fx_node.target!s}, which has no form as data yet.")
        elif is_assertion(fx_node.target):
            return
        elif keeps_value(fx_node):
            values[fx_node] = self._same(fx_node, values)
        elif fx_node.target._schema.is_mutable:  # noqa: SLF001  # there is no public way to the schema
            self._add_write(fx_node, fx_node.target, values)
        else:
            self._add_operator(fx_node, fx_node.target, values)

    def _same(self, fx_node: FxNode, values: _Values) -> Value:
        """The operand itself, or a copy of it in memory of its own."""
        operand = _one(values[fx_node.all_input_nodes[0]])
        is_copy = source_in_memory(fx_node) is None or "lift" in str(fx_node.target)
        return Value(self.memory.read(operand), operand.layout) if is_copy else operand

    def _add_piece(self, fx_node: FxNode, values: _Values) -> None:
        """Add one result of an operator that has several, or one output of a region."""
        whole, index = fx_node.args[0], fx_node.args[1]
        assert isinstance(whole, torch.fx.Node)  # noqa: S101  # fx has no other getitem
        assert isinstance(index, int)  # noqa: S101
        found = values[whole]
        if not isinstance(found, Value):
            values[fx_node] = found[index]
            return
        layout = layout_of(fx_node.meta.get("val"))
        pair: dict[str, Argument] = {"input": Ref(self.memory.read(found)), "index": index}
        node = self._append("getitem", pair, layout)
        values[fx_node] = Value(node, layout)
        operand = operand_in_memory(fx_node, whole)
        if operand is not None:
            source = _one(values[operand])
            is_known = found.view is not None and found.source is source
            view = piece_of(found.view, index, source.layout) if is_known and found.view else None
            values[fx_node] = self.memory.view_of(source, node, layout, view)

    def _add_operator(self, fx_node: FxNode, overload: torch._ops.OpOverload, values: _Values) -> None:
        schema = overload._schema  # noqa: SLF001  # there is no public way to an operator's schema
        arguments = named_arguments(fx_node, schema, read=lambda node: self._read(values, node))
        layout = layout_of(fx_node.meta.get("val"))
        target = str(overload)
        is_random = draws_random_numbers(fx_node, arguments)
        node = self._append(target, arguments, layout, is_random=is_random)
        values[fx_node] = Value(node, layout)
        source = source_in_memory(fx_node)
        if source is not None:
            first, *rest = arguments
            view = View(target, {name: arguments[name] for name in rest}) if first == "input" else None
            values[fx_node] = self.memory.view_of(_one(values[source]), node, layout, view)

    def _add_write(self, fx_node: FxNode, overload: torch._ops.OpOverload, values: _Values) -> None:
        written = fx_node.args[0] if fx_node.args else None
        target = functional_twin(overload)
        assert isinstance(written, torch.fx.Node)  # noqa: S101  # its schema says that it writes a tensor
        schema = overload._schema  # noqa: SLF001  # there is no public way to an operator's schema
        arguments = named_arguments(fx_node, schema, read=lambda node: self._read(values, node))
        value = _one(values[written])
        is_random = draws_random_numbers(fx_node, arguments)
        node = self._append(target, arguments, value.layout, is_random=is_random)
        if may_change_type(fx_node):
            cast: dict[str, Argument] = {"input": Ref(node), "dtype": "torch." + value.layout.dtype}
            cast |= {"non_blocking": False, "copy": False, "memory_format": None}
            node = self._append("aten.to.dtype", cast, value.layout)
        self.memory.write(value, node)
        values[fx_node] = value

    def _append(
        self, target: str, arguments: Mapping[str, Argument], layout: Layout, *, is_random: bool = False
    ) -> str:
        base = target.removeprefix("aten.").partition(".")[0]
        name = f"{base}.{self._counts[base]}"
        self._counts[base] += 1
        self.nodes.append(
            Node(
                name,
                Kind.CALL,
                target,
                arguments,
                shape=layout.shape,
                dtype=layout.dtype,
                is_random=is_random,
            )
        )
        return name

    def _read(self, values: _Values, fx_node: FxNode) -> str:
        return self.memory.read(_one(values[fx_node]))

    def _add_output(self, fx_node: FxNode, values: _Values) -> None:
        flat = fx_node.args[0] if isinstance(fx_node.args[0], list | tuple) else [fx_node.args[0]]
        refs = [
            argument(part, read=lambda node: self._read(values, node))
            for part in flat
            if isinstance(part, torch.fx.Node)
        ]
        spec = self._program.call_spec.out_spec
        is_plain = spec is None or spec.type in {None, tuple, list, dict}
        kept = refs if is_plain else refs[:1]
        if not kept:
            raise UntraceableModule("The module returns no tensor.")
        # The order of a dictionary's values is not their meaning, so its keys are kept.
        keys = tuple(map(str, spec.context)) if spec is not None and spec.type is dict else ()
        self.nodes.append(Node("output", Kind.OUTPUT, arguments={"outputs": tuple(kept), "keys": keys}))


def _one(value: Value | Sequence[Value]) -> Value:
    if isinstance(value, Value):
        return value
    (only,) = value
    return only


def _tied_names(module: torch.nn.Module) -> dict[str, str]:
    """Map each name of a tensor that has several to the first of them."""
    first: dict[int, str] = {}
    named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    return {name: first.setdefault(id(tensor), name) for name, tensor in named}
