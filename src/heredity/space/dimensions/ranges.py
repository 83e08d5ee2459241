"""Integers and floats between two bounds: evenly or on a logarithmic scale, all of them or in steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
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

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True)
class Int:
    """An integer from ``low`` to ``high``, both included; evenly, or evenly on a logarithmic scale.

    Attributes:
        low: The lowest value.
        high: The highest value, if the steps reach it.
        log: Whether small values are as likely as large ones, in the sense of their logarithms.
        step: The distance between values: ``low``, ``low + step``, and so on.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        if type(self.low) is not int or type(self.high) is not int:
            raise ConfigError(f"Int: expected integers as bounds, got low={self.low!r}, high={self.high!r}.")
        _check_bounds("Int", self.low, self.high, log=self.log)
        if type(self.step) is not int or self.step < 1:
            raise ConfigError(f"Int: expected an integer of at least 1 as step, got {self.step!r}.")

    @property
    def size(self) -> int:
        """See `Dimension.size`."""
        return (self.high - self.low) // self.step + 1

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`."""
        if isinstance(value, int) and not isinstance(value, bool) and self._has(value):
            return ""
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        return f"expected an integer from {self.low} to {self.high}{steps}, got {value!r}"

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        return self.from_unit(rng.random()) if self.log else self._at(rng.randrange(self.size))

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`."""
        return mutate_in_unit(self, value, rng)

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:  # noqa: ARG002  # there are two at most
        """See `Dimension.neighbours`."""
        index = self._index(value)
        yield from (self._at(near) for near in (index - 1, index + 1) if 0 <= near < self.size)

    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`."""
        return _distance(
            self._at(0), self._at(self.size - 1), (as_number(first), as_number(second)), log=self.log
        )

    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""
        return value

    def grid(self, num: int) -> Iterator[Json]:
        """See `Dimension.grid`."""
        check_grid(num)
        yield from grid_in_unit(self, num) if num < self.size else map(self._at, range(self.size))

    def to_unit(self, value: Json) -> float:
        """See `Scalar.to_unit`. The way back is exact up to 2**40 values at least."""
        if not self.log:
            return (self._index(value) + 0.5) / self.size
        start, end = _log_edges(self.low, self._at(self.size - 1), self.step)
        return (math.log(as_number(value)) - start) / (end - start)

    def from_unit(self, unit: float) -> Json:
        """See `Scalar.from_unit`."""
        if not self.log:
            return self._at(min(int(unit * self.size), self.size - 1))
        start, end = _log_edges(self.low, self._at(self.size - 1), self.step)
        drawn = math.exp(start + (end - start) * unit)
        return self._at(min(max(round((drawn - self.low) / self.step), 0), self.size - 1))

    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`."""
        return {"int": [self.low, self.high]} | _options(
            log=self.log, step=None if self.step == 1 else self.step
        )

    def _has(self, value: int) -> bool:
        return self.low <= value <= self.high and (value - self.low) % self.step == 0

    def _at(self, index: int) -> int:
        return self.low + self.step * index

    def _index(self, value: Json) -> int:
        return (int(as_number(value)) - self.low) // self.step


@dataclass(frozen=True, slots=True)
class Float:
    """A finite number from ``low`` to ``high``; evenly, or evenly on a logarithmic scale.

    Attributes:
        low: The lowest value.
        high: The highest value, if the steps reach it.
        log: Whether small values are as likely as large ones, in the sense of their logarithms.
        step: The distance between values, counted in decimals: ``Float(0, 1, step=0.1)`` has ``0.3``, not
            ``0.30000000000000004``. None for all floats.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        _check_bounds("Float", self.low, self.high, log=self.log)
        if self.step is not None and not (math.isfinite(self.step) and self.step > 0):
            raise ConfigError(f"Float: expected a step above 0, got {self.step!r}.")

    @property
    def size(self) -> int | None:
        """See `Dimension.size`."""
        if self.step is not None:
            return self._num_steps() + 1
        return 1 if self.low == self.high else None

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`. An integer is accepted where a float is expected, a truth value is not."""
        if is_number(value) and self.low <= value <= self.high and self._is_on_step(value):
            return ""
        steps = f" in steps of {self.step}" if self.step is not None else ""
        return f"expected a number from {self.low} to {self.high}{steps}, got {value!r}"

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        if self.step is not None and not self.log:
            return self._at(rng.randrange(self._num_steps() + 1))
        return self.from_unit(rng.random())

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`."""
        return mutate_in_unit(self, value, rng)

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:
        """See `Dimension.neighbours`."""
        if self.step is None:
            yield from drawn_neighbours(self, value, rng)
            return
        index = self._index(as_number(value))
        yield from (self._at(near) for near in (index - 1, index + 1) if 0 <= near <= self._num_steps())

    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`."""
        return _distance(self.low, self._top(), (as_number(first), as_number(second)), log=self.log)

    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""
        number = float(as_number(value)) + 0.0  # -0.0 is 0.0
        return number if self.step is None else self._at(self._index(number))

    def grid(self, num: int) -> Iterator[Json]:
        """See `Dimension.grid`."""
        check_grid(num)
        if self.step is None or num <= self._num_steps():
            yield from grid_in_unit(self, num)
        else:
            yield from map(self._at, range(self._num_steps() + 1))

    def to_unit(self, value: Json) -> float:
        """See `Scalar.to_unit`."""
        number = as_number(value)
        if self.log:
            start, end = self._log_ends()
            unit = 0.5 if start == end else (math.log(number) - start) / (end - start)
        elif self.step is not None:
            unit = (self._index(number) + 0.5) / (self._num_steps() + 1)
        else:
            unit = 0.5 if self.low == self.high else _share(self.low, self.high, number)
        return min(max(unit, 0.0), 1.0)

    def from_unit(self, unit: float) -> Json:
        """See `Scalar.from_unit`."""
        if self.step is not None and not self.log:
            return self._at(min(int(unit * (self._num_steps() + 1)), self._num_steps()))
        low, high = self._log_ends() if self.log else (self.low, self.high)
        drawn = _between(low, high, unit)
        drawn = math.exp(drawn) if self.log else drawn
        drawn = min(max(drawn, float(self.low)), float(self.high))  # exp(log(0.1)) is above 0.1
        return drawn if self.step is None else self._at(self._index(drawn))

    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`."""
        return {"float": [self.low, self.high]} | _options(log=self.log, step=self.step)

    def _num_steps(self) -> int:
        return int((exact(self.high) - exact(self.low)) / exact(self.step or 1))

    def _at(self, index: int) -> float:
        return float(exact(self.low) + index * exact(self.step or 1))

    def _index(self, value: float) -> int:
        index = round((exact(value) - exact(self.low)) / exact(self.step or 1))
        return min(max(index, 0), self._num_steps())

    def _is_on_step(self, value: float) -> bool:
        if self.step is None:
            return True
        return math.isclose(value, self._at(self._index(value)), rel_tol=1e-9, abs_tol=1e-9 * self.step)

    def _top(self) -> float:
        return self.high if self.step is None else self._at(self._num_steps())

    def _log_ends(self) -> tuple[float, float]:
        if self.step is not None:
            return _log_edges(self.low, self._top(), self.step)
        return math.log(self.low), math.log(self.high)


def exact(number: float) -> Fraction:
    """Give the decimal number that a float is written as, so that three steps of 0.1 are 0.3."""
    return Fraction(repr(number))


def _log_edges(low: float, top: float, step: float) -> tuple[float, float]:
    """Half a step beyond both ends, so that the ends are as likely as their neighbours."""
    below = low - step / 2
    return math.log(below if below > 0 else low / 2), math.log(top + step / 2)


def _between(low: float, high: float, share: float) -> float:
    """As ``random.uniform``, also where the distance between the bounds is beyond all floats."""
    return float(low) * (1.0 - share) + float(high) * share


def _share(low: float, high: float, value: float) -> float:
    """How far along the way from ``low`` to ``high``, also where that is longer than any float."""
    width = high - low
    return (value - low) / width if math.isfinite(width) else (value / 2 - low / 2) / (high / 2 - low / 2)


def _distance(low: float, high: float, values: tuple[float, float], *, log: bool) -> float:
    first, second = values
    if low == high or first == second:
        return 0.0
    if log:
        low, high, first, second = map(math.log, (low, high, first, second))
    return min(abs(_share(low, high, first) - _share(low, high, second)), 1.0)


def as_number(value: Json) -> float:
    """A value that `problem` has passed."""
    if not is_number(value):
        raise TypeError(f"expected a number, got {value!r}")
    return value


def _options(*, log: bool, step: float | None) -> dict[str, Json]:
    return ({"log": True} if log else {}) | ({} if step is None else {"step": step})


def _check_bounds(what: str, low: float, high: float, *, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ConfigError(f"{what}: expected finite bounds, low <= high, got low={low!r}, high={high!r}.")
    if log and low <= 0:
        raise ConfigError(f"{what}: a logarithmic scale needs low > 0, got {low!r}.")
