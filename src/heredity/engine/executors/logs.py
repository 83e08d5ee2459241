"""The log of an attempt: its end for an error's message, and its middle cut out when it grows too long."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

LOG_TAIL_BYTES = 4_000


def tail_of(log: Path) -> str:
    """What a log ends with, or why it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError as error:
        return f"(no log: {error.strerror})"


def cut_middle(log: Path, *, limit_bytes: int, num_cut: int = 0) -> int:
    """Keep the first half and the last quarter of a log that has grown longer than its limit.

    The worker appends to the same file, so that what it writes next comes after what is kept. What it writes
    during the cut may be lost, uncounted.

    Args:
        log: The file.
        limit_bytes: How long it may be.
        num_cut: How many bytes were cut out of it before.

    Returns:
        How many bytes were cut out of it so far.
    """
    head, tail = limit_bytes // 2, limit_bytes // 4
    with contextlib.suppress(FileNotFoundError), log.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= limit_bytes:
            return num_cut
        file.seek(size - tail)
        end = file.read()
        num_cut += size - head - len(end)
        file.truncate(head)
        note = f"\n[heredity: {num_cut} bytes were cut out here, log_limit_bytes is {limit_bytes}]\n"
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)  # not over what the worker has just appended
        try:
            os.write(descriptor, note.encode() + end)
        finally:
            os.close(descriptor)
    return num_cut
