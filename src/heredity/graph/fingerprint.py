"""Names for networks by what they compute, whatever their modules are called.

A Merkle tree (R. Merkle, "A digital signature based on a conventional encryption function", 1987): a node's
name is the hash of its operator and of its operands' names.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from heredity.encoding import encode
from heredity.graph.module_graph import Argument, Graph, Kind, Node, Ref, argument_to_json
from heredity.ids import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from heredity.encoding import Json

# Arguments that follow from the widths of a network, by operator; "widths aside" leaves them out.
_WIDTH_ARGUMENTS: dict[str, frozenset[str]] = {
    "aten.view": frozenset({"size"}),
    "aten.reshape": frozenset({"shape"}),
    "aten.expand": frozenset({"size"}),
    "aten.layer_norm": frozenset({"normalized_shape"}),
    "aten.split": frozenset({"split_size"}),
    "aten.split_with_sizes": frozenset({"split_sizes"}),
}

# Arguments that hold the lengths of a whole value, rows and all.
_LENGTHS = {"aten.view": "size", "aten.reshape": "shape", "aten.expand": "size"}


def fingerprint(graph: Graph, *, with_widths: bool = True) -> Digest:
    """Name a network by its operators and how they are connected.

    Args:
        graph: The network.
        with_widths: Whether the sizes of its tensors count, or only what is done with them.
    """
    return Digest("sha256:" + node_fingerprints(graph, with_widths=with_widths)[graph.nodes[-1].name])


def node_fingerprints(graph: Graph, *, with_widths: bool = True) -> dict[str, str]:
    """Name each node by all that it is computed from; equal names mark what two networks share."""
    found: dict[str, str] = {}
    position = {node.name: i for i, node in enumerate(graph.of_kind(Kind.INPUT))}
    shared = _shared_tensors(graph)
    for node in graph.nodes:
        if node.kind in {Kind.CALL, Kind.OUTPUT}:
            content: Json = [node.target, _arguments(graph, node, found.__getitem__, with_widths=with_widths)]
        else:
            shape = list(node.shape or ()) if with_widths else len(node.shape or ())
            identity = position.get(node.name, shared.get(node.name, -1))
            content = [node.kind.value, shape, node.dtype, identity, node.value_digest]
        found[node.name] = hashlib.sha256(encode(content)).hexdigest()
    return found


def outline_and_layers(graph: Graph) -> tuple[str, tuple[str, ...]]:
    """Short names by which relatives of a network are found: 64 bits each, 16 hexadecimal digits.

    What the network was traced on does not count: neither its inputs' lengths, nor the lengths in views and
    expansions, where numbers of rows hide, but for the last one (the width of an attention head, say).

    Returns:
        The name of the whole graph, widths aside; and those of the calls that read a parameter, in order.
        Each of these names all that the call is computed from, widths and all.
    """
    outline = fingerprint(graph, with_widths=False).partition(":")[2]
    parameters = {node.name for node in graph.of_kind(Kind.PARAMETER)}
    names = node_fingerprints(replace(graph, nodes=tuple(map(_without_rows, graph.nodes))))
    layers = [names[node.name][:16] for node in graph.calls if not parameters.isdisjoint(node.refs())]
    return outline[:16], tuple(layers)


def _without_rows(node: Node) -> Node:
    if node.kind is Kind.INPUT and node.shape:
        return replace(node, shape=(-1,) * len(node.shape))
    name = _LENGTHS.get(node.target.rpartition(".")[0], "")
    lengths = node.arguments.get(name)
    if not isinstance(lengths, tuple) or not lengths:
        return node
    return replace(node, arguments={**node.arguments, name: (*[-1] * (len(lengths) - 1), lengths[-1])})


def signature(graph: Graph, node: Node) -> str:
    """What one call does, widths and operands aside: its operator, its settings, its kernel's size."""
    return encode([node.target, _arguments(graph, node, lambda _: "", with_widths=False)]).decode()


def _shared_tensors(graph: Graph) -> dict[str, int]:
    """Number the tensors that are read more than once: one tied tensor is not the same as two equal ones."""
    reads = Counter(name for node in graph.nodes for name in node.refs())
    tensors = {node.name for node in graph.of_kind(Kind.PARAMETER, Kind.BUFFER)}
    # A counter keeps the order in which it first met its keys, so that the numbers follow the use.
    repeated = [name for name, count in reads.items() if name in tensors and count > 1]
    return {name: number for number, name in enumerate(repeated)}


def _arguments(graph: Graph, node: Node, name_of: Callable[[str], str], *, with_widths: bool) -> Json:
    if with_widths:
        return {name: _with_names(value, name_of) for name, value in node.arguments.items()}
    left_out = _WIDTH_ARGUMENTS.get(node.target.rpartition(".")[0], frozenset())
    kept = {
        name: _with_names(value, name_of) for name, value in node.arguments.items() if name not in left_out
    }
    weight = node.arguments.get("weight")
    if "groups" in kept and isinstance(weight, Ref):
        shape = graph[weight.name].shape or ()
        kept["groups"] = _grouping(node.arguments["groups"], shape)
        kept["kernel"] = list(shape[2:])
    return kept


def _grouping(groups: Argument, shape: tuple[int, ...]) -> str:
    if groups == 1:
        return "dense"
    return "depthwise" if shape[1:2] == (1,) else "grouped"


def _with_names(value: Argument, name_of: Callable[[str], str]) -> Json:
    if isinstance(value, Ref):
        return {"node": name_of(value.name)}
    if isinstance(value, tuple):
        return [_with_names(part, name_of) for part in value]
    return argument_to_json(value)
