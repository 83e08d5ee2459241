"""How many configurations a halving trains for how many steps: the arithmetic of the papers, in integers."""

from __future__ import annotations

from dataclasses import dataclass

from heredity.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Rung:
    """One round of a halving."""

    num_configurations: int
    max_steps: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The rungs of one bracket, lowest first."""

    bracket: int
    """``s`` in the paper: how often it halves."""
    rungs: tuple[Rung, ...]


def rung_steps(min_steps: int, max_steps: int, *, reduction: int) -> tuple[int, ...]:
    """The steps of each rung, each ``reduction`` times the one below, up to ``max_steps``.

    They are counted down from the top, as in Hyperband (``r = R * eta ** -s``, Li et al. 2018), so that
    somebody always trains for ``max_steps``; where a division leaves a rest, the rung is rounded down.

    Raises:
        ConfigError: The numbers are not 1 <= min_steps <= max_steps, or the reduction is below 2.
    """
    for name, number, least in (("min_steps", min_steps, 1), ("reduction", reduction, 2)):
        if number < least:
            raise ConfigError(f"{name}: expected at least {least}, got {number}.")
    if max_steps < min_steps:
        raise ConfigError(f"max_steps: expected at least min_steps = {min_steps}, got {max_steps}.")
    depth = 0
    while min_steps * reduction ** (depth + 1) <= max_steps:
        depth += 1
    return tuple(max_steps // reduction ** (depth - rung) for rung in range(depth + 1))


def halving_plan(num_configurations: int, steps: tuple[int, ...], *, reduction: int) -> Plan:
    """So many configurations at the lowest rung, and of each rung one in ``reduction`` at the next.

    Raises:
        ConfigError: They are so few that none would reach the last rung.
    """
    bracket = len(steps) - 1
    if num_configurations < reduction**bracket:
        raise ConfigError(
            f"num_configurations: expected at least {reduction**bracket}, so that one of them reaches "
            f"{steps[-1]} steps, got {num_configurations}.",
            hint="Begin with more of them, or raise min_steps.",
        )
    rungs = (Rung(num_configurations // reduction**rung, each) for rung, each in enumerate(steps))
    return Plan(bracket, tuple(rungs))


def hyperband_plans(min_steps: int, max_steps: int, *, reduction: int) -> tuple[Plan, ...]:
    """All brackets of one round of Hyperband, the one that halves most often first.

    ``n = ceil(B / R * eta ** s / (s + 1))`` with ``B = (s_max + 1) * R`` (Li et al. 2018, algorithm 1).
    """
    steps = rung_steps(min_steps, max_steps, reduction=reduction)
    num_brackets = len(steps)
    return tuple(
        halving_plan(
            -(-num_brackets * reduction**bracket // (bracket + 1)), steps[-bracket - 1 :], reduction=reduction
        )
        for bracket in reversed(range(num_brackets))
    )
