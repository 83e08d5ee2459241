"""Numbers drawn from a normal distribution or its exponential, and numbers rounded to multiples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space.dimensions.interfaces import (
    check_grid,
    drawn_neighbours,
    grid_in_unit,
    is_number,
    mutate_in_unit,
)
from heredity.space.dimensions.ranges import Float, as_number, exact

if TYPE_CHECKING:
    import random

_STANDARD = NormalDist()
_EDGE = 2.0**-53
"""The quantile next to 0 and to 1: about eight standard deviations."""


@dataclass(frozen=True, slots=True)
class Normal:
    """A number from a normal distribution, cut off at the bounds if there are any.

    Attributes:
        mean: Where the distribution has its middle.
        deviation: Its standard deviation.
        low: The lowest value; None for none.
        high: The highest value; None for none.
        log: Whether the value's natural logarithm is distributed so; ``mean`` and ``deviation`` are the
            logarithm's, the bounds are the value's.
    """

    mean: float
    deviation: float
    low: float | None = None
    high: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.deviation) and self.deviation > 0):
            raise ConfigError(
                f"Normal: expected a finite mean and a deviation above 0, got {self.mean!r} and "
                f"{self.deviation!r}."
            )
        if self.log and self.mean + 9 * self.deviation > math.log(1.7e308):
            raise ConfigError("Normal: on a logarithmic scale, values would be beyond all floats.")
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if not all(map(math.isfinite, bounds)) or (self.log and any(bound <= 0 for bound in bounds)):
            above = " above 0" if self.log else ""
            raise ConfigError(f"Normal: expected finite bounds{above}, got {self.low!r} and {self.high!r}.")
        start, end = self._quantiles()
        if end - start < 1e-9:
            raise ConfigError(f"Normal: between {self.low!r} and {self.high!r} there is next to nothing.")

    @property
    def size(self) -> int | None:
        """See `Dimension.size`."""
        return None

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`."""
        if is_number(value) and self._has(value):
            return ""
        what = "a number above 0" if self.log else "a finite number"
        bounds = (" from ", self.low), (" to ", self.high)
        return f"expected {what}{''.join(f'{word}{x}' for word, x in bounds if x is not None)}, got {value!r}"

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        return self.from_unit(rng.random())

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`."""
        return mutate_in_unit(self, value, rng)

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:
        """See `Dimension.neighbours`."""
        yield from drawn_neighbours(self, value, rng)

    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`: the probability of what lies between."""
        return abs(self.to_unit(first) - self.to_unit(second))

    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""
        return float(as_number(value)) + 0.0  # -0.0 is 0.0

    def grid(self, num: int) -> Iterator[Json]:
        """See `Dimension.grid`: quantiles, each in the middle of an equal share."""
        check_grid(num)
        yield from (self.from_unit((index + 0.5) / num) for index in range(num))

    def to_unit(self, value: Json) -> float:
        """See `Scalar.to_unit`: the quantile. Beyond six deviations the way back is rough."""
        start, end = self._quantiles()
        return min(max((self._quantile(as_number(value)) - start) / (end - start), 0.0), 1.0)

    def from_unit(self, unit: float) -> Json:
        """See `Scalar.from_unit`."""
        start, end = self._quantiles()
        quantile = min(max(start + (end - start) * unit, _EDGE), 1 - _EDGE)
        drawn = self.mean + self.deviation * _STANDARD.inv_cdf(quantile)
        drawn = math.exp(drawn) if self.log else drawn
        drawn = drawn if self.low is None else max(drawn, float(self.low))
        return drawn if self.high is None else min(drawn, float(self.high))

    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`."""
        entry: dict[str, Json] = {"lognormal" if self.log else "normal": [self.mean, self.deviation]}
        bounds = {"low": self.low, "high": self.high}
        return entry | {name: bound for name, bound in bounds.items() if bound is not None}

    def _has(self, value: float) -> bool:
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return -math.inf < value < math.inf and low <= value <= high and (value > 0 or not self.log)

    def _quantiles(self) -> tuple[float, float]:
        start = 0.0 if self.low is None else self._quantile(self.low)
        return start, 1.0 if self.high is None else self._quantile(self.high)

    def _quantile(self, value: float) -> float:
        if self.log:
            if value <= 0:
                return 0.0
            value = math.log(value)
        return _STANDARD.cdf((value - self.mean) / self.deviation)


@dataclass(frozen=True, slots=True)
class Rounded:
    """A number that is drawn, rounded to a multiple, and put back into the bounds: NNI's ``q`` types.

    The bounds are values even if they are no multiples: ``Rounded(Float(2, 10), to=5)`` has 2, 5 and 10.
    `Float.step` counts from ``low`` instead, and draws each value as often as the others.
    """

    dimension: Float | Normal
    to: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.to) and self.to > 0):
            raise ConfigError(f"Rounded: expected a multiple above 0, got {self.to!r}.")
        if isinstance(self.dimension, Float) and self.dimension.step is not None:
            raise ConfigError("Rounded: the numbers have a step already; leave out one of the two.")

    @property
    def size(self) -> int | None:
        """See `Dimension.size`."""
        first, last = self._ends()
        return None if first is None or last is None else last - first + 1

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`."""
        if is_number(value) and math.isfinite(value):
            near = self._at(self._index(value))
            if math.isclose(
                value, near, rel_tol=1e-9, abs_tol=1e-9 * self.to
            ):  # NNI gives 0.30000000000000004
                return ""
        low, high = self.dimension.low, self.dimension.high
        bounds = "".join(f"{word}{x}" for word, x in ((" from ", low), (" to ", high)) if x is not None)
        return f"expected a number{bounds}, rounded to a multiple of {self.to}, got {value!r}"

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        return self._rounded(self.dimension.sample(rng))

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`."""
        mutant = mutate_in_unit(self, value, rng)
        # Multiples far wider than the distribution are hardly ever drawn; then one step is taken.
        return (
            mutant
            if mutant != self.canonical(value)
            else rng.choice([*self.neighbours(value, rng)] or [value])
        )

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:  # noqa: ARG002  # there are two at most
        """See `Dimension.neighbours`."""
        index = self._index(as_number(value))
        yield from (self._at(near) for near in (index - 1, index + 1) if self._clamped(near) == near)

    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`: by where the values lie in the unit interval."""
        return abs(self.to_unit(first) - self.to_unit(second))

    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""
        return self._rounded(value)

    def grid(self, num: int) -> Iterator[Json]:
        """See `Dimension.grid`."""
        check_grid(num)
        first, last = self._ends()
        if first is None or last is None or num <= last - first:
            yield from grid_in_unit(self, num)
        else:
            yield from map(self._at, range(first, last + 1))

    def to_unit(self, value: Json) -> float:
        """See `Scalar.to_unit`: the middle of all that is rounded to the value."""
        index = self._index(as_number(value))
        first, last = self._ends()
        start = 0.0 if index == first else self._unit_of(float((index - exact(0.5)) * exact(self.to)))
        end = 1.0 if index == last else self._unit_of(float((index + exact(0.5)) * exact(self.to)))
        return (start + end) / 2

    def from_unit(self, unit: float) -> Json:
        """See `Scalar.from_unit`."""
        return self._rounded(self.dimension.from_unit(unit))

    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`."""
        return self.dimension.to_json() | {"round_to": self.to}

    def _ends(self) -> tuple[int | None, int | None]:
        """The first and the last multiple to which more than a single number is rounded."""
        low, high = self.dimension.low, self.dimension.high
        if low is None and isinstance(self.dimension, Normal) and self.dimension.log:
            low = 0.0
        first = None if low is None else math.floor(exact(low) / exact(self.to) + exact(0.5))
        last = None if high is None else math.ceil(exact(high) / exact(self.to) - exact(0.5))
        return first, last if first is None or last is None else max(first, last)

    def _clamped(self, index: int) -> int:
        first, last = self._ends()
        index = index if first is None else max(index, first)
        return index if last is None else min(index, last)

    def _index(self, value: float) -> int:
        return self._clamped(round(exact(value) / exact(self.to)))

    def _at(self, index: int) -> float:
        value = float(index * exact(self.to))
        low, high = self.dimension.low, self.dimension.high
        value = value if low is None else max(value, float(low))
        return value if high is None else min(value, float(high))

    def _rounded(self, value: Json) -> float:
        return self._at(self._index(as_number(value)))

    def _unit_of(self, value: float) -> float:
        low = self.dimension.low
        if isinstance(self.dimension, Float) and low is not None:
            value = max(value, low)
        return self.dimension.to_unit(value)
