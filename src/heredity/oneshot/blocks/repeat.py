"""`Repeat`: the first so many of a row of blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from heredity.errors import InputError
from heredity.oneshot.blocks.choice import mixed
from heredity.oneshot.choosing import ChoicePoint, Choosing, Condition, Copy, Kind
from heredity.oneshot.selection import position, selected

if TYPE_CHECKING:
    from heredity.oneshot.origins import Origins


class Repeat(Choosing):
    """The first blocks of a row, between ``low`` and ``high`` of them (Cai et al. 2020, OFA: elastic depth).

    A mixture adds what comes out at each depth, each times its weight. The shape may change in the first
    ``low`` blocks only.

    Args:
        blocks: The blocks, as many as ``high``; or a function that makes the block with a number.
        low: The fewest.
        high: The most; by default as many as there are blocks.
        label: The decision's name.

    Raises:
        InputError: The numbers do not fit.
    """

    def __init__(
        self,
        blocks: Sequence[torch.nn.Module] | Callable[[int], torch.nn.Module],
        *,
        low: int,
        high: int | None = None,
        label: str,
    ) -> None:
        super().__init__()
        made = [blocks(number) for number in range(high or 0)] if callable(blocks) else list(blocks)
        high = len(made) if high is None else high
        if not 0 <= low <= high or high != len(made) or not made:
            raise InputError(
                f"{label}: expected 0 <= low <= high = number of blocks, got {low}, {high} and {len(made)}."
            )
        self.blocks = torch.nn.ModuleList(made)
        self._low = low
        depths = tuple(range(low, high + 1))
        self._point = ChoicePoint(label, Kind.DEPTH, depths, len(depths))
        self._label = label

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Run the first blocks, as many as are selected; or mix all depths."""
        chosen = selected(self._label)
        if isinstance(chosen, torch.Tensor):
            return mixed(chosen, self._at_each_depth(value), label=self._label, num=self._point.num_weights)
        for number in range(self._low + position(self._label)):
            value = self.blocks[number](value)
        return value

    def _at_each_depth(self, value: torch.Tensor) -> Iterator[torch.Tensor]:
        if self._low == 0:
            yield value
        for number, block in enumerate(self.blocks, start=1):
            value = block(value)
            if number >= self._low:
                yield value

    def points(self) -> Iterator[ChoicePoint]:
        """See `Choosing.points`."""
        yield self._point

    def branches(self) -> Iterator[tuple[torch.nn.Module, tuple[Condition, ...]]]:
        """See `Choosing.branches`."""
        for number, block in enumerate(self.blocks):
            if number < self._low:
                yield block, ()
            else:
                deep = tuple(range(number + 1 - self._low, self._point.num_candidates))
                yield block, (Condition(self._label, deep),)

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:  # noqa: ARG002  # it has no tensors
        """See `Choosing.fixed`: the blocks that run, one after the other."""
        depth = self._low + selection[self._label]
        row = torch.nn.Sequential(*(copy(block) for block in self.blocks[:depth]))
        row.training = self.training  # the blocks have modes of their own
        return row
