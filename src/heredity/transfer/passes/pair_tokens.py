"""Which piece of the child stands for which piece of the parent: an alignment of two sequences of tokens.

By dynamic programming (Needleman and Wunsch, 1970) over what the tokens do, widths aside.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.graph import Graph, Token, cut_into_tokens, origin, signature

if TYPE_CHECKING:
    from collections.abc import Iterator

# Scores, in tenths of an operator; whole numbers, so that ties are ties. They matter relative to one another
# only: a pair is worth most if it has the same spatial shape, which keeps stages apart; adding a block that
# can be zero is nearly free; losing anything is dear.
_SAME, _SAME_SHAPE, _SAME_PLACES, _SIMILAR = 10, 2, 3, 5
_SKIPPED, _UNMATCHED, _SHORT = -1, -30, 15
# The share of the shorter one's operators that two tokens have to have in common to be paired.
_SHARED = 0.6
_NEVER = -(10**9)

# From how many operators on a piece may be more than one layer.
_LONG = 16

CAT = "aten.cat.default"
_IDEMPOTENT = frozenset({"aten.relu.default"})


@dataclass(frozen=True)
class Tokens:
    """A graph's tokens, with what the comparison looks at."""

    graph: Graph
    tokens: tuple[Token, ...]
    signatures: tuple[tuple[str, ...], ...]
    targets: tuple[tuple[str, ...], ...]
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, graph: Graph) -> Tokens:
        """Cut a graph."""
        tokens = _cut(graph)
        return cls(
            graph,
            tokens,
            signatures=tuple(tuple(signature(graph, graph[name]) for name in each.nodes) for each in tokens),
            targets=tuple(tuple(graph[name].target for name in each.nodes) for each in tokens),
            shapes=tuple(graph[each.nodes[-1]].shape or () for each in tokens),
        )


def _cut(graph: Graph) -> tuple[Token, ...]:
    """The tokens of a graph, with one value left aside that all layers read, if that shows more branches.

    It is what an encoder makes for a decoder: as long as it is needed, nothing else could be cut.
    """
    tokens = cut_into_tokens(graph)
    for token in tokens:
        if token.entry and len(token.nodes) >= _LONG and not can_be_skipped(graph, token):
            others = cut_into_tokens(graph, kept=token.entry)
            if _num_branches(graph, others) > _num_branches(graph, tokens):
                return others
    return tokens


def _num_branches(graph: Graph, tokens: tuple[Token, ...]) -> int:
    return sum(can_be_skipped(graph, token) for token in tokens)


def paired_tokens(parent: Tokens, child: Tokens) -> dict[int, int]:
    """The best pairs of tokens: the parent's number for the child's, by dynamic programming."""
    losses = [
        _SKIPPED if can_be_skipped(child.graph, token) else _UNMATCHED * len(token.nodes)
        for token in child.tokens
    ]
    their_losses = _losses_of_parent(parent, child)
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
    path = _trace_back(best, losses, their_losses, scores)
    return {ours: theirs for theirs, ours in path if theirs is not None}


def _losses_of_parent(parent: Tokens, child: Tokens) -> list[int]:
    """What it costs to lose each token of the parent.

    A child with fewer tokens that has a kind of them, if less often, has left some out: that is what it is,
    so it costs next to nothing. Else attention would be paired with a feed-forward branch, to lose less.
    """
    ours, theirs = Counter(child.signatures), Counter(parent.signatures)
    is_shallower = len(child.tokens) < len(parent.tokens)
    return [
        _SKIPPED
        if is_shallower and 0 < ours[kind] < theirs[kind] and can_be_skipped(parent.graph, token)
        else _UNMATCHED * len(token.nodes)
        for kind, token in zip(parent.signatures, parent.tokens, strict=True)
    ]


def _scores(parent: Tokens, child: Tokens) -> list[list[int]]:
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


def _score(parent: Tokens, i: int, child: Tokens, j: int) -> int:
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
    shared = len(common(ours, theirs))
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


def common(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[tuple[int, int]]:
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


def can_be_skipped(graph: Graph, token: Token) -> bool:
    """Whether a token can be made to change nothing: ``x + f(x)``, or a lone ReLU, behind another one."""
    last = graph[token.nodes[-1]]
    if len(token.nodes) == 1:
        return last.target in _IDEMPOTENT
    is_join = last.target in {"aten.add.Tensor", CAT}
    return is_join and token.entry in {origin(graph, name) for name in last.refs()}
