"""Which architectures run at a training step, as functions of its number: nothing has to be saved.

A training that goes on after step 500 draws at step 501 what it would have drawn without a break.
"""

from __future__ import annotations

import random
from typing import Protocol

import torch

from heredity.errors import InputError
from heredity.oneshot.choosing import ChoicePoint, Kind
from heredity.oneshot.walking import as_positions, choices, space_of

_NESTED = {Kind.DEPTH, Kind.WIDTH, Kind.KERNEL}
"""Where one candidate is the largest, and holds all others."""


class Sampler(Protocol):
    """Draws the architectures of each step."""

    def draw(self, step: int) -> list[dict[str, int]]:
        """Give the selections of a step, whose gradients are added. The same step gives the same ones."""
        ...


class UniformPaths:
    """One architecture a step, each candidate of a choice as likely as the others (Guo et al. 2020, SPOS).

    Args:
        supernet: What is trained.
        seed: Which random numbers.
    """

    def __init__(self, supernet: torch.nn.Module, *, seed: int) -> None:
        self._points = choices(supernet)
        self._space = space_of(supernet)
        self._seed = seed

    def draw(self, step: int) -> list[dict[str, int]]:
        """See `Sampler.draw`."""
        point = self._space.sample(_generator(self._seed, step))
        return [as_positions(self._points, point)]


class FairPaths:
    """As many architectures a step as a choice has candidates, each of which runs once (Chu et al. 2021).

    This is FairNAS' strict fairness. Where choices have different numbers of candidates, a step has as many
    architectures as the largest has, and the candidates of the others take turns: at no time has one been
    drawn twice more often than another. What is drawn for a choice whose branch does not run is left out, so
    choices inside others are fair among the times that they run only in the mean.

    Args:
        supernet: What is trained.
        seed: Which random numbers.
    """

    def __init__(self, supernet: torch.nn.Module, *, seed: int) -> None:
        self._points = choices(supernet)
        self._seed = seed
        self.num_paths = max((len(point.values) for point in self._points.values()), default=1)

    def draw(self, step: int) -> list[dict[str, int]]:
        """See `Sampler.draw`."""
        places = range(step * self.num_paths, (step + 1) * self.num_paths)
        return [{label: self._turn(point, at) for label, point in self._points.items()} for at in places]

    def _turn(self, point: ChoicePoint, place: int) -> int:
        """The candidate whose turn it is: all take one, in a new order, before any takes another."""
        rounds, turn = divmod(place, len(point.positions))
        order = list(point.positions)
        _generator(self._seed, rounds, point.label).shuffle(order)
        return order[turn]


class Sandwich:
    """The largest, the smallest and some random architectures a step (Yu and Huang 2019; Yu et al. 2020).

    The largest comes first: the others may learn from it. Choices that have no largest candidate, such as
    those of operators, are drawn for each.

    Args:
        supernet: What is trained.
        seed: Which random numbers.
        num_random: How many come between the largest and the smallest.

    Raises:
        InputError: The number is negative.
    """

    def __init__(self, supernet: torch.nn.Module, *, seed: int, num_random: int = 2) -> None:
        if num_random < 0:
            raise InputError(f"Sandwich: num_random: expected at least 0, got {num_random}.")
        self._points = choices(supernet)
        self._seed = seed
        self._num_random = num_random

    def draw(self, step: int) -> list[dict[str, int]]:
        """See `Sampler.draw`."""
        rng = _generator(self._seed, step)
        drawn = [self._drawn(rng) for _ in range(self._num_random + 2)]
        for selection, end in ((drawn[0], -1), (drawn[-1], 0)):
            for label, point in self._points.items():
                if point.kind in _NESTED:
                    selection[label] = point.positions[end]
        return drawn

    def _drawn(self, rng: random.Random) -> dict[str, int]:
        return {label: rng.choice(point.positions) for label, point in self._points.items()}


def _generator(seed: int, *parts: object) -> random.Random:
    return random.Random(f"{seed}/{'/'.join(map(str, parts))}")  # noqa: S311  # no secret
