"""The fork server's surroundings: what it reads when it starts, and what it must not see."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from types import ModuleType

from heredity import encoding
from heredity.engine.environment import environment_with
from heredity.engine.function import FunctionReference
from heredity.engine.lifeline import PRELOAD_VARIABLE

PRELOADING = "heredity.engine.preload"
"""The module that the server imports first. Nobody else may: it would run before the package is whole."""


@contextlib.contextmanager
def environment_of_server(function: FunctionReference) -> Iterator[None]:
    """Set what the fork server reads when it starts; one server lives as long as this process."""
    names = {
        PRELOAD_VARIABLE: encoding.encode(asdict(function)).decode(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        # A module that asks `torch.cuda.is_available()` while it is imported must not begin to use CUDA in
        # the server: processes that are forked from it could not use it then.
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    }
    with environment_with(names):
        yield


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Keep multiprocessing from running the main script again in every worker.

    Workers find all they need by its name, so they need no copy of ``__main__``; and a script without the
    usual guard would begin the experiment anew in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
