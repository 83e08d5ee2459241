"""Imported once by the process that workers are forked from: loads what every trial needs.

Which function that is comes through the environment, since the fork server takes nothing but module names
(and ignores ``sys.path`` before Python 3.13).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping

from heredity.encoding import decode
from heredity.engine.function import FunctionReference
from heredity.engine.trials.worker import warm_up

VARIABLE = "HEREDITY_PRELOAD"

_PR_SET_PDEATHSIG = 1

IS_WORKER = VARIABLE in os.environ
"""Whether this is the fork server or one of the workers that were forked from it."""


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies.

    The fork server is a child of the driver and the workers are children of the fork server, so that all go
    with the driver. Without this, a worker keeps the fork server alive, and both outlive the driver.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _preload(text: str) -> None:
    value = decode(text.encode())
    if isinstance(value, Mapping):
        folder = value["folder"]
        warm_up(
            FunctionReference(
                str(value["module"]), str(value["name"]), folder=None if folder is None else str(folder)
            )
        )


if IS_WORKER:
    die_with_parent()
    _preload(os.environ[VARIABLE])
