"""Constants and buffers outside of the state dict: their hash, and the values of small ones."""

from __future__ import annotations

import base64
import hashlib
import sys
from typing import TYPE_CHECKING

import torch

from heredity.errors import CorruptData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heredity.graph import Node

_MAX_BYTES = 64 * 1024
_MAX_TOTAL_BYTES = 1024 * 1024
"""Together they should stay small beside the graph: it is kept with every checkpoint."""


class Constants:
    """Collects the values of one graph; equal values are kept once."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._num_bytes = 0

    def digest(self, value: object, *, name: str) -> str:
        """The hash of a value, which is kept if it is small. A value that is not there has its own name."""
        if not isinstance(value, torch.Tensor) or value.is_meta:
            return "unknown:" + name
        data = _bytes_of(value)
        digest = _digest(data)
        fits = len(data) <= _MAX_BYTES and self._num_bytes + len(data) <= _MAX_TOTAL_BYTES
        if fits and digest not in self.values and sys.byteorder == "little":
            self.values[digest] = base64.b64encode(data).decode()
            self._num_bytes += len(data)
        return digest


def value_of(node: Node, values: Mapping[str, str]) -> torch.Tensor | None:
    """The value of a constant, or None if the graph holds only its hash.

    Raises:
        CorruptData: What the graph holds is not what was hashed, or has another size.
    """
    if node.value_digest not in values or sys.byteorder != "little":
        return None
    data = base64.b64decode(values[node.value_digest])
    dtype = getattr(torch, node.dtype, None)
    if _digest(data) != node.value_digest or not isinstance(dtype, torch.dtype):
        raise CorruptData(f"{node.name}: the graph holds another value than was recorded.")
    shape = node.shape or ()
    if len(data) != dtype.itemsize * torch.Size(shape).numel():
        raise CorruptData(f"{node.name}: the graph holds {len(data)} bytes, which are no {dtype} of {shape}.")
    if not data:
        return torch.empty(shape, dtype=dtype)
    # A copy, since torch wants memory that it may write.
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _bytes_of(value: torch.Tensor) -> bytes:
    flat = value.detach().cpu().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).numpy().tobytes()) if flat.numel() else b""
