"""From curves to measures: losses at equal steps and at equal cost, paired over the seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transfer_peers_sides import SCRATCH

Results = dict[str, Any]  # Any: plain data, as it lies in the JSON file
Points = Sequence[Sequence[float]]
"""Steps, loss, accuracy."""
NUM_LAST = 3
"""A loss at the end is the mean of so many measurements, since a single one jumps."""


def end_loss(points: Points, at: int) -> float:
    """The loss around a number of steps: the mean of the last measurements up to there."""
    return statistics.fmean([loss for step, loss, _ in points if step <= at][-NUM_LAST:])


def end_accuracy(points: Points, at: int) -> float:
    """The accuracy, taken in the same way."""
    return statistics.fmean([accuracy for step, _, accuracy in points if step <= at][-NUM_LAST:])


def steps_to(points: Points, loss: float) -> float | None:
    """After how many steps a loss is reached for the first time, on straight lines between measurements."""
    before: Sequence[float] | None = None
    for point in points:
        if point[1] <= loss:
            if before is None:
                return point[0]
            share = (before[1] - loss) / (before[1] - point[1])
            return before[0] + share * (point[0] - before[0])
        before = point
    return None


def best_rates(choosing: Mapping[str, Any], *, own_steps: int) -> dict[str, dict[str, float]]:
    """For each child and side the learning rate with the lowest loss at the end.

    Args:
        choosing: A run of the seed that is not counted.
        own_steps: When a child is done.
    """
    return {
        child: {
            side: float(min(run["curves"], key=lambda rate: end_loss(run["curves"][rate], own_steps)))
            for side, run in children["sides"].items()
        }
        for child, children in choosing["children"].items()
    }


@dataclass(frozen=True)
class Paired:
    """Differences of two sides, one for each seed; what is negative is better."""

    differences: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.differences)

    @property
    def verdict(self) -> Literal["better", "worse", "noise", "equal"]:
        """Noise, unless all seeds agree and the median is at least the distance of the quartiles."""
        if not any(self.differences):
            return "equal"
        low, _, high = quartiles(self.differences)
        is_one_sided = all(d < 0 for d in self.differences) or all(d > 0 for d in self.differences)
        if not is_one_sided or abs(self.median) < high - low:
            return "noise"
        return "better" if self.median < 0 else "worse"


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile, of any number of values."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


@dataclass(frozen=True)
class Task:
    """One child of one family: the curves of all sides over the counted seeds."""

    family: str
    child: str
    settings: Mapping[str, Any]  # Any: plain data
    runs: Sequence[Mapping[str, Any]]  # Any: plain data, one for each seed
    parents: Sequence[Points]

    @property
    def name(self) -> str:
        return f"{self.family}, {self.child}"

    @property
    def own_steps(self) -> int:
        return int(self.settings["own_steps"])

    @property
    def budget(self) -> int:
        """The own steps, and as many as the parent cost."""
        return self.own_steps + round(float(self.runs[0]["ratio"]) * int(self.settings["parent_steps"]))

    @property
    def sides(self) -> list[str]:
        return list(self.runs[0]["sides"])

    def points(self, side: str) -> list[Points]:
        """The curve of each seed."""
        return [next(iter(run["sides"][side]["curves"].values())) for run in self.runs]

    def rate(self, side: str) -> str:
        return str(next(iter(self.runs[0]["sides"][side]["curves"])))

    def starts(self, side: str) -> list[float]:
        return [points[0][1] for points in self.points(side)]

    def ends(self, side: str) -> list[float]:
        return [end_loss(points, self.own_steps) for points in self.points(side)]

    def accuracies(self, side: str) -> list[float]:
        return [end_accuracy(points, self.own_steps) for points in self.points(side)]

    def reached(self, side: str) -> list[float | None]:
        """In how many steps each seed has what the child from nothing has at its end."""
        goals = self.ends(SCRATCH)
        return [steps_to(points, goal) for points, goal in zip(self.points(side), goals, strict=True)]

    def against(self, side: str, other: str) -> Paired:
        """At equal own steps."""
        return Paired([a - b for a, b in zip(self.ends(side), self.ends(other), strict=True)])

    def charged(self, side: str) -> Paired:
        """Against the child from nothing that was also trained for what the parent cost."""
        others = [end_loss(points, self.budget) for points in self.points(SCRATCH)]
        return Paired([a - b for a, b in zip(self.ends(side), others, strict=True)])

    def twins(self, side: str) -> list[str]:
        """The sides before this one that begin with the same tensors in every seed."""
        begins = [run["sides"][side]["begins_as"] for run in self.runs]
        return [
            other
            for other in self.sides[: self.sides.index(side)]
            if [run["sides"][other]["begins_as"] for run in self.runs] == begins
        ]


def tasks_of(results: Results) -> list[Task]:
    """All children of all families of which a seed is there."""
    tasks = []
    for name, family in results["families"].items():
        seeds = [family["seeds"][seed] for seed in sorted(family["seeds"], key=int)]
        if seeds:
            parents = [seed["parent"] for seed in seeds]
            tasks += [
                Task(name, child, family["settings"], [seed["children"][child] for seed in seeds], parents)
                for child in seeds[0]["children"]
            ]
    return tasks
