"""What a trivial trial does, on all sides alike: compute one number, and leave a mark."""

from __future__ import annotations

import os

MARKS = "TRIAL_OVERHEAD_MARKS"
"""Names the file in which each trial leaves one byte, so that whoever measures can count them."""


def value(x: float) -> float:
    """The score of a trivial trial."""
    path = os.environ.get(MARKS)
    if path is not None:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, b".")
        os.close(descriptor)
    return (x - 2) ** 2
