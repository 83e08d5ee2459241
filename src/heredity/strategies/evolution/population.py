"""A population that ages: the youngest remain, and parents are chosen among them by tournaments."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.encoding import Json
from heredity.experiment import TrialResult
from heredity.strategies.pareto import Point, crowding, fronts, objectives_of

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True)
class Individual:
    """A trial that has ended well."""

    result: TrialResult
    parameters: Mapping[str, Json]
    """As they were proposed."""
    generation: int
    """0 for founders, else one more than its parent's."""


class Population:
    """The trials that ended last; whoever is the oldest leaves, however good (Real et al. 2019).

    Args:
        max_size: How many remain.
    """

    def __init__(self, max_size: int) -> None:
        self._members: deque[Individual] = deque(maxlen=max_size)
        self._fitness: list[Point] | None = None

    def __len__(self) -> int:
        return len(self._members)

    def add(self, individual: Individual) -> None:
        """Take one in; the oldest leaves if there is no room."""
        self._members.append(individual)
        self._fitness = None

    def winner(self, rng: random.Random, *, num_drawn: int) -> Individual:
        """Hold a tournament: the best of so many that are drawn, each from all."""
        if self._fitness is None:
            self._fitness = _fitness([member.result for member in self._members])
        drawn = [rng.randrange(len(self._members)) for _ in range(num_drawn)]
        return self._members[max(drawn, key=self._fitness.__getitem__)]


def _fitness(results: Sequence[TrialResult]) -> list[Point]:
    """Higher is better: the merit alone, or the front's number and the room within it (Deb et al. 2002)."""
    points = objectives_of(results)
    if points and len(points[0]) == 1:
        return points
    fitness: list[Point] = [()] * len(points)
    for number, front in enumerate(fronts(points)):
        for index, room in zip(front, crowding([points[index] for index in front]), strict=True):
            fitness[index] = (-float(number), room)
    return fitness
