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
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

_PACKAGE = "obstore"
_EXTENSION = "obstore._obstore"


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """obstore's modules, as one process has loaded them."""

    stores: ModuleType
    exceptions: ModuleType


class _Door:
    """What this process has loaded."""

    def __init__(self) -> None:
        self.opened: Library | None = None
        self.is_stale = False
        self.lock = threading.Lock()

    def open(self) -> Library:
        """Load obstore, once."""
        with self.lock:
            if self.opened is None:
                if self.is_stale:
                    _load_extension_again()
                    self.is_stale = False
                self.opened = _loaded()
            return self.opened

    def forked(self) -> None:
        """Begin anew in a child; another thread of the parent may have held the lock."""
        self.lock = threading.Lock()
        self.is_stale = self.is_stale or self.opened is not None
        self.opened = None


_door = _Door()
os.register_at_fork(after_in_child=_door.forked)


def library() -> Library:
    """Return obstore as this process may use it."""
    return _door.opened or _door.open()


def _loaded() -> Library:
    from obstore import exceptions, store  # noqa: PLC0415  # 16 ms, for buckets only, and anew in each process

    return Library(store, exceptions)


def _load_extension_again() -> None:
    file = str(sys.modules[_EXTENSION].__file__)
    dead = [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]
    # Never let go of: what the dead runtime's objects do at their end is not known.
    _abandoned.extend(sys.modules.pop(name) for name in dead)
    descriptor = os.memfd_create(_PACKAGE)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as copy:
            copy.write(Path(file).read_bytes())
        # With the process's id, since both Python and the loader remember libraries by their paths.
        loader = ExtensionFileLoader(_EXTENSION, f"/proc/{os.getpid()}/fd/{descriptor}")
        module = module_from_spec(ModuleSpec(_EXTENSION, loader, origin=loader.path))
        loader.exec_module(module)
    finally:
        os.close(descriptor)
    module.__file__ = file  # for the next fork
    sys.modules[_EXTENSION] = module


_abandoned: list[ModuleType] = []
