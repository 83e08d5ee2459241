"""Ranks: the processes that train one model together; the first one decides, and the others are told."""

from __future__ import annotations

import torch.distributed


def is_first() -> bool:
    """Whether this process is the first of its group, or alone."""
    return not _is_group() or torch.distributed.get_rank() == 0


def agreed(value: str | None) -> str | None:
    """What the first process says; all must call it.

    Args:
        value: What it says; of no importance elsewhere.
    """
    if not _is_group():
        return value
    box = [value]
    torch.distributed.broadcast_object_list(box, src=0)
    return box[0]


def _is_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
