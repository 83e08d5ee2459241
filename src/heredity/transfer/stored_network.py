"""A network run from its recorded graph and its tensors: the parent, without the parent's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from heredity.errors import UntraceableModule
from heredity.graph import Graph, Kind, Node, Ref
from heredity.graph.module_graph import Argument


class StoredNetwork(torch.nn.Module):
    """Runs the operators of a graph one after the other.

    In train mode, batch normalization uses and updates the statistics of the batch, as the recorded network
    did; dropout stays off, so that two networks can be compared.

    Args:
        graph: What `trace` recorded.
        tensors: The values of the state dict, by name; not copied.

    Raises:
        UntraceableModule: The graph holds values or operators that cannot be had here: constants are recorded
            by their hash only.
    """

    def __init__(self, graph: Graph, tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self._graph = graph
        self._buffer_of: dict[str, str] = {}
        for node in graph.nodes:
            if node.kind in {Kind.PARAMETER, Kind.BUFFER, Kind.CONSTANT}:
                if node.tensor not in tensors:
                    raise UntraceableModule(
                        f"{node.name}: its value is not among the stored tensors, so the graph cannot be run."
                    )
                # As buffers, so that `to` and `deepcopy` treat them as a module's own; dots are not allowed.
                self._buffer_of[node.name] = f"value_{len(self._buffer_of)}"
                self.register_buffer(self._buffer_of[node.name], tensors[node.tensor])
        self._operators = {node.target: _operator(node) for node in graph.calls}

    def forward(self, *inputs: torch.Tensor, **keywords: torch.Tensor) -> torch.Tensor:
        """Compute the graph's output.

        Args:
            *inputs: As the recorded module takes them.
            **keywords: As the recorded module takes them.
        """
        values: dict[str, object] = {name: getattr(self, buffer) for name, buffer in self._buffer_of.items()}
        given = dict(
            zip((spec.name for spec in self._graph.inputs if not spec.is_keyword), inputs, strict=True)
        )
        values |= given | keywords
        for node in self._graph.nodes:
            arguments = {name: _resolved(value, values) for name, value in node.arguments.items()}
            if node.kind is Kind.CALL:
                if self.training and "running_mean" in arguments:
                    arguments["training"] = True
                values[node.name] = self._call(node, arguments)
            elif node.kind is Kind.OUTPUT:
                return _first_tensor(arguments)
        raise AssertionError("a graph ends with its output")

    def _call(self, node: Node, arguments: dict[str, object]) -> object:
        try:
            return self._operators[node.target](**arguments)
        except (RuntimeError, TypeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise UntraceableModule(
                f"{node.name}: {node.target} cannot be run from the graph: {reason}"
            ) from error


def _operator(node: Node) -> Callable[..., object]:
    if node.target == "getitem":
        return _getitem
    namespace, _, rest = node.target.partition(".")
    operator: object = torch.ops.aten if namespace == "aten" else None
    for part in rest.split("."):
        operator = getattr(operator, part, None)
    # A graph is data from a store: of torch's operators, it may name those that only compute.
    if node.target.startswith("aten.from_file"):
        operator = None
    if not isinstance(operator, torch._ops.OpOverload):  # noqa: SLF001  # it has no public name
        raise UntraceableModule(f"{node.name}: {node.target} is no operator that a graph may name.")
    names = [each.name for each in operator._schema.arguments if not each.kwarg_only]  # noqa: SLF001

    def call(**arguments: object) -> object:
        # By position, since a graph calls "input" what a schema calls "self".
        positional = [arguments.pop("input" if name == "self" else name) for name in names]
        return operator(*positional, **arguments)

    return call


def _getitem(*, input: list[object], index: int) -> object:  # noqa: A002  # the name in the graph
    return input[index]


def _resolved(value: Argument, values: Mapping[str, object]) -> object:
    if isinstance(value, Ref):
        return values[value.name]
    if isinstance(value, tuple):
        return [_resolved(part, values) for part in value]
    if isinstance(value, str) and value.startswith("torch."):
        return getattr(torch, value.removeprefix("torch."), value)  # a dtype, a layout, a memory format
    return value


def _first_tensor(arguments: Mapping[str, object]) -> torch.Tensor:
    for value in arguments.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, torch.Tensor):
                return part
    raise UntraceableModule("the graph's output is no tensor")
