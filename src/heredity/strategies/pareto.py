"""Several objectives at once: what dominates what, the Pareto front, and the volume below it.

A point is a tuple with one number for each objective; more is better in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from heredity.errors import InputError
from heredity.experiment import TrialResult

Point = tuple[float, ...]


def objectives_of(results: Sequence[TrialResult]) -> list[Point]:
    """The merits of results, side by side: the score's first, then the further ones by their names.

    One that was not measured counts as worse than all that were.
    """
    names = sorted({name for result in results for name in result.merits})
    return [
        (
            -math.inf if result.merit is None else result.merit,
            *(result.merits.get(name, -math.inf) for name in names),
        )
        for result in results
    ]


def pareto_front(results: Iterable[TrialResult]) -> list[TrialResult]:
    """The results that no other one dominates, in their order.

    Those without a score are left out. Equal ones do not dominate each other.
    """
    scored = [result for result in results if result.merit is not None]
    points = objectives_of(scored)
    return [
        result
        for result, point in zip(scored, points, strict=True)
        if not any(dominates(other, point) for other in points)
    ]


def dominates(first: Point, second: Point) -> bool:
    """Whether the first is as good in everything and better in something."""
    return first != second and all(mine >= other for mine, other in zip(first, second, strict=True))


def fronts(points: Sequence[Point]) -> list[list[int]]:
    """Sort points into fronts: the first is dominated by nothing, the second by the first alone, and so on.

    The fast non-dominated sort of NSGA-II (Deb et al. 2002, section III A).

    Returns:
        The points' indices.
    """
    dominated_by_it = [
        [index for index, other in enumerate(points) if dominates(point, other)] for point in points
    ]
    num_above = [0] * len(points)
    for below in dominated_by_it:
        for index in below:
            num_above[index] += 1
    found: list[list[int]] = []
    front = [index for index, num in enumerate(num_above) if num == 0]
    while front:
        found.append(front)
        following: list[int] = []
        for above in front:
            for index in dominated_by_it[above]:
                num_above[index] -= 1
                if num_above[index] == 0:
                    following.append(index)
        front = sorted(following)
    return found


def crowding(points: Sequence[Point]) -> list[float]:
    """How much room each point of a front has around it; infinite at its ends.

    The crowding distance of NSGA-II (Deb et al. 2002, section III B). What was not measured
    counts as the worst that was.
    """
    room = [0.0] * len(points)
    for values in zip(*points, strict=True):
        measured = [value for value in values if math.isfinite(value)]
        if not measured:
            continue
        worst, best = min(measured), max(measured)
        order = sorted(range(len(points)), key=lambda index: max(values[index], worst))
        room[order[0]] = room[order[-1]] = math.inf
        if best > worst:
            for before, index, after in zip(order, order[1:], order[2:], strict=False):
                width = max(values[after], worst) - max(values[before], worst)
                room[index] += width / (best - worst)
    return room


def hypervolume(points: Iterable[Point], *, reference: Point) -> float:
    """The volume that points dominate, down to a reference point: one number for a whole front.

    Exact for any number of objectives, by slicing along the last one (While et al. 2006); for two in
    O(n log n), for three in O(n² log n).

    Args:
        points: Dominated ones may be among them; those that are not better than the reference in everything
            add nothing.
        reference: Worse than what is to count, such as the worst value of each objective.

    Raises:
        InputError: A point has another number of objectives, or the reference is not finite.
    """
    points = list(points)
    if not reference or not all(map(math.isfinite, reference)):
        raise InputError(f"hypervolume: expected a finite number for each objective, got {reference}.")
    for point in points:
        if len(point) != len(reference):
            raise InputError(f"hypervolume: expected {len(reference)} objectives, got {point}.")
    return _volume([point for point in points if _is_above(point, reference)], reference)


def _is_above(point: Point, reference: Point) -> bool:
    return all(value > bound for value, bound in zip(point, reference, strict=True))


def _volume(points: list[Point], reference: Point) -> float:
    if not points:
        return 0.0
    if len(reference) == 1:
        return max(points)[0] - reference[0]
    points.sort(key=lambda point: -point[-1])
    if len(reference) == 2:
        return _area(points, reference)
    volume = 0.0
    for index, point in enumerate(points):
        below = points[index + 1][-1] if index + 1 < len(points) else reference[-1]
        if point[-1] > below:
            slice_ = [above[:-1] for above in points[: index + 1]]
            volume += (point[-1] - below) * _volume(slice_, reference[:-1])
    return volume


def _area(points: list[Point], reference: Point) -> float:
    """Two objectives, the second one falling from point to point."""
    area, reached = 0.0, reference[0]
    for first, second in points:
        if first > reached:
            area += (first - reached) * (second - reference[1])
            reached = first
    return area
