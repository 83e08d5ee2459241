"""The clocks that a store goes by, beside those of the places where it lies."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def utc_now() -> datetime:
    """The time of day, for people to read."""
    return datetime.now(UTC)


def seconds_since_boot() -> float:
    """Seconds that only ever grow, and go on while the machine sleeps, which the monotonic clock's do not."""
    return time.clock_gettime(_CLOCK)
