"""A network as plain data: which operators run, on what, with which tensors of the state dict."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from heredity.encoding import encode
from heredity.errors import InputError
from heredity.ids import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heredity.encoding import Json


@dataclass(frozen=True, slots=True)
class Ref:
    """An operand: the value of the node of this name."""

    name: str


Argument = None | bool | int | float | str | Ref | tuple["Argument", ...]
"""What an operator is called with: plain values, and references to the values of earlier nodes."""


class Kind(StrEnum):
    """What a node stands for."""

    INPUT = "input"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    CONSTANT = "constant"
    CALL = "call"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the network, and how it comes about.

    Attributes:
        name: Unique in its graph.
        kind: An input, a tensor of the module, the result of a call, or the output.
        target: The operator of a call, such as ``aten.conv2d.default``.
        arguments: What it is called with, by the names of the operator's schema, defaults filled in.
        shape: The value's shape; None if the value is not one tensor.
        dtype: The value's element type, such as ``float32``; empty if there is no shape.
        tensor: A parameter's or buffer's name in the state dict; empty if the state dict does not hold it.
        value_digest: Hash of the value, for constants and for buffers outside of the state dict.
        is_random: The call draws random numbers, so that two equal calls differ.
    """

    name: str
    kind: Kind
    target: str = ""
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    tensor: str = ""
    value_digest: str = ""
    is_random: bool = False

    @property
    def is_stored(self) -> bool:
        """Whether the value is a tensor of the state dict, which a transfer can set."""
        return bool(self.tensor)

    def refs(self) -> Iterator[str]:
        """The names of all nodes that this one reads, in order, with repetitions."""
        for value in self.arguments.values():
            yield from refs_in(value)


def refs_in(value: Argument) -> Iterator[str]:
    """The names of all nodes that an argument mentions."""
    if isinstance(value, Ref):
        yield value.name
    elif isinstance(value, tuple):
        for part in value:
            yield from refs_in(part)


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What the network takes at one place."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    is_keyword: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Which sizes in a graph follow the batch's.

    Attributes:
        stand_in: A prime that stands for the batch's size: each size that it divides grows with the batch.
        example: The size of the batch that the network was traced with.
    """

    stand_in: int
    example: int

    def size(self, recorded: int, *, batch: int) -> int:
        """What a recorded size is for a batch of another size."""
        return recorded if recorded % self.stand_in else recorded // self.stand_in * batch


@dataclass(frozen=True)
class Graph:
    """A network: nodes in an order in which they can be computed, the output last.

    Attributes:
        nodes: All nodes.
        tied: Other names in the state dict of a tensor that a node stands for: alias -> name at the node.
        keywords: The inputs that are passed by keyword.
        is_alike_in_training: In train mode the same operators run, with every batch normalization switched to
            the statistics of the batch; only then can a proof over this graph speak about train mode.
        dropout_rates: The rates of all dropouts in train mode, those of attention among them; of branches
            that are dropped whole the largest rate.
        values: The values of small constants outside of the state dict: digest -> bytes in base64, in the
            order of little-endian machines.
        batch: Which sizes follow the batch's; None if all are as they were given.

    Raises:
        InputError: The nodes do not make a graph; the message names the first that does not fit.
    """

    nodes: tuple[Node, ...]
    tied: Mapping[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    is_alike_in_training: bool = False
    dropout_rates: tuple[float, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    batch: Batch | None = None

    def __post_init__(self) -> None:
        _check_order(self.nodes)
        tensors = [node.tensor for node in self.nodes if node.tensor]
        if len(set(tensors)) != len(tensors):
            raise InputError("Graph: two nodes stand for one tensor of the state dict.")
        unknown = set(self.tied.values()) - set(tensors)
        if unknown:
            raise InputError(f"Graph: no node stands for the tied tensor {min(unknown)!r}.")

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def of_kind(self, *kinds: Kind) -> tuple[Node, ...]:
        """The nodes of these kinds, in order."""
        return tuple(node for node in self.nodes if node.kind in kinds)

    @property
    def calls(self) -> tuple[Node, ...]:
        """The operators, in order."""
        return self.of_kind(Kind.CALL)

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """What the network takes, in order; enough to make example inputs for a relative."""
        return tuple(
            InputSpec(node.name, self._example_shape(node), node.dtype, node.name in self.keywords)
            for node in self.of_kind(Kind.INPUT)
        )

    def _example_shape(self, node: Node) -> tuple[int, ...]:
        shape, batch = node.shape or (), self.batch
        return shape if batch is None else tuple(batch.size(each, batch=batch.example) for each in shape)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the nodes whose values the network returns."""
        return tuple(self.nodes[-1].refs())

    @cached_property
    def tensors(self) -> dict[str, Node]:
        """The nodes that stand for tensors of the state dict, by the tensors' names."""
        return {node.tensor: node for node in self.nodes if node.is_stored}

    @cached_property
    def users(self) -> dict[str, tuple[str, ...]]:
        """For each node, the nodes that read it, in order."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.refs()):
                found[name].append(node.name)
        return {name: tuple(users) for name, users in found.items()}

    def to_json(self) -> Json:
        """The graph as JSON; `heredity.graph.graph_json.graph_from_json` reads it back."""
        fields: dict[str, Json] = {
            "format": 1,
            "nodes": [_node_to_json(node) for node in self.nodes],
            "tied": dict(self.tied),
            "keywords": list(self.keywords),
            "is_alike_in_training": self.is_alike_in_training,
        }
        # Left out where there is none, so that a graph without them has the digest that it always had.
        if self.dropout_rates:
            fields["dropout_rates"] = list(self.dropout_rates)
        if self.values:
            fields["values"] = dict(self.values)
        if self.batch is not None:
            fields["batch"] = {"stand_in": self.batch.stand_in, "example": self.batch.example}
        return fields

    def digest(self) -> Digest:
        """Hash of the graph as it stands, names included. Relatives share `graph.fingerprint` instead."""
        return Digest("sha256:" + hashlib.sha256(encode(self.to_json())).hexdigest())


def _check_order(nodes: tuple[Node, ...]) -> None:
    if not nodes or nodes[-1].kind is not Kind.OUTPUT:
        raise InputError("Graph: the last node has to be the output.")
    known: set[str] = set()
    for node in nodes:
        if node.name in known:
            raise InputError(f"Graph: two nodes are named {node.name!r}.")
        if node.kind is Kind.OUTPUT and node is not nodes[-1]:
            raise InputError(f"Graph: {node.name!r} is a second output node.")
        missing = [name for name in node.refs() if name not in known]
        if missing:
            raise InputError(f"Graph: {node.name!r} reads {missing[0]!r}, which does not come before it.")
        known.add(node.name)


def _node_to_json(node: Node) -> Json:
    fields: dict[str, Json] = {"name": node.name, "kind": node.kind.value}
    if node.target:
        fields["target"] = node.target
    if node.arguments:
        fields["arguments"] = {name: argument_to_json(value) for name, value in node.arguments.items()}
    if node.shape is not None:
        fields["shape"] = list(node.shape)
        fields["dtype"] = node.dtype
    for name in ("tensor", "value_digest", "is_random"):
        if getattr(node, name):
            fields[name] = getattr(node, name)
    return fields


def argument_to_json(value: Argument) -> Json:
    """An argument as JSON: references and infinite numbers, which JSON lacks, become small objects."""
    if isinstance(value, Ref):
        return {"node": value.name}
    if isinstance(value, tuple):
        return [argument_to_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return value
