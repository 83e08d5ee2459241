"""From which finished trial a new one should inherit: from the nearest good one, from the best, from none."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.space import Parameters, Space

Parents = Literal["none", "nearest", "best"]


class Ancestry:
    """The finished trials that have saved their weights.

    Args:
        space: Measures how far apart two points are.
        parents: ``nearest``: of the better half, the one whose point is nearest; of those equally near, the
            best. ``best``: the one with the highest merit. ``none``.
        names: The dimensions that distances are measured by, those of the architecture; None for all.

    Raises:
        ConfigError: A name is not in the space, or `parents` is none of the three.
    """

    def __init__(self, space: Space, *, parents: Parents, names: Collection[str] | None) -> None:
        if parents not in ("none", "nearest", "best"):
            raise ConfigError(f"parents: expected none, nearest or best, got {parents!r}.")
        unknown = sorted(set(names or ()) - space.dimensions.keys())
        if unknown:
            raise ConfigError(
                f"architecture: {unknown[0]!r} is not in the space, which has {[*space.dimensions]}."
            )
        self._space = space
        self._how = parents
        self._names = None if names is None else set(names)
        self._ranked: list[TrialResult] = []
        """Best first; of equals, the one that ended first."""

    def take(self, result: TrialResult) -> None:
        """Learn of a trial that others may inherit from, if it can be one."""
        if result.merit is None or result.checkpoint is None or self._how == "none":
            return
        place = sum(1 for known in self._ranked if (known.merit or 0.0) >= result.merit)
        self._ranked.insert(place, result)

    def parent_of(self, point: Parameters) -> tuple[TrialResult, float] | None:
        """The trial that a point should inherit from, and how far apart they are; None if there is none."""
        if not self._ranked:
            return None
        good = self._ranked[:1] if self._how == "best" else self._ranked[: (len(self._ranked) + 1) // 2]
        distances = [self._distance(point, result.parameters) for result in good]
        nearest = min(range(len(good)), key=distances.__getitem__)
        return good[nearest], distances[nearest]

    def _distance(self, first: Parameters, second: Parameters) -> float:
        return self._space.distance(self._part(first), self._part(second))

    def _part(self, point: Parameters) -> dict[str, Json]:
        return {name: value for name, value in point.items() if self._names is None or name in self._names}
