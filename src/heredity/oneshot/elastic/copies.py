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

    It is read and written by the entries' places in memory. For the centres of 16 x 16 kernels that takes
    2 and 3 us; `copy_` of the slice, which goes along runs of three entries, takes 6 us each way.

    Args:
        whole: Where the part lies.
        slices: Which part.
    """

    __slots__ = ("_entries", "_indices", "_view", "_whole", "values")

    def __init__(self, whole: torch.Tensor, slices: Slices) -> None:
        whole = whole.detach()
        self._view = whole[slices]
        self.values = self._view.contiguous()
        self._entries = self.values.view(-1)
        self._whole = whole.view(-1) if whole.is_contiguous() else None
        self._indices = _indices_of(whole, slices)

    def read(self) -> None:
        """Take the values anew."""
        if self._whole is None:
            self.values.copy_(self._view)
        else:
            torch.index_select(self._whole, 0, self._indices, out=self._entries)

    def write(self) -> None:
        """Put the values where they belong."""
        if self._whole is None:
            self._view.copy_(self.values)
        else:
            self._whole.scatter_(0, self._indices, self._entries)


def lies_apart(view: torch.Tensor) -> bool:
    """Whether work on a view, entry by entry, takes longer than on a copy of it."""
    return _run_length(view) < _SHORT_RUN


def _indices_of(whole: torch.Tensor, slices: Slices) -> torch.Tensor:
    """Where the entries of a part lie in a dense tensor, row by row."""
    indices = torch.zeros((), dtype=torch.int64, device=whole.device)
    for each, size in zip(slices, whole.shape, strict=True):
        along = torch.arange(size, device=whole.device)[each]
        indices = indices.unsqueeze(-1) * size + along
    return indices.reshape(-1)


def _run_length(view: torch.Tensor) -> int:
    """How many entries lie beside one another in memory; many if they all do."""
    length = 1
    for size, stride in zip(reversed(view.shape), reversed(view.stride()), strict=True):
        if stride != length and size != 1:
            return length
        length *= size
    return max(length, _SHORT_RUN)
