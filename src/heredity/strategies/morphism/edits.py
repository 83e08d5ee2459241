"""Edits of an architecture, declared by names: what may grow, shrink or change, one value at a time."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Choice, Dimension, Nested, Parameters, Repeat, Scalar, Space
from heredity.space.dimensions.interfaces import is_same
from heredity.strategies.morphism.places import Place, as_list, completed, names, places, replaced

if TYPE_CHECKING:
    import random

_STEP = 0.2
"""The standard deviation of a step in the unit interval, before its sign is taken: as a mutation's."""

_Make = Callable[[Place, "random.Random"], tuple[Json, str] | None]
"""Another value of a place and what to say of it; None if there is no other on this side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """Which values of a space may be edited, and how.

    Names are those of the space: ``width`` for a dimension, ``blocks`` for the number of blocks of a
    `heredity.space.Repeat`, ``blocks.width`` for the widths in all of them, ``layer.conv.kernel`` inside the
    option ``conv`` of a `heredity.space.Nested`; ``widths[]`` for the values of a list of plain numbers.

    A network that only grows can keep its function (Chen et al. 2016, "Net2Net"; Wei et al. 2016, "Network
    morphism"). Whether it does is proven when the child inherits, by the certificate in its record.

    Attributes:
        growing: What may become larger: numbers, ordered choices (from the smallest network to the largest,
            as in ``Choice([False, True], ordered=True)`` for a skip), and numbers of blocks, where a copy
            of a block is put in behind it.
        shrinking: What may become smaller. Such a child is approximate: it keeps what matters most.
        changing: What may take any other value, such as a learning rate, or an activation, with which the
            child is approximate too.
        strict: Whether a child that has only grown has the policy ``"exact"`` in its ``info``, so that one
            whose function is not kept fails instead of training on.
    """

    growing: tuple[str, ...]
    shrinking: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()
    strict: bool = False

    def __post_init__(self) -> None:
        for attribute in ("growing", "shrinking", "changing"):
            value = getattr(self, attribute)
            if isinstance(value, str):
                raise ConfigError(f"Edits: {attribute}: expected several names, got the text {value!r}.")
            object.__setattr__(self, attribute, tuple(value))
        if not self.growing + self.shrinking + self.changing:
            raise ConfigError("Edits: expected at least one name, got none.")

    def check(self, space: Space) -> None:
        """Refuse what a space does not have, or cannot do.

        Raises:
            ConfigError: A name is not in the space, or has no larger and smaller values.
        """
        known = names(space)
        for name in (*self.growing, *self.shrinking, *self.changing):
            if name not in known:
                inside = [each for each in known if each.endswith(f".{name}")]
                near = inside or difflib.get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"The names are {', '.join(known)}."
                raise ConfigError(f"Edits: {name!r} is not in the space.", hint=hint)
        for name in (*self.growing, *self.shrinking):
            if not _has_order(known[name]):
                raise ConfigError(
                    f"Edits: {name!r} has no larger and smaller values: {known[name]!r}.",
                    hint="List the values from the smallest network to the largest, with ordered=True; "
                    "or name it under `changing`.",
                )

    def policy(self, edited: Edited) -> str:
        """How a child should inherit, as `heredity.Trial.begin` takes it."""
        return "exact" if self.strict and edited.has_only_grown else "best_effort"


@dataclass(frozen=True, slots=True)
class Edited:
    """A point after one edit or several."""

    point: dict[str, Json]
    told: tuple[str, ...] = ()
    """What was done, such as ``blocks[1].width: 16 -> 24``."""
    has_only_grown: bool = True


def edited_once(space: Space, before: Edited, edits: Edits, rng: random.Random) -> Iterator[Edited]:
    """Yield legal points one edit away, in random order: each place in each way that it may be edited.

    Args:
        space: The space.
        before: A legal point, with the edits that led to it.
        edits: What may be edited.
        rng: Draws the order and the values.
    """
    present = list(places(space, before.point))
    kinds: list[tuple[tuple[str, ...], _Make, bool]] = [
        (edits.growing, _larger, True),
        (edits.shrinking, _smaller, False),
        (edits.changing, _other, False),
    ]
    ways = [
        (place, make, grows) for allowed, make, grows in kinds for place in present if place.name in allowed
    ]
    had = Counter(place.name for place in present)
    for place, make, grows in rng.sample(ways, len(ways)):
        made = make(place, rng)
        if made is None:
            continue
        point = completed(space, replaced(before.point, place, made[0]), rng)
        if grows and had - Counter(each.name for each in places(space, point)):
            continue  # its condition has put something else out of action, which is no growth
        if not space.problems(point):
            told = (*before.told, f"{place.path}: {made[1]}")
            yield Edited(space.canonical(point), told, before.has_only_grown and grows)


def edited(space: Space, point: Parameters, edits: Edits, rng: random.Random, *, num: int) -> Edited | None:
    """Edit a point up to ``num`` times, each time at random; None if nothing can be edited."""
    now = Edited(dict(point))
    for _ in range(num):
        further = next(edited_once(space, now, edits, rng), None)
        if further is None:
            break
        now = further
    return now if now.told else None


def _has_order(dimension: Dimension) -> bool:
    return not isinstance(dimension, Nested) and (not isinstance(dimension, Choice) or dimension.ordered)


def _larger(place: Place, rng: random.Random) -> tuple[Json, str] | None:
    if isinstance(place.dimension, Repeat):
        return _deeper(place.dimension, as_list(place.value), rng)
    return _stepped(place, rng, sign=1.0)


def _smaller(place: Place, rng: random.Random) -> tuple[Json, str] | None:
    if isinstance(place.dimension, Repeat):
        return _shallower(place.dimension, as_list(place.value), rng)
    return _stepped(place, rng, sign=-1.0)


def _other(place: Place, rng: random.Random) -> tuple[Json, str] | None:
    value = place.dimension.mutate(place.value, rng)
    if is_same(place.dimension.canonical(value), place.dimension.canonical(place.value)):
        return None
    return value, _change(place.value, value)


def _deeper(dimension: Repeat, blocks: list[Json], rng: random.Random) -> tuple[Json, str] | None:
    if len(blocks) == dimension.high:
        return None
    if not blocks:
        return [dimension.block.sample(rng)], "a first block"
    # A copy has the widths of its surroundings, without which few networks can keep their function.
    index = rng.randrange(len(blocks))
    return [*blocks[: index + 1], *blocks[index:]], f"a copy of block {index} behind it"


def _shallower(dimension: Repeat, blocks: list[Json], rng: random.Random) -> tuple[Json, str] | None:
    if len(blocks) == dimension.low:
        return None
    index = rng.randrange(len(blocks))
    return [*blocks[:index], *blocks[index + 1 :]], f"without block {index}"


def _stepped(place: Place, rng: random.Random, *, sign: float) -> tuple[Json, str] | None:
    """Step up or down a scalar: the half of a mutation that lies on this side, or the next value."""
    dimension = cast("Scalar", place.dimension)  # what has an order, and is no list of blocks
    here = dimension.to_unit(place.value)
    drawn = dimension.from_unit(min(max(here + sign * abs(rng.gauss(0.0, _STEP)), 0.0), 1.0))
    near = [drawn, *dimension.neighbours(place.value, rng)]
    beyond = [value for value in near if sign * (dimension.to_unit(value) - here) > 0.0]
    return (beyond[0], _change(place.value, beyond[0])) if beyond else None


def _change(old: Json, new: Json) -> str:
    return f"{old!r:.60} -> {new!r:.60}"
