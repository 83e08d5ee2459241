"""The fork server's surroundings: what it reads when it starts, and what it must not see."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.machinery import PathFinder
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from heredity import encoding
from heredity.engine.environment import environment_with
from heredity.engine.function import FunctionReference
from heredity.engine.lifeline import PRELOAD_VARIABLE
from heredity.errors import ConfigError

PRELOADING = "heredity.engine.preload"
"""The module that the server imports first. Nobody else may: it would run before the package is whole."""


@dataclass(frozen=True, slots=True)
class _Code:
    """A function's module, where it lies, and the time and the size of its file."""

    module: str
    file: str | None
    stamp: tuple[int, int] | None


_served: _Code | None = None
"""What the fork server of this process has loaded; None if it is not ours."""


def renew_server(function: FunctionReference) -> None:
    """End the fork server of an earlier experiment, if it has loaded another module, or one edited since.

    From the old one every trial would import its module anew, or run the code of before. It stays while
    processes live that came from it, whoever started them: nobody could tell how they end.

    Raises:
        ConfigError: It has to stay, and has loaded the function's module before it was edited.
    """
    global _served  # noqa: PLW0603  # multiprocessing has one server a process, and says nothing of it
    code = _code_of(function)
    if _served == code:
        return
    if any(isinstance(each, ForkServerProcess) for each in multiprocessing.active_children()):
        if _served is not None and (_served.module, _served.file) == (code.module, code.file):
            raise ConfigError(
                f"{code.file} was edited while an experiment of this process runs it, and trials would still "
                "run it as it was.",
                hint="Wait until that experiment is over, or run this one in a process of its own.",
            )
        return
    _end_server()
    _served = code


def _end_server() -> None:
    server: Any = forkserver._forkserver  # noqa: SLF001  # there is no other way
    if server._forkserver_pid is not None:  # noqa: SLF001
        # It would wait for all that holds its pipe, such as what a trial has left running.
        with contextlib.suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, signal.SIGKILL)  # noqa: SLF001
    server._stop()  # noqa: SLF001


def _code_of(function: FunctionReference) -> _Code:
    file = _file_of(function)
    if file is None or not Path(file).is_file():
        return _Code(function.module, file, None)
    about = Path(file).stat()
    return _Code(function.module, file, (about.st_mtime_ns, about.st_size))


def _file_of(function: FunctionReference) -> str | None:
    if function.folder is not None:
        return str(Path(function.folder, f"{function.module}.py"))
    folders: Sequence[str] | None = None  # of the package, which is looked up and not imported
    found = None
    for name in itertools.accumulate(function.module.split("."), "{}.{}".format):
        found = PathFinder.find_spec(name, folders)
        if found is None:
            return None  # the server will say what is wrong with it
        folders = found.submodule_search_locations
    return None if found is None else found.origin


@contextlib.contextmanager
def environment_of_server(function: FunctionReference) -> Iterator[None]:
    """Set what the fork server reads when it starts."""
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
