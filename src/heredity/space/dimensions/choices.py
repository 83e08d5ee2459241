"""One of several values: any that JSON can carry, in an order or without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.encoding import Json, decode, encode
from heredity.errors import ConfigError
from heredity.space.dimensions.interfaces import check_grid, grid_in_unit, is_same, mutate_in_unit

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One of several values, each as likely as the others; one that stands twice is twice as likely.

    Attributes:
        values: Any values that JSON can carry.
        ordered: Values that stand side by side are near each other, such as kernel sizes. Without an order,
            every other value is as near.
    """

    values: Sequence[Json]
    ordered: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values:
            raise ConfigError("Choice: expected at least one value, got none.")
        try:
            encode(self.values)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"Choice: expected values that JSON can carry: {error}.",
                hint="Name the values by texts or numbers, and make objects of them in the trial.",
            ) from error
        if self.ordered and len(self._distinct()) < len(self.values):
            raise ConfigError("Choice: a value stands twice, which leaves no order.")

    @property
    def size(self) -> int | None:
        """See `Dimension.size`."""
        return len(self._distinct())

    def problem(self, value: Json) -> str:
        """See `Dimension.problem`. ``True`` is not ``1`` here, nor is ``1.0``; nor are they inside a list."""
        if any(is_same(known, value) for known in self.values):
            return ""
        return f"expected one of {', '.join(map(repr, self.values))}, got {value!r}"

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`."""
        return rng.choice(self.values)

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`."""
        if self.ordered:
            return mutate_in_unit(self, value, rng)
        others = [other for other in self.values if not is_same(other, value)]
        return rng.choice(others) if others else value

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:  # noqa: ARG002  # there are finitely many
        """See `Dimension.neighbours`."""
        if not self.ordered:
            yield from (other for other in self._distinct() if not is_same(other, value))
            return
        index = self._index(value)
        yield from (self.values[near] for near in (index - 1, index + 1) if 0 <= near < len(self.values))

    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`."""
        if is_same(first, second):
            return 0.0
        if not self.ordered:
            return 1.0
        return abs(self._index(first) - self._index(second)) / (len(self.values) - 1)

    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""
        return decode(encode(value))

    def grid(self, num: int) -> Iterator[Json]:
        """See `Dimension.grid`. Without an order there is no spread: then all values are given."""
        check_grid(num)
        if self.ordered and num < len(self.values):
            yield from grid_in_unit(self, num)
        else:
            yield from self._distinct()

    def to_unit(self, value: Json) -> float:
        """See `Scalar.to_unit`."""
        return (self._index(value) + 0.5) / len(self.values)

    def from_unit(self, unit: float) -> Json:
        """See `Scalar.from_unit`."""
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`."""
        return {"choice": list(self.values)} | ({"ordered": True} if self.ordered else {})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        return self.ordered == other.ordered and encode(self.values) == encode(other.values)

    def __hash__(self) -> int:
        return hash((self.ordered, encode(self.values)))

    def _index(self, value: Json) -> int:
        return next(index for index, known in enumerate(self.values) if is_same(known, value))

    def _distinct(self) -> list[Json]:
        distinct: list[Json] = []
        for value in self.values:
            if not any(is_same(known, value) for known in distinct):
                distinct.append(value)
        return distinct
