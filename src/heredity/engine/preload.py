"""Imported once by the process that workers are forked from: loads what every trial needs.

Which function that is comes through the environment, since the fork server takes nothing but module names
(and ignores ``sys.path`` before Python 3.13). No other module imports this one: it would begin while
`heredity.engine` is still being imported, and a function that needs that package could not be loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from heredity.encoding import decode
from heredity.engine.function import FunctionReference
from heredity.engine.lifeline import IS_WORKER, PRELOAD_VARIABLE, die_with_parent
from heredity.engine.trials.worker import warm_up


def _preload(text: str) -> None:
    value = decode(text.encode())
    if isinstance(value, Mapping):
        warm_up(FunctionReference(**value))  # type: ignore[arg-type]  # as the driver has written it


if IS_WORKER:
    die_with_parent()
    _preload(os.environ[PRELOAD_VARIABLE])
