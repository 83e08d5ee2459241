"""Which operator of the child stands where which operator of the parent stands: a proposal.

Where both networks run the same operators in the same order, they are zipped. Else both are cut into tokens
(pieces through which everything flows as one tensor), which are paired by what they do, widths aside. A wrong
alignment costs exactness, never truth: the proof checks that each operator reads what its partner reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from heredity.graph import Graph, Kind, Node, Ref, Token, origin
from heredity.graph.tokens import dynamic_nodes, passes_through
from heredity.transfer.passes.assign import assign_by_operands
from heredity.transfer.passes.pair_tokens import CAT, Tokens, can_be_skipped, common, paired_tokens
from heredity.transfer.passes.zeroing import zeroing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Alignment:
    """The proposal.

    Attributes:
        partner: The parent's node for a node of the child.
        zeroed: The child's operators without partner whose result is to be zero, so that their branch adds
            nothing.
        identities: The child's operators without partner that are to hand on what they read.
        borrowed: For other operators without partner, the parent's node whose tensors they take over: that
            of a branch like theirs.
    """

    partner: Mapping[str, str]
    zeroed: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()
    borrowed: Mapping[str, str] = field(default_factory=dict)


def alignments(parent: Graph, child: Graph) -> Iterator[Alignment]:
    """Propose partners in the parent for the nodes of the child; the first proposal is mostly the best.

    The second one pairs operators by what they read, over the whole of both networks. It is better where
    long connections leave nothing to cut, as sums of all layers do.
    """
    ours, theirs = _working_calls(child), _working_calls(parent)
    if [node.target for node in ours] == [node.target for node in theirs]:
        zipped = Alignment({a.name: b.name for a, b in zip(ours, theirs, strict=True)})
        yield _completed(parent, child, zipped)
    else:
        yield _completed(parent, child, _aligned_tokens(Tokens.of(parent), Tokens.of(child)))
    yield _completed(parent, child, _assigned(parent, child))


def align(parent: Graph, child: Graph) -> Alignment:
    """The first of the `alignments`."""
    return next(alignments(parent, child))


def _completed(parent: Graph, child: Graph, proposal: Alignment) -> Alignment:
    """Pair inputs, tensors and constants too."""
    partner = {**_pair_inputs(parent, child), **proposal.partner}
    _pair_operands(parent, child, partner)
    borrowed = {name: other for name, other in proposal.borrowed.items() if name not in partner}
    _pair_operands(parent, child, borrowed)
    return replace(proposal, partner=partner, borrowed=borrowed)


def _assigned(parent: Graph, child: Graph) -> Alignment:
    ours, theirs = dynamic_nodes(child), dynamic_nodes(parent)
    partner = assign_by_operands(child, ours, parent, theirs, _pair_inputs(parent, child))
    return Alignment(partner, identities=frozenset(ours) - partner.keys())


def _pair_inputs(parent: Graph, child: Graph) -> dict[str, str]:
    """Pair positional inputs by position, keyword inputs by name."""
    positional = [[spec.name for spec in graph.inputs if not spec.is_keyword] for graph in (child, parent)]
    pairs = dict(zip(*positional, strict=False))
    return pairs | {name: name for name in child.keywords if name in parent.keywords}


def _working_calls(graph: Graph) -> list[Node]:
    return [node for node in graph.calls if passes_through(graph, node.name) is None]


def _aligned_tokens(parent: Tokens, child: Tokens) -> Alignment:
    """Pair tokens, and say what is to become of those of the child that are left over."""
    pairs = paired_tokens(parent, child)
    partner: dict[str, str] = {}
    zeroed: set[str] = set()
    identities: set[str] = set()
    borrowed: dict[str, str] = {}
    for ours, token in enumerate(child.tokens):
        if ours in pairs:
            found = _aligned_inside(parent, pairs[ours], child, ours, partner)
            partner |= found
            identities |= set(token.nodes) - found.keys()
        elif can_be_skipped(child.graph, token):
            zeroed |= set(_to_be_zeroed(child.graph, token))
            lender = _lender(parent, child, ours, pairs)
            if lender is not None:
                borrowed |= dict(zip(token.nodes, parent.tokens[lender].nodes, strict=True))
        else:
            identities |= set(token.nodes)
    return Alignment(partner, frozenset(zeroed), frozenset(identities), borrowed)


def _lender(parent: Tokens, child: Tokens, ours: int, pairs: Mapping[int, int]) -> int | None:
    """The parent's token that the nearest token of the same kind stands for, those before it first."""
    alike = [
        j
        for j, theirs in pairs.items()
        if child.signatures[j] == child.signatures[ours] and parent.targets[theirs] == child.targets[ours]
    ]
    nearest = min(alike, key=lambda j: (abs(j - ours), j > ours), default=None)
    return None if nearest is None else pairs[nearest]


def _aligned_inside(
    parent: Tokens, theirs: int, child: Tokens, ours: int, partner: Mapping[str, str]
) -> dict[str, str]:
    """Pair the operators of two tokens: all in order; else by what they read, then by their order."""
    a, b = child.tokens[ours].nodes, parent.tokens[theirs].nodes
    if child.targets[ours] == parent.targets[theirs]:
        return dict(zip(a, b, strict=True))
    found = assign_by_operands(child.graph, a, parent.graph, b, partner)
    left = [name for name in a if name not in found]
    taken = set(found.values())
    right = [name for name in b if name not in taken]
    shared = common(
        tuple(child.graph[name].target for name in left), tuple(parent.graph[name].target for name in right)
    )
    return found | {left[i]: right[j] for i, j in shared}


def _to_be_zeroed(graph: Graph, token: Token) -> list[str]:
    """The last operator of a residual branch that has tensors of its own."""
    if graph[token.nodes[-1]].target == CAT:  # what is joined is ignored by its readers: it may be anything
        return []
    able = [name for name in token.nodes if zeroing(graph, graph[name])]
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
