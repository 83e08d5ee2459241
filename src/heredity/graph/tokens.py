"""A network cut where everything flows through one tensor, into pieces to compare, add or leave out."""

from __future__ import annotations

from dataclasses import dataclass

from heredity.graph.module_graph import Graph, Kind, Ref

# Operators that return their first operand as it is: these when they are switched off, the others always.
_DROPOUTS = frozenset({"aten.dropout.default", "aten.feature_dropout.default", "aten.alpha_dropout.default"})
_COPIES = frozenset(
    {"aten.clone.default", "aten.contiguous.default", "aten.alias.default", "aten.detach.default"}
)


@dataclass(frozen=True, slots=True)
class Token:
    """Consecutive calls between two cuts.

    Attributes:
        nodes: The names of the calls, in order; the last one's value is all that later tokens see.
        entry: The value that comes in: the last node of the token before; empty for the first token.
    """

    nodes: tuple[str, ...]
    entry: str


def passes_through(graph: Graph, name: str) -> str | None:
    """The operand that a call returns unchanged (dropout that is switched off, a copy), or None."""
    node = graph[name]
    is_identity = node.target in _COPIES or (
        node.target in _DROPOUTS and node.arguments.get("train") is False
    )
    if node.kind is not Kind.CALL or not is_identity:
        return None
    operand = next(iter(node.arguments.values()))
    return operand.name if isinstance(operand, Ref) else None


def origin(graph: Graph, name: str) -> str:
    """Walk back through calls that change nothing, to the node where the value comes about."""
    before = passes_through(graph, name)
    while before is not None:
        name = before
        before = passes_through(graph, name)
    return name


def dynamic_nodes(graph: Graph) -> tuple[str, ...]:
    """The calls that depend on both an input and a parameter, and do something.

    Masks, positions and other tables depend on one of them only. Without the distinction they would connect
    distant parts of the network and leave nothing to cut.
    """
    on_input: set[str] = {node.name for node in graph.of_kind(Kind.INPUT)}
    on_tensor: set[str] = {node.name for node in graph.of_kind(Kind.PARAMETER, Kind.BUFFER)}
    for node in graph.calls:
        for marked in (on_input, on_tensor):
            if any(name in marked for name in node.refs()):
                marked.add(node.name)
    return tuple(
        node.name
        for node in graph.calls
        if node.name in on_input and node.name in on_tensor and passes_through(graph, node.name) is None
    )


def cut_into_tokens(graph: Graph, *, kept: str = "") -> tuple[Token, ...]:
    """Cut after each call behind which no earlier value is read. A residual branch is one token.

    Args:
        graph: The network.
        kept: A value that may be read anywhere, such as what an encoder makes for all layers of a decoder.
    """
    names = dynamic_nodes(graph)
    position = {name: i for i, name in enumerate(names)}
    last_read = list(range(len(names)))
    for i, name in enumerate(names):
        for operand in graph[name].refs():
            read = position.get(origin(graph, operand))
            if read is not None and names[read] != kept:
                last_read[read] = i
    tokens: list[Token] = []
    start = reach = 0
    for i in range(len(names)):
        if reach <= i:
            tokens.append(Token(names[start : i + 1], names[start - 1] if start else ""))
            start = i + 1
        reach = max(reach, last_read[i])
    return tuple(tokens)
