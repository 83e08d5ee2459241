"""The door to obstore, opened once in each process, forked ones too.

obstore does its work in a Rust runtime whose threads a fork leaves behind: in the child every call would wait
for them for ever. What is static in an extension belongs to its file, so a forked child loads the extension
again from a copy of that file (15 MB, 15 ms), and gets a runtime of its own.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

_PACKAGE = "obstore"
_EXTENSION = "obstore._obstore"


@dataclass(frozen=True, slots=True)
class Library:
    """obstore's modules, as one process has loaded them."""

    stores: ModuleType
    exceptions: ModuleType


_of_process: dict[int, Library] = {}
# One lock a process: a lock that another thread holds during a fork stays held in the child.
_locks: dict[int, threading.Lock] = {}


def library() -> Library:
    """Return obstore as this process may use it."""
    pid = os.getpid()
    known = _of_process.get(pid)
    if known is not None:
        return known
    with _locks.setdefault(pid, threading.Lock()):
        if pid not in _of_process:
            if _of_process:
                _load_extension_again()
            _of_process[pid] = _loaded()
    return _of_process[pid]


def _loaded() -> Library:
    from obstore import exceptions, store  # noqa: PLC0415  # 16 ms, for buckets only, and anew in each process

    return Library(store, exceptions)


def _load_extension_again() -> None:
    file = Path(str(sys.modules[_EXTENSION].__file__)).read_bytes()
    descriptor = os.memfd_create(_PACKAGE)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as copy:
            copy.write(file)
        # With the process's id, since both Python and the loader remember libraries by their paths.
        path = f"/proc/{os.getpid()}/fd/{descriptor}"
        loader = ExtensionFileLoader(_EXTENSION, path)
        spec = spec_from_loader(_EXTENSION, loader)
        if spec is None:
            raise ImportError(f"{path}: no extension module is loaded from there.")
        module = module_from_spec(spec)
        loader.exec_module(module)
        # For the next fork.
        module.__file__ = sys.modules[_EXTENSION].__file__
    finally:
        os.close(descriptor)
    dead = [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]
    # Never let go of: what the dead runtime's objects do at their end is not known.
    _abandoned.extend(sys.modules.pop(name) for name in dead)
    sys.modules[_EXTENSION] = module


_abandoned: list[ModuleType] = []
