"""A network run from its recorded graph and its tensors: the parent, without the parent's code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heredity.errors import InputError, UntraceableModule
from heredity.graph import Graph, Kind, Node
from heredity.transfer.running import operators_of, run
from heredity.transfer.tracing.exported.constants import value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Change = Callable[[Node, dict[str, object]], None]

_REAL_TYPES = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})


class StoredNetwork(torch.nn.Module):
    """Runs the operators of a graph one after the other.

    In train mode, batch normalization uses and updates the statistics of the batch, as the recorded network
    did; dropout stays off, so that two networks can be compared. Moved to float64, all of it computes in
    float64, also where the recorded network casts to another type.

    Args:
        graph: What `trace` recorded.
        tensors: The values of the state dict, by name; not copied.

    Raises:
        UntraceableModule: The graph holds values or operators that cannot be had here: of large
            constants only the hash is recorded.
    """

    def __init__(self, graph: Graph, tensors: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self._graph = graph
        self._buffer_of: dict[str, str] = {}
        for node in graph.of_kind(Kind.PARAMETER, Kind.BUFFER, Kind.CONSTANT):
            if not graph.users[node.name]:
                continue
            value = tensors.get(node.tensor) if node.is_stored else value_of(node, graph.values)
            if value is None:
                raise UntraceableModule(
                    f"{node.name}: its value is not among the stored tensors, so the graph cannot be run."
                )
            # As buffers, so that `to` and `deepcopy` treat them as a module's own; dots are not allowed.
            self._buffer_of[node.name] = f"value_{len(self._buffer_of)}"
            self.register_buffer(self._buffer_of[node.name], value)
        self._operators = operators_of(graph)

    def forward(self, *inputs: torch.Tensor, **keywords: torch.Tensor) -> object:
        """Compute the graph's output: a tensor, or a tuple of them if the recorded module returned several.

        Args:
            *inputs: As the recorded module takes them.
            **keywords: As the recorded module takes them.

        Raises:
            UntraceableModule: An operator refuses its arguments.
        """
        outputs = [result for node, result in self.steps(inputs, keywords) if node.kind is Kind.OUTPUT][-1]
        assert isinstance(outputs, list)  # noqa: S101  # the output node lists them
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def steps(
        self,
        inputs: Sequence[torch.Tensor],
        keywords: Mapping[str, torch.Tensor],
        *,
        change: Change | None = None,
    ) -> Iterator[tuple[Node, object]]:
        """Compute the graph's calls one after the other.

        Args:
            inputs: The positional inputs.
            keywords: The others.
            change: Is shown the arguments of each call just before it, and may change them.

        Yields:
            Each call with its result, and the output with a list of its tensors.

        Raises:
            UntraceableModule: An operator refuses its arguments.
            InputError: The inputs are not those that the network takes.
        """
        values = {name: getattr(self, buffer) for name, buffer in self._buffer_of.items()}
        given = self._named(tuple(inputs), keywords)
        tensors = [*values.values(), *given.values()]
        is_wide = any(each.dtype is torch.float64 for each in tensors)

        def adjust(node: Node, arguments: dict[str, object]) -> None:
            if self.training and "running_mean" in arguments and "training" in arguments:
                arguments["training"] = True
            if arguments.get("device") is not None and tensors:
                arguments["device"] = tensors[0].device
            if is_wide:
                _widen(node, arguments)
            if change is not None:
                change(node, arguments)

        return run(
            self._graph,
            values | given,
            operators=self._operators,
            batch=self._batch_of(given),
            adjust=adjust,
        )

    def _named(
        self, inputs: tuple[torch.Tensor, ...], keywords: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        positional = [spec.name for spec in self._graph.inputs if not spec.is_keyword]
        if len(positional) != len(inputs) or set(keywords) != set(self._graph.keywords):
            raise InputError(
                f"The network takes {len(positional)} positional inputs and the keywords "
                f"{sorted(self._graph.keywords)}, got {len(inputs)} and {sorted(keywords)}.",
                hint="Give the inputs as they were given when it was traced.",
            )
        return dict(zip(positional, inputs, strict=True)) | dict(keywords)

    def _batch_of(self, given: Mapping[str, torch.Tensor]) -> int:
        """The size of the batch, told by the first axis of an input that follows it."""
        batch = self._graph.batch
        if batch is None:
            return 0
        for name, tensor in given.items():
            for recorded, size in zip(self._graph[name].shape or (), tensor.shape, strict=False):
                if recorded and recorded % batch.stand_in == 0:
                    return size * batch.stand_in // recorded
        return batch.example


def _widen(node: Node, arguments: dict[str, object]) -> None:
    """Let a call that names a real type, or makes numbers of torch's default type, give float64."""
    for name, value in arguments.items():
        if isinstance(value, torch.dtype) and value in _REAL_TYPES:
            arguments[name] = torch.float64
    makes_numbers = not list(node.refs()) and getattr(torch, node.dtype or "bool", None) in _REAL_TYPES
    if makes_numbers and arguments.get("dtype", 0) is None:
        arguments["dtype"] = torch.float64
