"""Wait until something appears that nobody may tell us about: be woken if the place can, and look anyway."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from heredity.errors import InputError, WaitTimeout

if TYPE_CHECKING:
    from heredity.store.backends.base import Capabilities, Watcher

T = TypeVar("T")

# Each pause is so much longer than the one before, up to the place's longest.
_GROWTH = 1.5


def wait_until(
    look: Callable[[], T | None],
    *,
    what: str,
    timeout_seconds: float,
    watch: Callable[[], Watcher],
    capabilities: Capabilities,
    monotonic: Callable[[], float] = time.monotonic,
) -> T:
    """Look again and again, whenever the watcher wakes us and ever less often, until there is something.

    Looks at least once, and once more after the last pause, so that what came in time is never missed.
    What `look` raises goes through.

    Args:
        look: Returns what is waited for, or ``None`` where it is not there yet.
        what: What is waited for, as the beginning of a sentence.
        timeout_seconds: For how long; with 0 there is no pause.
        watch: Begins to watch where it will appear. Called only if the first look finds nothing, which is
            the rarer case; the second look comes after it, so that nothing is missed in between.
        capabilities: Of the place; they say how long to pause.
        monotonic: The clock.

    Raises:
        WaitTimeout: Nothing came in time.
        InputError: The timeout is negative or not a number.
    """
    _check_timeout(timeout_seconds, what=what)
    deadline = monotonic() + timeout_seconds
    if (found := look()) is not None:
        return found
    pause = capabilities.first_pause_seconds
    with watch() as watcher:
        while (found := look()) is None:
            left = deadline - monotonic()
            if left <= 0:
                raise WaitTimeout(
                    f"{what} did not appear within {timeout_seconds:g} seconds.",
                    hint="Does its writer run, and is the name right? Wait again with a longer timeout.",
                )
            watcher.pause(min(pause, left))
            pause = min(pause * _GROWTH, capabilities.longest_pause_seconds)
    return found


def _check_timeout(timeout: object, *, what: str) -> None:
    if not isinstance(timeout, int | float) or math.isnan(timeout) or timeout < 0:
        raise InputError(
            f"Waiting for {what}: a timeout of {timeout} seconds is not possible; "
            "expected a number that is not negative."
        )
