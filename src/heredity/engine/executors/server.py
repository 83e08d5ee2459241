"""The fork server's surroundings: what it reads when it starts, and what it must not see."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing import forkserver
from pathlib import Path
from types import ModuleType

from heredity import encoding
from heredity.engine.environment import environment_with
from heredity.engine.function import FunctionReference
from heredity.engine.lifeline import PRELOAD_VARIABLE

PRELOADING = "heredity.engine.preload"
"""The module that the server imports first. Nobody else may: it would run before the package is whole."""


_Code = tuple[str, str | None, tuple[int, int] | None]
"""A function's module, its folder, and the time and the size of its file."""

_served: _Code | None = None
"""What the fork server of this process has loaded."""


def renew_server(function: FunctionReference) -> None:
    """End the fork server of an earlier experiment, if it has loaded another module, or one edited since.

    From the old one every trial would import its module anew, or run the code of before. It stays while
    processes live that came from it, whoever started them: their ends could not be told.
    """
    global _served  # noqa: PLW0603  # multiprocessing has one server a process, and says nothing of it
    code = _code_of(function)
    if _served not in (None, code):
        if multiprocessing.active_children():
            return
        forkserver._forkserver._stop()  # type: ignore[attr-defined]  # noqa: SLF001  # there is no other way
    _served = code


def _code_of(function: FunctionReference) -> _Code:
    if function.folder is not None:
        file: str | None = str(Path(function.folder, f"{function.module}.py"))
    else:
        file = getattr(sys.modules.get(function.module), "__file__", None)
    if file is None or not Path(file).is_file():
        return function.module, function.folder, None
    about = Path(file).stat()
    return function.module, function.folder, (about.st_mtime_ns, about.st_size)


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
