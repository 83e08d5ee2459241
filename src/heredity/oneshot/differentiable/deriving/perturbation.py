"""Deriving by what is missed: the candidate is kept without which the supernet gets worst (DARTS-PT).

Wang et al. 2021, "Rethinking Architecture Selection in Differentiable NAS": the heaviest candidate need not
be the one that matters. Edge by edge, in random order, each candidate is taken out and the supernet scored;
what was decided stays, and the weights are trained a little before the next decision. Then the nodes give up
edges in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from heredity.errors import InputError
from heredity.oneshot.choosing import ChoicePoint, Kind
from heredity.oneshot.selection import Selected, Selection

Score = Callable[[Selection], float]
"""How good the supernet is under a selection; more is better."""


def decision_order(points: Mapping[str, ChoicePoint], *, generator: torch.Generator) -> list[str]:
    """The labels in the order in which they are decided: operators first, then inputs, each shuffled."""
    operators = [label for label, point in points.items() if point.kind is not Kind.INPUTS]
    inputs = [label for label, point in points.items() if point.kind is Kind.INPUTS]
    return [
        labels[number]
        for labels in (operators, inputs)
        for number in torch.randperm(len(labels), generator=generator).tolist()
    ]


def most_missed(point: ChoicePoint, *, selection: Mapping[str, Selected], score: Score) -> int:
    """The position of what is to be kept at one choice.

    Of equally missed candidates the first is kept.

    Args:
        point: The choice.
        selection: What else is selected; weights for this choice.
        score: Scores the supernet, on validation data.

    Raises:
        InputError: The choice has no weights.
    """
    weights = selection.get(point.label)
    if not isinstance(weights, Tensor):
        raise InputError(f"{point.label}: expected weights, of which some can be taken out.")
    if point.kind is Kind.INPUTS:
        return _inputs_most_missed(point, weights, selection=selection, score=score)
    scores = {
        position: score({**selection, point.label: _without(weights, [position])})
        for position in point.positions
    }
    return min(scores, key=lambda position: scores[position])


def _inputs_most_missed(
    point: ChoicePoint, weights: Tensor, *, selection: Mapping[str, Selected], score: Score
) -> int:
    first = point.candidates[0]
    assert isinstance(first, list)  # noqa: S101  # the candidates of a choice of inputs are lists
    kept = list(range(point.num_weights))
    while len(kept) > len(first):
        gone = [source for source in range(point.num_weights) if source not in kept]
        scores = {
            source: score({**selection, point.label: _without(weights, [*gone, source])}) for source in kept
        }
        # Of equally superfluous edges the last goes, as in the published code.
        kept.remove(max(kept, key=lambda source: (scores[source], source)))
    return point.position_of(list(kept))


def _without(weights: Tensor, positions: Sequence[int]) -> Tensor:
    """The weights with some of them zero; the others are not raised, as in the published code."""
    masked = weights.detach().clone()
    masked[list(positions)] = 0
    return masked
