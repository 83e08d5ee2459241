"""What trials have reported: the best and the running average up to any step."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort

from heredity.strategies.stopping.kinds import Kind


class Curve:
    """One trial's merits, by its steps."""

    def __init__(self) -> None:
        self._steps = array("q")
        self._sums = array("d")
        self._bests = array("d")

    def add(self, step: int, merit: float) -> None:
        """Take in a report. What a lost attempt had reported at this step or later is dropped."""
        kept = bisect_left(self._steps, step)
        del self._steps[kept:], self._sums[kept:], self._bests[kept:]
        self._steps.append(step)
        self._sums.append(merit + (self._sums[-1] if kept else 0.0))
        self._bests.append(max(merit, self._bests[-1]) if kept else merit)

    def up_to(self, step: int) -> Curve:
        """A copy of what was reported up to a step."""
        copy, kept = Curve(), bisect_right(self._steps, step)
        copy._steps, copy._sums, copy._bests = self._steps[:kept], self._sums[:kept], self._bests[:kept]
        return copy

    @property
    def best(self) -> float:
        """The best merit so far; there must be one."""
        return self._bests[-1]

    def average(self, step: int) -> float | None:
        """The mean of all merits up to a step; None if there is none."""
        num = bisect_right(self._steps, step)
        return self._sums[num - 1] / num if num else None


class Levels:
    """The running averages of ended trials at the steps that somebody asked for, sorted.

    A step is asked for again and again, by one trial after the other: its averages are kept, so that a
    report costs no walk through all trials.
    """

    def __init__(self) -> None:
        self._curves: dict[Kind, list[Curve]] = {}
        self._sorted: dict[tuple[Kind, int], list[float]] = {}

    def add(self, curve: Curve, kind: Kind) -> None:
        """Take in the curve of a trial that has ended."""
        self._curves.setdefault(kind, []).append(curve)
        for (of_kind, step), averages in self._sorted.items():
            if of_kind is kind and (average := curve.average(step)) is not None:
                insort(averages, average)

    def at(self, step: int, kind: Kind) -> list[float]:
        """The running averages up to a step of all trials of a kind that have reported by then, sorted."""
        if (kind, step) not in self._sorted:
            averages = (curve.average(step) for curve in self._curves.get(kind, ()))
            self._sorted[kind, step] = sorted(average for average in averages if average is not None)
        return self._sorted[kind, step]
