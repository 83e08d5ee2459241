"""Wait until something appears that nobody will tell us about."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from heredity.errors import InputError, WaitTimeout

T = TypeVar("T")

# One look is a single round trip. Waits that end at once are frequent (the parent has just finished), and
# with these bounds a local wake-up takes 1 ms at first, and 25 ms on the average after a tenth of a second.
FIRST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.05


def wait_until(
    look: Callable[[], T | None],
    *,
    what: str,
    timeout_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> T:
    """Look again and again, ever less often, until there is something; return it.

    Looks at least once, and once more after the last pause, so that what came in time is never missed.

    Raises:
        WaitTimeout: Nothing came in time.
        InputError: The timeout is negative or not a number.
    """
    if math.isnan(timeout_seconds) or timeout_seconds < 0:
        raise InputError(f"Waiting for {what}: a timeout of {timeout_seconds} seconds is not possible.")
    deadline = monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while (found := look()) is None:
        left = deadline - monotonic()
        if left <= 0:
            raise WaitTimeout(
                f"{what} did not appear within {timeout_seconds:g} seconds.",
                hint="Is its writer still running, and is the name right? Wait again with a longer timeout.",
            )
        sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
    return found
