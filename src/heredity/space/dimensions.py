"""One dimension of a space: which values a hyperparameter may take, and how one is drawn."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from heredity.encoding import Json
from heredity.errors import ConfigError


class Dimension(Protocol):
    """Values that one hyperparameter may take. Implementations are frozen dataclasses, equal by value."""

    def problem(self, value: Json) -> str:
        """Say what is wrong with a value, as "expected …, got …"; an empty text if nothing is."""
        ...

    def sample(self, rng: random.Random) -> Json:
        """Draw a value. The same generator state gives the same value."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values, each as likely as the others."""

    values: tuple[Json, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ConfigError("Choice: expected at least one value, got none.")

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`. ``True`` is not ``1`` here, nor is ``1.0``; nor are they inside a list."""
        if any(_is_same(known, value) for known in self.values):
            return ""
        return f"expected one of {', '.join(map(repr, self.values))}, got {value!r}"

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        return rng.choice(self.values)


@dataclass(frozen=True, slots=True)
class Int:
    """An integer from ``low`` to ``high``, both included; evenly, or evenly on a logarithmic scale."""

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        if type(self.low) is not int or type(self.high) is not int:
            raise ConfigError(f"Int: expected integers as bounds, got low={self.low!r}, high={self.high!r}.")
        _check_bounds("Int", self.low, self.high, log=self.log)

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`."""
        if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
            return ""
        return f"expected an integer from {self.low} to {self.high}, got {value!r}"

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        if not self.log:
            return rng.randint(self.low, self.high)
        # Half a step beyond both ends, so that the ends are as likely as their neighbours.
        drawn = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
        return min(max(round(drawn), self.low), self.high)


@dataclass(frozen=True, slots=True)
class Float:
    """A finite number from ``low`` to ``high``; evenly, or evenly on a logarithmic scale."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check_bounds("Float", self.low, self.high, log=self.log)

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`. An integer is accepted where a float is expected, a truth value is not."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and self.low <= value <= self.high:  # type: ignore[operator]  # a number, by the line above
            return ""
        return f"expected a number from {self.low} to {self.high}, got {value!r}"

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        low, high = float(self.low), float(self.high)
        if self.log:
            drawn = math.exp(_between(math.log(low), math.log(high), rng.random()))
        else:
            drawn = _between(low, high, rng.random())
        return min(max(drawn, low), high)  # exp(log(0.1)) is above 0.1


def _between(low: float, high: float, share: float) -> float:
    """As ``random.uniform``, also where the distance between the bounds is beyond all floats."""
    return low * (1.0 - share) + high * share


def _is_same(known: Json, value: Json) -> bool:
    """Whether two values are equal and of the same types through and through."""
    if type(known) is not type(value) or known != value:
        return False
    if isinstance(known, Mapping) and isinstance(value, Mapping):
        return all(_is_same(known[key], value[key]) for key in known)
    if isinstance(known, list | tuple) and isinstance(value, list | tuple):
        return all(map(_is_same, known, value))
    return True


def _check_bounds(what: str, low: float, high: float, *, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ConfigError(f"{what}: expected finite bounds, low <= high, got low={low!r}, high={high!r}.")
    if log and low <= 0:
        raise ConfigError(f"{what}: a logarithmic scale needs low > 0, got {low!r}.")
