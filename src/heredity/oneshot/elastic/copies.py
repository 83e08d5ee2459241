"""Dense copies of parts whose entries lie apart from one another, as those of a kernel's centre do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from heredity.oneshot.origins import Slices

_SHORT_RUN = 16
"""Entries lie apart if they lie in shorter runs."""


class Copy:
    """A dense copy of a part, whose entries lie apart from one another in the whole.

    Args:
        whole: Where the part lies.
        slices: Which part.
    """

    __slots__ = ("_place", "values")

    def __init__(self, whole: torch.Tensor, slices: Slices) -> None:
        self._place = whole.detach()[slices]
        self.values = self._place.contiguous()

    def read(self) -> None:
        """Take the values anew."""
        self.values.copy_(self._place)

    def write(self) -> None:
        """Put the values where they belong."""
        self._place.copy_(self.values)


def lies_apart(view: torch.Tensor) -> bool:
    """Whether work on a view, entry by entry, takes longer than on a copy of it."""
    return _run_length(view) < _SHORT_RUN


def _run_length(view: torch.Tensor) -> int:
    """How many entries lie beside one another in memory; many if they all do."""
    length = 1
    for size, stride in zip(reversed(view.shape), reversed(view.stride()), strict=True):
        if stride != length and size != 1:
            return length
        length *= size
    return max(length, _SHORT_RUN)
