"""What torch.export recorded becomes plain data: arguments by name, nothing in place, tied tensors once."""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch.export.graph_signature import InputKind

from heredity.errors import UntraceableModule
from heredity.graph import Argument, Graph, Kind, Node, Ref
from heredity.transfer.tracing.mutations import MutationGuard

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


def graph_of_export(
    program: ExportedProgram, module: torch.nn.Module, *, num_positional: int, is_training: bool = False
) -> Graph:
    """Turn an exported program into a graph.

    Args:
        program: What ``torch.export.export`` returned.
        module: The module it was made of; tells which tensors are tied, and what constants hold.
        num_positional: How many of the input tensors are positional arguments.
        is_training: Whether the program was recorded in train mode, where counters are counted up.

    Raises:
        UntraceableModule: The program has a part that the graph cannot express; the message names it.
    """
    builder = _Builder(program, module, is_training=is_training)
    for fx_node in program.graph.nodes:
        builder.add(fx_node)
    inputs = [node.name for node in builder.nodes if node.kind is Kind.INPUT]
    return Graph(nodes=tuple(builder.nodes), tied=builder.tied, keywords=tuple(inputs[num_positional:]))


class _Builder:
    """Collects the nodes of one graph."""

    def __init__(self, program: ExportedProgram, module: torch.nn.Module, *, is_training: bool) -> None:
        self.nodes: list[Node] = []
        self.tied: dict[str, str] = {}
        self._program = program
        self._is_training = is_training
        self._specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
        self._values = {**dict(module.named_buffers(remove_duplicate=False)), **program.constants}
        self._groups = _tied_names(module)
        self._value_of: dict[str, str] = {}  # the fx node's name -> the name of the node that holds its value
        self._mutations = MutationGuard()
        self._counts: Counter[str] = Counter()

    def add(self, fx_node: FxNode) -> None:
        if fx_node.op == "placeholder":
            self._add_placeholder(fx_node)
        elif fx_node.op == "call_function":
            self._add_call(fx_node)
        elif fx_node.op == "output":
            arguments: dict[str, Argument] = {
                "outputs": self._outputs(fx_node.args[0]),
                "keys": self._output_keys(),
            }
            self.nodes.append(Node("output", Kind.OUTPUT, arguments=arguments))
        else:
            raise UntraceableModule(
                f"The graph holds {fx_node.op} {fx_node.target!s}, which has no form as data yet."
            )

    def _add_placeholder(self, fx_node: FxNode) -> None:
        spec = self._specs[fx_node.name]
        value = fx_node.meta.get("val")
        if spec.kind not in _KINDS:
            raise UntraceableModule(
                f"The graph takes a {spec.kind.name.lower()}, which has no form as data yet."
            )
        if not isinstance(value, torch.Tensor):
            return  # a flag or a number: it is fixed in the graph already
        shape, dtype = _shape_and_dtype(value)
        tensor = self._name_in_state_dict(spec)
        if tensor is not None and tensor != spec.target:
            self.tied[str(spec.target)] = tensor
        if tensor is not None and any(node.tensor == tensor for node in self.nodes):
            self._value_of[fx_node.name] = next(node.name for node in self.nodes if node.tensor == tensor)
            return
        self.nodes.append(
            Node(
                fx_node.name,
                _KINDS[spec.kind],
                shape=shape,
                dtype=dtype,
                tensor=tensor or "",
                value_digest="" if tensor or spec.kind is InputKind.USER_INPUT else self._digest(spec),
            )
        )
        self._value_of[fx_node.name] = fx_node.name

    def _name_in_state_dict(self, spec: InputSpec) -> str | None:
        if spec.kind is InputKind.PARAMETER or (spec.kind is InputKind.BUFFER and spec.persistent):
            return self._groups.get(str(spec.target), str(spec.target))
        return None

    def _digest(self, spec: InputSpec) -> str:
        value = self._values.get(str(spec.target))
        if not isinstance(value, torch.Tensor) or value.is_meta:
            return "unknown:" + str(spec.target)
        data = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def _add_call(self, fx_node: FxNode) -> None:
        if fx_node.target is operator.getitem:
            call = {"input": self._argument(fx_node.args[0]), "index": self._argument(fx_node.args[1])}
            self._mutations.record_alias(fx_node)
            self._append(fx_node, target="getitem", arguments=call)
            return
        if not isinstance(fx_node.target, torch._ops.OpOverload):  # noqa: SLF001  # it has no public name
            raise UntraceableModule(f"The graph calls {fx_node.target!s}, which has no form as data yet.")
        if self._is_training and _counts_up_a_buffer(fx_node):
            return
        schema = fx_node.target._schema  # noqa: SLF001  # there is no public way to an operator's schema
        arguments = self._named_arguments(fx_node, schema)
        target = str(fx_node.target)
        if schema.is_mutable:
            target = self._mutations.functional(fx_node)
        self._mutations.record(fx_node, schema)
        self._append(fx_node, target=target, arguments=arguments)
        if schema.is_mutable:
            self._value_of[fx_node.all_input_nodes[0].name] = self._value_of[fx_node.name]

    def _append(self, fx_node: FxNode, *, target: str, arguments: Mapping[str, Argument]) -> None:
        base = target.removeprefix("aten.").partition(".")[0]
        name = f"{base}.{self._counts[base]}"
        self._counts[base] += 1
        value = fx_node.meta.get("val")
        shape, dtype = _shape_and_dtype(value) if isinstance(value, torch.Tensor) else (None, "")
        is_random = _draws_random_numbers(fx_node, arguments)
        self.nodes.append(
            Node(name, Kind.CALL, target, arguments, shape=shape, dtype=dtype, is_random=is_random)
        )
        self._value_of[fx_node.name] = name

    def _named_arguments(self, fx_node: FxNode, schema: torch.FunctionSchema) -> dict[str, Argument]:
        named: dict[str, Argument] = {}
        for i, parameter in enumerate(schema.arguments):
            if i < len(fx_node.args):
                named[parameter.name] = self._argument(fx_node.args[i])
            elif parameter.name in fx_node.kwargs:
                named[parameter.name] = self._argument(fx_node.kwargs[parameter.name])
            else:
                named[parameter.name] = self._argument(parameter.default_value)
        # A schema calls its first operand "self", which no keyword of ours can be.
        return {"input" if name == "self" else name: value for name, value in named.items()}

    def _argument(self, value: object) -> Argument:
        if isinstance(value, torch.fx.Node):
            return Ref(self._value_of[value.name])
        if isinstance(value, list | tuple):
            return tuple(self._argument(part) for part in value)
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, torch.dtype | torch.device | torch.layout | torch.memory_format):
            return str(value)
        raise UntraceableModule(
            f"The graph holds a {type(value).__name__} ({value!s:.60}), which is no plain value."
        )

    def _outputs(self, value: object) -> tuple[Ref, ...]:
        flat = value if isinstance(value, list | tuple) else [value]
        refs = [self._argument(part) for part in flat if isinstance(part, torch.fx.Node)]
        returns_plain = self._program.call_spec.out_spec is None or (
            self._program.call_spec.out_spec.type in {None, tuple, list, dict}
        )
        kept = refs if returns_plain else refs[:1]
        if not kept:
            raise UntraceableModule("The module returns no tensor.")
        return tuple(ref for ref in kept if isinstance(ref, Ref))

    def _output_keys(self) -> tuple[str, ...]:
        """The keys of a dictionary that is returned, since the order of its values is not their meaning."""
        spec = self._program.call_spec.out_spec
        return tuple(map(str, spec.context)) if spec is not None and spec.type is dict else ()


def _tied_names(module: torch.nn.Module) -> dict[str, str]:
    """Map each name of a tensor that has several to the first of them."""
    first: dict[int, str] = {}
    named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    return {name: first.setdefault(id(tensor), name) for name, tensor in named}


def _shape_and_dtype(value: torch.Tensor) -> tuple[tuple[int, ...], str]:
    if not all(isinstance(size, int) for size in value.shape):
        raise UntraceableModule(f"A shape depends on the data: {tuple(value.shape)}.")
    return tuple(value.shape), str(value.dtype).removeprefix("torch.")


def _counts_up_a_buffer(fx_node: FxNode) -> bool:
    """Whether this is ``num_batches_tracked.add_(1)``, which batch normalization does in train mode."""
    counter = fx_node.args[0] if fx_node.args else None
    return (
        str(fx_node.target) == "aten.add_.Tensor"
        and not fx_node.users
        and isinstance(counter, torch.fx.Node)
        and counter.name.endswith("num_batches_tracked")
    )


def _draws_random_numbers(fx_node: FxNode, arguments: Mapping[str, Argument]) -> bool:
    tags = getattr(fx_node.target, "tags", ())
    switched_off = arguments.get("train") is False or arguments.get("dropout_p") == 0
    return torch.Tag.nondeterministic_seeded in tags and not switched_off
