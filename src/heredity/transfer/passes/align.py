"""Which operator of the child stands where which operator of the parent stands: a proposal.

Where both networks run the same operators in the same order, they are zipped. Else both are cut into tokens
(pieces through which everything flows as one tensor), and the tokens are aligned by dynamic programming
(Needleman and Wunsch, 1970) over what they do, widths aside. A wrong alignment costs exactness, never truth:
the proof checks that each operator reads what its partner reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from heredity.graph import Graph, Kind, Node, Ref, Token, cut_into_tokens, origin, signature
from heredity.graph.tokens import dynamic_nodes, passes_through
from heredity.transfer.passes.assign import assign_by_operands
from heredity.transfer.passes.zeroing import zeroing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Scores, in tenths of an operator; whole numbers, so that ties are ties. They matter relative to one another
# only: a pair is worth most if it has the same spatial shape, which keeps stages apart; adding a block that
# can be zero is nearly free; losing anything is dear.
_SAME, _SAME_SHAPE, _SAME_PLACES, _SIMILAR = 10, 2, 3, 5
_SKIPPED, _UNMATCHED, _SHORT = -1, -30, 15
# The share of the shorter one's operators that two tokens have to have in common to be paired.
_SHARED = 0.6
_NEVER = -(10**9)

_CAT = "aten.cat.default"
_IDEMPOTENT = frozenset({"aten.relu.default"})


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
        yield _completed(parent, child, _align_tokens(_Tokens.of(parent), _Tokens.of(child)))
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


def _align_tokens(parent: _Tokens, child: _Tokens) -> Alignment:
    """Find the best pairs of tokens, and what is to become of those of the child that are left over."""
    losses = [
        _SKIPPED if _can_be_skipped(child.graph, token) else _UNMATCHED * len(token.nodes)
        for token in child.tokens
    ]
    their_losses = [_UNMATCHED * len(token.nodes) for token in parent.tokens]
    scores = _scores(parent, child)
    # best[i][j]: the best score of the first i tokens of the parent and the first j of the child.
    best = [[0] * (len(child.tokens) + 1) for _ in range(len(parent.tokens) + 1)]
    for j, loss in enumerate(losses):
        best[0][j + 1] = best[0][j] + loss
    for i, their_loss in enumerate(their_losses):
        best[i + 1][0] = best[i][0] + their_loss
        for j, loss in enumerate(losses):
            best[i + 1][j + 1] = max(
                best[i + 1][j] + loss,
                best[i][j + 1] + their_loss,
                best[i][j] + scores[i][j],
            )
    path = list(_trace_back(best, losses, their_losses, scores))
    pairs = {ours: theirs for theirs, ours in path if theirs is not None}
    return _proposal(parent, child, pairs)


def _proposal(parent: _Tokens, child: _Tokens, pairs: Mapping[int, int]) -> Alignment:
    partner: dict[str, str] = {}
    zeroed: set[str] = set()
    identities: set[str] = set()
    borrowed: dict[str, str] = {}
    for ours, token in enumerate(child.tokens):
        if ours in pairs:
            found = _aligned_inside(parent, pairs[ours], child, ours, partner)
            partner |= found
            identities |= set(token.nodes) - found.keys()
        elif _can_be_skipped(child.graph, token):
            zeroed |= set(_to_be_zeroed(child.graph, token))
            lender = _lender(parent, child, ours, pairs)
            if lender is not None:
                borrowed |= dict(zip(token.nodes, parent.tokens[lender].nodes, strict=True))
        else:
            identities |= set(token.nodes)
    return Alignment(partner, frozenset(zeroed), frozenset(identities), borrowed)


def _lender(parent: _Tokens, child: _Tokens, ours: int, pairs: Mapping[int, int]) -> int | None:
    """The parent's token that the nearest token of the same kind stands for, those before it first."""
    alike = [
        j
        for j, theirs in pairs.items()
        if child.signatures[j] == child.signatures[ours] and parent.targets[theirs] == child.targets[ours]
    ]
    nearest = min(alike, key=lambda j: (abs(j - ours), j > ours), default=None)
    return None if nearest is None else pairs[nearest]


def _aligned_inside(
    parent: _Tokens, theirs: int, child: _Tokens, ours: int, partner: Mapping[str, str]
) -> dict[str, str]:
    """Pair the operators of two tokens: all in order; else by what they read, then by their order."""
    a, b = child.tokens[ours].nodes, parent.tokens[theirs].nodes
    if child.targets[ours] == parent.targets[theirs]:
        return dict(zip(a, b, strict=True))
    found = assign_by_operands(child.graph, a, parent.graph, b, partner)
    left = [name for name in a if name not in found]
    taken = set(found.values())
    right = [name for name in b if name not in taken]
    common = _common(
        tuple(child.graph[name].target for name in left), tuple(parent.graph[name].target for name in right)
    )
    return found | {left[i]: right[j] for i, j in common}


def _common(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[tuple[int, int]]:
    """The places of a longest common subsequence."""
    best = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in reversed(range(len(ours))):
        for j in reversed(range(len(theirs))):
            is_same = ours[i] == theirs[j]
            best[i][j] = best[i + 1][j + 1] + 1 if is_same else max(best[i + 1][j], best[i][j + 1])
    found = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        if ours[i] == theirs[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def _scores(parent: _Tokens, child: _Tokens) -> list[list[int]]:
    """The score of each pair of tokens; alike ones are compared once."""
    known: dict[tuple[object, ...], int] = {}
    found = []
    for i in range(len(parent.tokens)):
        row = []
        for j in range(len(child.tokens)):
            key = parent.signatures[i], child.signatures[j], parent.shapes[i], child.shapes[j]
            if key not in known:
                known[key] = _score(parent, i, child, j)
            row.append(known[key])
        found.append(row)
    return found


def _score(parent: _Tokens, i: int, child: _Tokens, j: int) -> int:
    length = len(child.targets[j])
    if parent.targets[i] != child.targets[j]:
        return _score_of_similar(parent.targets[i], child.targets[j])
    if parent.signatures[i] != child.signatures[j]:
        return _SIMILAR * length
    same_shape = parent.shapes[i] == child.shapes[j]
    same_places = parent.shapes[i][2:] == child.shapes[j][2:]
    return length * (_SAME + _SAME_SHAPE * same_shape + _SAME_PLACES * same_places)


def _score_of_similar(theirs: tuple[str, ...], ours: tuple[str, ...]) -> int:
    """Tokens that end alike and share most of their operators are paired where nothing better is there."""
    if max(len(ours), len(theirs)) == 1 or ours[-1] != theirs[-1]:
        return _NEVER
    shared = len(_common(ours, theirs))
    unmatched = len(ours) + len(theirs) - 2 * shared
    is_enough = shared >= _SHARED * min(len(ours), len(theirs))
    return _SIMILAR * shared - _SHORT * unmatched if is_enough else _NEVER


def _trace_back(
    best: list[list[int]], losses: list[int], their_losses: list[int], scores: list[list[int]]
) -> Iterator[tuple[int | None, int]]:
    """Walk the best path from its end. At ties, of either side the late tokens are left over.

    So a shallower child keeps the first blocks. Of trained residual networks and transformers they have the
    largest branches; the last ones kept no accuracy to speak of (benchmarks/transfer_shrinking.py).
    """
    i, j = len(scores), len(losses)
    while j > 0:
        if best[i][j] == best[i][j - 1] + losses[j - 1]:
            j -= 1
            yield None, j
        elif i > 0 and best[i][j] == best[i - 1][j] + their_losses[i - 1]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            yield i, j


def _can_be_skipped(graph: Graph, token: Token) -> bool:
    """Whether a token can be made to change nothing: ``x + f(x)``, or a lone ReLU, behind another one."""
    last = graph[token.nodes[-1]]
    if len(token.nodes) == 1:
        return last.target in _IDEMPOTENT
    is_join = last.target in {"aten.add.Tensor", _CAT}
    return is_join and token.entry in {origin(graph, name) for name in last.refs()}


def _to_be_zeroed(graph: Graph, token: Token) -> list[str]:
    """The last operator of a residual branch that has tensors of its own."""
    if graph[token.nodes[-1]].target == _CAT:  # what is joined is ignored by its readers: it may be anything
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
