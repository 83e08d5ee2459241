"""From the weights of candidates to one architecture: DARTS's rule, and its cap on ways that compute nothing.

A cell of DARTS is a chain of nodes, each of which adds up what comes over its edges from all nodes before it.
The search weighs the candidates of every edge; the rule of Liu et al. 2019, section 2.4, keeps for each node
the two edges whose best candidate weighs most, each with that candidate. What only takes part in mixtures,
as DARTS' "none", is never kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from heredity.errors import InputError

SKIPS = frozenset({"skip_connect"})


@dataclass(frozen=True, slots=True)
class Edge:
    """One way into a node: from which of the node's inputs, and which candidates weigh how much."""

    source: int
    weights: Mapping[str, float]
    """Of the candidates that may be kept, by name, in the order of the space."""
    strength: float = 1.0
    """The edge's own weight, where edges are weighed too (PC-DARTS)."""

    def ranked(self, without: Collection[str] = ()) -> list[str]:
        """The candidates that may be kept, the best first; of equal ones that which comes first."""
        allowed = [name for name in self.weights if name not in without]
        return sorted(allowed, key=lambda name: -self.weights[name])


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """An edge that is kept, and its candidate."""

    source: int
    candidate: str


@dataclass(frozen=True, slots=True)
class Node:
    """All ways into one node of a cell, and how many of them it keeps."""

    edges: Sequence[Edge]
    num_kept: int = 2


def strongest_inputs(
    nodes: Sequence[Node],
    *,
    max_skips: int | None = None,
    skips: frozenset[str] = SKIPS,
) -> list[list[Kept]]:
    """What is kept of a cell, node by node, the strongest edge first.

    Of equally strong edges the one with the lower source comes first, of equal candidates the first of the
    space, as in the published code.

    Args:
        nodes: The nodes of one cell.
        max_skips: How many skips a cell may keep at most. While it has more, the weakest is forbidden on its
            edge and the cell is derived again, as P-DARTS does (Chen et al. 2019). None: no cap, as
            published.
        skips: The names of the candidates that count as skips.

    Raises:
        InputError: A node has too few edges, or too few of its edges a candidate beside forbidden skips.
    """
    if max_skips is not None and max_skips < 0:
        raise InputError(f"max_skips: expected a number from 0 on, got {max_skips}.")
    forbidden: set[tuple[int, int]] = set()
    while True:
        kept = [_inputs_of(node, index, skips=skips, forbidden=forbidden) for index, node in enumerate(nodes)]
        chosen = [
            (_strength(nodes[node], each), -node, -each.source)
            for node, inputs in enumerate(kept)
            for each in inputs
            if each.candidate in skips
        ]
        if max_skips is None or len(chosen) <= max_skips:
            return kept
        _, node, source = min(chosen)  # of equally weak ones the last goes first
        forbidden.add((-node, -source))


def _inputs_of(
    node: Node, index: int, *, skips: frozenset[str], forbidden: set[tuple[int, int]]
) -> list[Kept]:
    best = []
    for edge in node.edges:
        ranked = edge.ranked(skips if (index, edge.source) in forbidden else ())
        if ranked:
            best.append(Kept(edge.source, ranked[0]))
    if len(best) < node.num_kept:
        raise InputError(
            f"node {index}: expected {node.num_kept} edges with a candidate to keep, got {len(best)}.",
            hint="Give the space other candidates than skips, or raise max_skips.",
        )
    return sorted(best, key=lambda each: -_strength(node, each))[: node.num_kept]


def _strength(node: Node, kept: Kept) -> float:
    edge = next(edge for edge in node.edges if edge.source == kept.source)
    return edge.strength * edge.weights[kept.candidate]
