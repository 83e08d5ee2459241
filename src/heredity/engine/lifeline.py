"""Processes that end with those that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PRELOAD_VARIABLE = "HEREDITY_PRELOAD"
"""Set in the fork server and in what is forked from it: what to import first."""

IS_WORKER = PRELOAD_VARIABLE in os.environ
"""Whether this is the fork server or one of the workers that were forked from it."""

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies.

    The fork server is a child of the driver and the workers are children of the fork server, so that all go
    with the driver. Without this, a worker keeps the fork server alive, and both outlive the driver.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
