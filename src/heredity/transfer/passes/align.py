"""Which operator of the child stands where which operator of the parent stands: a proposal.

Where both networks run the same operators in the same order, they are zipped. Else both are cut into tokens
(pieces through which everything flows as one tensor), and the tokens are aligned by dynamic programming
(Needleman and Wunsch, 1970) over what they do, widths aside. A wrong alignment costs exactness, never truth:
the proof checks that each operator reads what its partner reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.graph import Graph, Kind, Node, Ref, Token, cut_into_tokens, origin, signature
from heredity.graph.tokens import dynamic_nodes, passes_through
from heredity.transfer.operators.registry import rule_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Scores, in tenths of an operator; whole numbers, so that ties are ties. They matter relative to one another
# only: a pair is worth most if it has the same spatial shape, which keeps stages apart; adding a block that
# can be zero is nearly free; losing anything is dear.
_SAME, _SAME_SHAPE, _SAME_PLACES, _SIMILAR = 10, 2, 3, 5
_SKIPPED, _UNMATCHED = -1, -30
_NEVER = -(10**9)

_IDEMPOTENT = frozenset({"aten.relu.default"})


@dataclass(frozen=True, slots=True)
class Alignment:
    """The proposal.

    Attributes:
        partner: The parent's node for a node of the child.
        zeroed: The child's operators without partner whose result is to be zero, so that their branch adds
            nothing.
    """

    partner: Mapping[str, str]
    zeroed: frozenset[str] = frozenset()


def align(parent: Graph, child: Graph) -> Alignment:
    """Propose a partner in the parent for as many nodes of the child as possible."""
    partner = _pair_inputs(parent, child)
    ours, theirs = _working_calls(child), _working_calls(parent)
    zeroed: frozenset[str] = frozenset()
    if [node.target for node in ours] == [node.target for node in theirs]:
        partner |= {a.name: b.name for a, b in zip(ours, theirs, strict=True)}
    else:
        pairs, inserted = _align_tokens(_Tokens.of(parent), _Tokens.of(child))
        partner |= pairs
        zeroed = frozenset(name for token in inserted for name in _to_be_zeroed(child, token))
    _pair_operands(parent, child, partner)
    return Alignment(partner, zeroed)


def _pair_inputs(parent: Graph, child: Graph) -> dict[str, str]:
    """Pair positional inputs by position, keyword inputs by name."""
    positional = [[spec.name for spec in graph.inputs if not spec.is_keyword] for graph in (child, parent)]
    pairs = dict(zip(*positional, strict=False))
    return pairs | {name: name for name in child.keywords if name in parent.keywords}


def _working_calls(graph: Graph) -> list[Node]:
    return [node for node in graph.calls if passes_through(graph, node.name) is None]


@dataclass(frozen=True)
class _Tokens:
    """A graph's tokens, with what the comparison looks at."""

    graph: Graph
    tokens: tuple[Token, ...]
    signatures: tuple[tuple[str, ...], ...]
    targets: tuple[tuple[str, ...], ...]
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, graph: Graph) -> _Tokens:
        tokens = cut_into_tokens(graph)
        return cls(
            graph,
            tokens,
            signatures=tuple(tuple(signature(graph, graph[name]) for name in each.nodes) for each in tokens),
            targets=tuple(tuple(graph[name].target for name in each.nodes) for each in tokens),
            shapes=tuple(graph[each.nodes[-1]].shape or () for each in tokens),
        )


def _align_tokens(parent: _Tokens, child: _Tokens) -> tuple[dict[str, str], list[Token]]:
    """Find the best pairs of tokens, and which of the child's are left over."""
    losses = [
        _SKIPPED if _can_be_skipped(child.graph, token) else _UNMATCHED * len(token.nodes)
        for token in child.tokens
    ]
    # best[i][j]: the best score of the first i tokens of the parent and the first j of the child.
    best = [[0] * (len(child.tokens) + 1) for _ in range(len(parent.tokens) + 1)]
    for j, loss in enumerate(losses):
        best[0][j + 1] = best[0][j] + loss
    for i, token in enumerate(parent.tokens):
        best[i + 1][0] = best[i][0] + _UNMATCHED * len(token.nodes)
        for j, loss in enumerate(losses):
            best[i + 1][j + 1] = max(
                best[i + 1][j] + loss,
                best[i][j + 1] + _UNMATCHED * len(token.nodes),
                best[i][j] + _score(parent, i, child, j),
            )
    pairs: dict[str, str] = {}
    inserted: list[Token] = []
    for theirs, ours in _trace_back(best, losses, parent, child):
        if theirs is None:
            inserted.append(child.tokens[ours])
        else:
            pairs |= dict(zip(child.tokens[ours].nodes, parent.tokens[theirs].nodes, strict=True))
    return pairs, inserted


def _score(parent: _Tokens, i: int, child: _Tokens, j: int) -> int:
    length = len(child.targets[j])
    if parent.targets[i] != child.targets[j]:
        return _NEVER
    if parent.signatures[i] != child.signatures[j]:
        return _SIMILAR * length
    same_shape = parent.shapes[i] == child.shapes[j]
    same_places = parent.shapes[i][2:] == child.shapes[j][2:]
    return length * (_SAME + _SAME_SHAPE * same_shape + _SAME_PLACES * same_places)


def _trace_back(
    best: list[list[int]], losses: list[int], parent: _Tokens, child: _Tokens
) -> Iterator[tuple[int | None, int]]:
    """Walk the best path from its end. At ties the child's token is left over: blocks are added late."""
    i, j = len(parent.tokens), len(child.tokens)
    while j > 0:
        if best[i][j] == best[i][j - 1] + losses[j - 1]:
            j -= 1
            yield None, j
        elif i > 0 and best[i][j] == best[i - 1][j - 1] + _score(parent, i - 1, child, j - 1):
            i, j = i - 1, j - 1
            yield i, j
        else:
            i -= 1


def _can_be_skipped(graph: Graph, token: Token) -> bool:
    """Whether a token can be made to change nothing: ``x + f(x)``, or a lone ReLU, behind another one."""
    last = graph[token.nodes[-1]]
    if len(token.nodes) == 1:
        return last.target in _IDEMPOTENT
    return last.target == "aten.add.Tensor" and token.entry in {origin(graph, name) for name in last.refs()}


def _to_be_zeroed(graph: Graph, token: Token) -> list[str]:
    """The last operator of a residual branch that has tensors of its own."""
    if not _can_be_skipped(graph, token):
        return []
    able = [name for name in token.nodes if (rule := rule_of(graph[name].target)) and rule.zeroed_by]
    return able[-1:]


def _pair_operands(parent: Graph, child: Graph, partner: dict[str, str]) -> None:
    """Pair what aligned operators read: tensors, constants, and what is computed of these alone."""
    waiting = [(child[ours], parent[theirs]) for ours, theirs in partner.items()]
    moving = set(dynamic_nodes(child))
    while waiting:
        node, other = waiting.pop()
        for ours, theirs in _operand_pairs(node, other):
            a, b = child[origin(child, ours)], parent[origin(parent, theirs)]
            is_alike = a.kind is b.kind and a.target == b.target and a.name not in moving
            if a.name not in partner and is_alike and a.kind is not Kind.INPUT:
                partner[a.name] = b.name
                waiting.append((a, b))


def _operand_pairs(node: Node, other: Node) -> Iterator[tuple[str, str]]:
    for name, value in node.arguments.items():
        theirs = other.arguments.get(name)
        parts = value if isinstance(value, tuple) else (value,)
        their_parts = theirs if isinstance(theirs, tuple) else (theirs,)
        for a, b in zip(parts, their_parts, strict=False):
            if isinstance(a, Ref) and isinstance(b, Ref):
                yield a.name, b.name
