"""A list of blocks that are alike: architectures whose depth is searched too."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space.dimensions import interfaces
from heredity.space.dimensions.interfaces import Choose, Compound, Dimension, Leaf, Scalar, is_same
from heredity.space.dimensions.ranges import Int
from heredity.space.nested import Group
from heredity.space.space import Space

if TYPE_CHECKING:
    import random


@dataclass(frozen=True, slots=True, init=False)
class Repeat(Compound):
    """A list of blocks, between ``low`` and ``high`` of them; a mutation adds, removes or changes one.

    Example:
        >>> from heredity.space import Choice, Int, Repeat
        >>> blocks = Repeat({"width": Int(8, 64), "kernel": Choice([1, 3])}, 1, 6)
        >>> blocks.problem([{"width": 16, "kernel": 3}, {"width": 128, "kernel": 3}])
        '[1].width: expected an integer from 8 to 64, got 128'

    Attributes:
        block: What each block may be.
        low: The least number of blocks.
        high: The greatest number of blocks.
    """

    block: Dimension
    low: int
    high: int

    def __init__(self, block: Dimension | Space | Mapping[str, Dimension], low: int, high: int) -> None:
        if not (type(low) is int and type(high) is int and 0 <= low <= high):
            raise ConfigError(f"Repeat: expected integers, 0 <= low <= high, got low={low!r}, high={high!r}.")
        dimension = Group(block) if isinstance(block, Space | Mapping) else block
        for attribute, value in {"block": dimension, "low": low, "high": high}.items():
            object.__setattr__(self, attribute, value)

    @property
    def size(self) -> int | None:
        """See `Dimension.size`."""
        size = self.block.size
        if size is None:
            return 1 if self.high == 0 else None
        return sum(math.prod([size] * num) for num in range(self.low, self.high + 1))

    def faults(self, value: Json) -> list[tuple[str, str]]:
        """See `Compound.faults`."""
        if not isinstance(value, list | tuple):
            return [("", f"expected a list, got {value!r}")]
        if not self.low <= len(value) <= self.high:
            return [("", f"expected {self.low} to {self.high} blocks, got {len(value)}")]
        return [
            (f"[{index}]{place}", text)
            for index, item in enumerate(value)
            for place, text in interfaces.faults(self.block, item)
        ]

    def sample(self, rng: random.Random) -> Json:
        """See `Dimension.sample`: each number of blocks is as likely as the others."""
        return [self.block.sample(rng) for _ in range(rng.randint(self.low, self.high))]

    def mutate(self, value: Json, rng: random.Random) -> Json:
        """See `Dimension.mutate`: a drawn block is put in, one is taken out, or one is changed."""
        blocks = _list(value)
        moves = [self._with_one_more, self._with_one_less, self._with_one_changed]
        for move in rng.sample(moves, len(moves)):
            mutant = move(blocks, rng)
            if not is_same(self.canonical(mutant), self.canonical(value)):
                return mutant
        return value

    def neighbours(self, value: Json, rng: random.Random) -> Iterator[Json]:
        """See `Dimension.neighbours`: each block away, each changed, and a drawn one put in at each place."""
        blocks = _list(value)
        for index, block in enumerate(blocks):
            if len(blocks) > self.low:
                yield [*blocks[:index], *blocks[index + 1 :]]
            for other in self.block.neighbours(block, rng):
                yield [*blocks[:index], other, *blocks[index + 1 :]]
        for index in range(len(blocks) + 1) if len(blocks) < self.high else ():
            yield [*blocks[:index], self.block.sample(rng), *blocks[index:]]

    def crossover(self, first: Json, second: Json, rng: random.Random) -> Json:
        """See `Compound.crossover`: one parent's length; blocks that both have are mixed, place by place."""
        longer, shorter = sorted((_list(first), _list(second)), key=len, reverse=True)
        mixed = [interfaces.crossover(self.block, pair, rng) for pair in zip(longer, shorter, strict=False)]
        return mixed + longer[len(shorter) :] if rng.random() < 0.5 else mixed

    def distance(self, first: Json, second: Json) -> float:
        """See `Dimension.distance`: the cheapest edit from one list to the other, by the longer one's length.

        To put a block in or take it out costs 1, to change it costs how far its values lie apart (the
        distance of Levenshtein), so that one block in front does not make all the others differ.
        """
        rows, columns = _list(first), _list(second)
        costs = [float(index) for index in range(len(columns) + 1)]
        for row, block in enumerate(rows, start=1):
            above, costs = costs, [float(row)]
            for column, other in enumerate(columns):
                changed = above[column] + self.block.distance(block, other)
                costs.append(min(changed, above[column + 1] + 1, costs[column] + 1))
        return costs[-1] / max(len(rows), len(columns), 1)

    def canonical(self, value: Json) -> Json:
        """See `Dimension.canonical`."""
        return [self.block.canonical(block) for block in _list(value)]

    def grid(self, num: int) -> Iterator[Json]:
        """See `Compound.grid`."""
        for length in Int(self.low, self.high).grid(num):
            blocks = [list(self.block.grid(num))] * int(str(length))
            yield from map(list, itertools.product(*blocks))

    def compose(self, path: str, choose: Choose) -> Json:
        """See `Compound.compose`."""
        length = choose(f"len({path})", self._lengths)
        return [
            interfaces.compose(self.block, f"{path}[{index}]", choose) for index in range(int(str(length)))
        ]

    def leaves(self, path: str, value: Json) -> Iterator[Leaf]:
        """See `Compound.leaves`."""
        blocks = _list(value)
        yield Leaf(f"len({path})", self._lengths, len(blocks))
        for index, block in enumerate(blocks):
            yield from interfaces.leaves(self.block, f"{path}[{index}]", block)

    def scalars(self, path: str) -> Iterator[tuple[str, Scalar]]:
        """See `Compound.scalars`."""
        yield f"len({path})", self._lengths
        for index in range(self.high):
            yield from interfaces.scalars(self.block, f"{path}[{index}]")

    def to_json(self) -> dict[str, Json]:
        """See `Dimension.to_json`."""
        block = self.block.to_json()
        return {"repeat": block.get("group", block), "length": [self.low, self.high]}

    @property
    def _lengths(self) -> Int:
        return Int(self.low, self.high)

    def _with_one_more(self, blocks: list[Json], rng: random.Random) -> list[Json]:
        if len(blocks) == self.high:
            return blocks
        index = rng.randrange(len(blocks) + 1)
        return [*blocks[:index], self.block.sample(rng), *blocks[index:]]

    def _with_one_less(self, blocks: list[Json], rng: random.Random) -> list[Json]:
        if len(blocks) == self.low:
            return blocks
        index = rng.randrange(len(blocks))
        return [*blocks[:index], *blocks[index + 1 :]]

    def _with_one_changed(self, blocks: list[Json], rng: random.Random) -> list[Json]:
        if not blocks:
            return blocks
        index = rng.randrange(len(blocks))
        return [*blocks[:index], self.block.mutate(blocks[index], rng), *blocks[index + 1 :]]


def _list(value: Json) -> list[Json]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"expected a list, got {value!r}")
    return list(value)
