"""The cells of a supernet, and the architecture that weights of their candidates stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from heredity.errors import InputError
from heredity.oneshot.blocks import Cell, Choice, InputChoice
from heredity.oneshot.choosing import ChoicePoint, Kind
from heredity.oneshot.differentiable.deriving.rule import SKIPS, Edge, Kept, Node, strongest_inputs
from heredity.oneshot.walking import Architecture, architecture_of, choices


@dataclass(frozen=True, slots=True)
class NodeLabels:
    """The labels of one node of a cell."""

    edges: tuple[str, ...]
    """Of the operators on its edges, by source."""
    inputs: str | None
    """Of the choice among its edges; None if all are taken."""


CellLabels = tuple[NodeLabels, ...]
"""The nodes of a cell."""


def cells_of(supernet: nn.Module) -> list[CellLabels]:
    """The cells of a supernet, without those that decide alike."""
    found = [_labels_of(module) for module in supernet.modules() if isinstance(module, Cell)]
    return list(dict.fromkeys(found))


def input_labels(cells: Iterable[CellLabels]) -> frozenset[str]:
    """The choices among edges: those that a search may leave to the weights of the candidates."""
    return frozenset(node.inputs for cell in cells for node in cell if node.inputs is not None)


def kept_of(
    cell: CellLabels,
    points: Mapping[str, ChoicePoint],
    weights: Mapping[str, Tensor],
    *,
    max_skips: int | None = None,
    skips: frozenset[str] = SKIPS,
) -> list[list[Kept]]:
    """What DARTS's rule keeps of a cell; see `strongest_inputs`.

    Args:
        cell: One of `cells_of`.
        points: The choices of the supernet.
        weights: By label, a weight for each candidate; of edges without weights all are equal.
        max_skips: See `strongest_inputs`.
        skips: See `strongest_inputs`.
    """
    return strongest_inputs([_node(node, points, weights) for node in cell], max_skips=max_skips, skips=skips)


def derived(
    supernet: nn.Module,
    weights: Mapping[str, Tensor],
    *,
    max_skips: int | None = None,
    skips: frozenset[str] = SKIPS,
) -> Architecture:
    """The architecture that weights stand for: DARTS's rule in cells, the heaviest candidate elsewhere.

    Args:
        supernet: What the weights belong to.
        weights: By label, a weight for each candidate; a choice among a cell's edges may have none.
        max_skips: How many skips each cell may keep at most; None as published.
        skips: The names of the candidates that count as skips.

    Raises:
        InputError: A choice has no weights, or a cell keeps too little; see `strongest_inputs`.
    """
    points, cells = choices(supernet), cells_of(supernet)
    selection = {label: _heaviest(point, weights) for label, point in points.items() if label in weights}
    for cell in cells:
        for node, kept in zip(
            cell, kept_of(cell, points, weights, max_skips=max_skips, skips=skips), strict=True
        ):
            selection |= dict(_positions(node, kept, points))
    missing = [label for label in points if label not in selection]
    if missing:
        raise InputError(
            f"{missing[0]}: this choice has no weights, so that nothing can be derived from them."
        )
    return architecture_of(supernet, selection)


def _labels_of(cell: Cell) -> CellLabels:
    edges: dict[int, dict[int, str]] = {}
    for name, edge in cell.edges.items():
        node, source = map(int, name.split("-"))
        # What keeps a search from collapsing may be wrapped around the choice.
        choice = next(module for module in edge.modules() if isinstance(module, Choice))
        edges.setdefault(node, {})[source] = _label(choice)
    inputs = {
        int(name): _label(choice) for name, choice in cell.inputs.items() if isinstance(choice, InputChoice)
    }
    return tuple(
        NodeLabels(tuple(edges[node][source] for source in sorted(edges[node])), inputs.get(node))
        for node in sorted(edges)
    )


def _label(choice: Choice | InputChoice) -> str:
    [point] = choice.points()
    return point.label


def _node(node: NodeLabels, points: Mapping[str, ChoicePoint], weights: Mapping[str, Tensor]) -> Node:
    strengths = weights.get(node.inputs) if node.inputs is not None else None
    num_kept = len(node.edges)
    if node.inputs is not None:
        first = points[node.inputs].candidates[0]
        assert isinstance(first, list)  # noqa: S101  # the candidates of a choice of inputs are lists
        num_kept = len(first)
    edges = [
        Edge(
            source,
            _named(points[label], weights),
            1.0 if strengths is None else float(strengths[source]),
        )
        for source, label in enumerate(node.edges)
    ]
    return Node(edges, num_kept)


def _named(point: ChoicePoint, weights: Mapping[str, Tensor]) -> dict[str, float]:
    if point.label not in weights:
        raise InputError(
            f"{point.label}: this choice has no weights, so that nothing can be derived from them."
        )
    values = weights[point.label].tolist()
    return {str(point.candidates[position]): values[position] for position in point.positions}


def _positions(
    node: NodeLabels, kept: list[Kept], points: Mapping[str, ChoicePoint]
) -> Iterator[tuple[str, int]]:
    for each in kept:
        label = node.edges[each.source]
        yield label, points[label].position_of(each.candidate)
    if node.inputs is not None:
        yield node.inputs, points[node.inputs].position_of(sorted(each.source for each in kept))


def _heaviest(point: ChoicePoint, weights: Mapping[str, Tensor]) -> int:
    values = weights[point.label].tolist()
    if point.kind is not Kind.INPUTS:
        return max(point.positions, key=lambda position: values[position])
    return max(
        point.positions, key=lambda position: sum(values[number] for number in _numbers(point, position))
    )


def _numbers(point: ChoicePoint, position: int) -> list[int]:
    numbers = point.candidates[position]
    assert isinstance(numbers, list)  # noqa: S101  # the candidates of a choice of inputs are lists
    return [int(str(number)) for number in numbers]
