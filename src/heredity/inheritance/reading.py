"""A parent's tensors, read from the store when they are needed, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from heredity.store import Checkpoint

_AT_ONCE_BYTES = 64 << 20
"""So much is read by one request; much less than a large network, and enough to make requests few."""


class StoredTensors(Mapping[str, torch.Tensor]):
    """The tensors of a checkpoint by name, each read when it is asked for and forgotten soon after.

    What is asked for in the order of `names` is read ahead. On a local disk the tensors are mapped, not read.
    """

    def __init__(self, checkpoint: Checkpoint, names: Sequence[str]) -> None:
        self._checkpoint = checkpoint
        table = checkpoint.manifest.tensors
        self._size_bytes = {name: table[name].size_bytes for name in dict.fromkeys(names) if name in table}
        self._order = list(self._size_bytes)
        self._read: dict[str, torch.Tensor] = {}

    def __getitem__(self, name: str) -> torch.Tensor:
        if name not in self._size_bytes:
            raise KeyError(name)
        if name not in self._read:
            self._read = {}  # before the next ones come, so that there are never two lots
            self._read = self._checkpoint.tensors(self._lot_from(name), framework="torch")
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def _lot_from(self, first: str) -> list[str]:
        lot: list[str] = []
        total = 0
        for name in self._order[self._order.index(first) :]:
            total += self._size_bytes[name]
            if lot and total > _AT_ONCE_BYTES:
                break
            lot.append(name)
        return lot
