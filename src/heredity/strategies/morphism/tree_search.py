"""The search for the most promising untried architecture: edits of edits of tried ones, as a tree."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.encoding import Json, encode
from heredity.errors import ConfigError
from heredity.space import Space
from heredity.strategies.morphism.distance import Floats
from heredity.strategies.morphism.edits import Edited, Edits, edited_once

if TYPE_CHECKING:
    import random

Promise = Callable[[Sequence[dict[str, Json]]], Floats]
"""How much may be expected of points; more is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """How a Bayesian search explores, and how long it looks at its model before a network is trained.

    Attributes:
        num_founders: So many trials come first, and have no parents.
        optimism: How many standard deviations are added to what is expected of an architecture: 2.576, as in
            Auto-Keras, is the upper end of an interval that covers 99 in 100 cases; less stays nearer to what
            is known.
        num_edits: How many edits of each architecture are looked at.
        num_expanded: How many architectures are edited at most.
        lowest_temperature: The temperature falls evenly, on a logarithmic scale, from 1 to this one.
    """

    num_founders: int = 3
    optimism: float = 2.576
    num_edits: int = 12
    num_expanded: int = 60
    lowest_temperature: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("num_founders", "num_edits", "num_expanded"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigError(f"Exploration: {name}: expected an integer of at least 1, got {value!r}.")
        if not 0.0 <= self.optimism < math.inf:
            raise ConfigError(f"Exploration: optimism: expected 0 or more, got {self.optimism!r}.")
        if not 0.0 < self.lowest_temperature <= 1.0:
            raise ConfigError(
                f"Exploration: lowest_temperature: expected above 0 and at most 1, got "
                f"{self.lowest_temperature!r}."
            )


@dataclass(frozen=True, slots=True)
class Found:
    """The most promising untried architecture."""

    origin: int
    """The tried one that the edits began from, by its number among them."""
    edited: Edited
    promise: float


def most_promising(  # noqa: PLR0913  # what a search is made of
    space: Space,
    tried: Sequence[dict[str, Json]],
    *,
    promise: Promise,
    edits: Edits,
    exploration: Exploration,
    known: frozenset[bytes],
    rng: random.Random,
) -> Found | None:
    """Search by A* with simulated annealing (Jin, Song and Hu 2019, algorithm 1).

    The most promising architecture in the queue is edited. What comes out joins the queue if it is better
    than all before it, or else with a chance that falls with the temperature, so that the search at first
    leaves local optima and in the end does not.

    Args:
        space: The space.
        tried: Where edits may begin.
        promise: How much may be expected of points.
        edits: What may be edited.
        exploration: How widely and how long.
        known: What is not looked for, as canonical JSON: all that was proposed before.
        rng: Draws the edits and their luck.

    Returns:
        The best that was seen; None if no edit that was looked at leads to anything that is not known.
    """
    numbers = itertools.count()
    queue = [
        (-value, next(numbers), origin, Edited(point))
        for origin, (point, value) in enumerate(zip(tried, promise(tried).tolist(), strict=True))
    ]
    heapq.heapify(queue)
    best: Found | None = None
    seen, num_expanded = set(known), 0
    while queue and num_expanded < exploration.num_expanded:
        _, _, origin, parent = heapq.heappop(queue)
        children = _unseen(space, parent, edits=edits, rng=rng, num=exploration.num_edits, seen=seen)
        if not children:
            continue  # it is as large as can be, or surrounded by what is known
        temperature = exploration.lowest_temperature ** (num_expanded / max(exploration.num_expanded - 1, 1))
        num_expanded += 1
        for child, value in zip(children, promise([each.point for each in children]).tolist(), strict=True):
            gain = math.inf if best is None else value - best.promise
            if gain >= 0.0 or math.exp(gain / temperature) > rng.random():
                heapq.heappush(queue, (-value, next(numbers), origin, child))
            if gain > 0.0:
                best = Found(origin, child, value)
    return best


def _unseen(
    space: Space, parent: Edited, *, edits: Edits, rng: random.Random, num: int, seen: set[bytes]
) -> list[Edited]:
    """Some edits of an architecture that have not been seen in this search, nor been proposed before it."""
    children: list[Edited] = []
    for child in itertools.islice(edited_once(space, parent, edits, rng), num):
        written = encode(child.point)  # it is canonical; a fingerprint would make it so once more
        if written not in seen:
            seen.add(written)
            children.append(child)
    return children
