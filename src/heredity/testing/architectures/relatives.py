"""Random members of a kind: families of several, and pairs of a parent and a child."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from heredity.testing.architectures.kinds import KINDS, Kind, Style
from heredity.testing.generators import disturbed

if TYPE_CHECKING:
    import random

    from torch import nn

Direction = Literal["grow", "any"]


@dataclass(frozen=True, slots=True)
class Relatives:
    """Several members of one kind, of the same styles.

    Attributes:
        kind: What they are.
        styles: What they share.
        sizes: In what they differ; the first is no larger than any other in any way.
        modules: The networks, in float64, their weights and statistics disturbed.
        inputs: Random inputs that fit all of them.
    """

    kind: Kind
    styles: Mapping[str, Style]
    sizes: tuple[Mapping[str, int], ...]
    modules: tuple[nn.Module, ...]
    inputs: tuple[torch.Tensor, ...]

    def change(self, parent: int, child: int) -> dict[str, tuple[int, int]]:
        """The dimensions in which two of them differ, with both sizes."""
        theirs, ours = self.sizes[parent], self.sizes[child]
        return {name: (theirs[name], ours[name]) for name in ours if theirs[name] != ours[name]}


@dataclass(frozen=True, slots=True)
class Pair:
    """A parent and a child of the same kind.

    Attributes:
        kind: The kind's name.
        styles: What the two share.
        parent: The parent, in float64.
        child: The child, in float64.
        inputs: Random inputs for both.
        change: The dimensions that differ, with the parent's and the child's size.
    """

    kind: str
    styles: Mapping[str, Style]
    parent: nn.Module
    child: nn.Module
    inputs: tuple[torch.Tensor, ...]
    change: Mapping[str, tuple[int, int]]

    def __str__(self) -> str:
        """The pair in one line, so that a failure can be read."""
        changes = ", ".join(f"{name} {a}->{b}" for name, (a, b) in self.change.items())
        styles = ", ".join(f"{name}={value}" for name, value in self.styles.items())
        return f"{self.kind}({styles}): {changes}"


def random_relatives(rng: random.Random, kind: str, *, count: int) -> Relatives:
    """Draw members of a kind.

    Args:
        rng: Decides everything; torch's own generator is left as it is.
        kind: The kind's name.
        count: How many members.
    """
    found = KINDS[kind]
    drawn = [
        {name: rng.choice(options) for name, options in found.sizes.items()} for _ in range(max(count, 1))
    ]
    smallest = {name: min(sizes[name] for sizes in drawn) for name in found.sizes}
    others = [{name: _kept(rng, smallest[name], size) for name, size in each.items()} for each in drawn[1:]]
    return _built(rng, found, styles=_styles(rng, found), sizes=(smallest, *others))


def random_pair(
    rng: random.Random,
    *,
    kinds: Collection[str] | None = None,
    direction: Direction = "grow",
    changing: Collection[str] | None = None,
    styles: Mapping[str, Style] | None = None,
) -> Pair:
    """Draw a parent and a child that differ in at least one dimension.

    Args:
        rng: Decides everything; torch's own generator is left as it is.
        kinds: Names of the kinds to draw from; all if not given.
        direction: ``"grow"``: the child is nowhere smaller. ``"any"``: each dimension as it comes.
        changing: The dimensions that differ, each of them; if not given, one or more as they come.
        styles: Styles that are to be so; the others are drawn.
    """
    found = KINDS[rng.choice(sorted(KINDS if kinds is None else kinds))]
    names = sorted(found.sizes)
    changed = rng.sample(names, rng.randint(1, len(names))) if changing is None else list(changing)
    theirs = {name: rng.choice(options) for name, options in found.sizes.items()}
    ours = dict(theirs)
    for name in changed:
        two = rng.sample(found.sizes[name], 2)
        theirs[name], ours[name] = sorted(two) if direction == "grow" else two
    shared = {**_styles(rng, found), **(styles or {})}
    both = _built(rng, found, styles=shared, sizes=(theirs, ours))
    parent, child = both.modules
    return Pair(found.name, both.styles, parent, child, both.inputs, both.change(0, 1))


def _kept(rng: random.Random, smallest: int, size: int) -> int:
    """Half of a member's sizes are the family's smallest, so that few of them change at a time."""
    return size if rng.random() < 0.5 else smallest


def _styles(rng: random.Random, kind: Kind) -> dict[str, Style]:
    return {name: rng.choice(options) for name, options in kind.styles.items()}


def _built(
    rng: random.Random, kind: Kind, *, styles: Mapping[str, Style], sizes: tuple[Mapping[str, int], ...]
) -> Relatives:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(rng.randrange(2**31))
        modules = tuple(disturbed(kind.build(**each, **styles).double()) for each in sizes)
        smallest = {name: min(each[name] for each in sizes) for name in kind.sizes}
        inputs = tuple(each.double() if each.is_floating_point() else each for each in kind.inputs(smallest))
    return Relatives(kind, styles, sizes, modules, inputs)
