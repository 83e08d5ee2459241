"""What the tests have done in the guests; called there by name, and therefore in a file without pytest."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from tests.nfs.lab.guest import SERVER_ONLY

from heredity.errors import RefMoved
from heredity.store import Blob, Checkpoint, LocalBackend, Store, open_store
from heredity.store.backends.posix import SystemCalls

Tensors = dict[str, np.ndarray[Any, Any]]  # Any: whatever shape and dtype was saved


class Gate:
    """A place in a guest's process where one thread waits until the host lets it go on."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._opened = threading.Event()

    def pass_through(self) -> None:
        """Wait here."""
        self._reached.set()
        self._opened.wait()

    def wait_until_reached(self) -> None:
        """Return when a thread waits here."""
        if not self._reached.wait(60):
            raise TimeoutError("nobody came to the gate")

    def open(self) -> None:
        """Let it go on."""
        self._opened.set()


def make_backend(root: Path) -> LocalBackend:
    """A backend with one directory."""
    backend = LocalBackend(root)
    backend.make_directories(["a/"])
    return backend


def put(backend: LocalBackend, name: str, content: bytes, *, gate: Gate | None = None) -> bool:
    """Put a name, passing through a gate after the last check."""
    return backend.put_once(name, [content], before_commit=gate.pass_through if gate else None)


def _stopping_once_before_link() -> SystemCalls:
    """Calls of which the first link stops its process beforehand, as if the machine slept."""
    is_first = True

    def stop_and_link(*args: object, **keywords: object) -> None:
        nonlocal is_first
        if is_first:
            is_first = False
            # To this thread: another might take a signal to the process, and this one link meanwhile.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        SystemCalls().link(*args, **keywords)

    return SystemCalls(link=stop_and_link)


def put_stopping_before_link(root: Path, name: str, content: bytes) -> bool:
    """Put a name in a process that stops just before the link."""
    return LocalBackend(root, system=_stopping_once_before_link()).put_once(name, [content])


def save_child_stopping_before_link(root: Path, *, parent: str, child: str) -> None:
    """Save the parent's weights and one more, in a process that stops just before the link."""
    tensors = open_store(root)[parent].tensors() | {"bias": np.full(1000, 3, dtype=np.float32)}
    store = Store(LocalBackend(root, system=_stopping_once_before_link()), store_id="any")
    store.put(child, tensors, parents=[parent])


def put_with_gate_at_link(root: Path, name: str, content: bytes, *, gate: Gate) -> bool:
    """Put a name, passing through a gate when all but the link itself is done."""

    def wait_and_link(tmp: Path, name: str, *, dst_dir_fd: int, **keywords: object) -> None:
        # Else the kernel asks for this first, and the link is never sent if the replies are lost.
        os.close(os.open(tmp, os.O_RDONLY))
        os.access(tmp, os.R_OK | os.W_OK)
        os.access(".", os.W_OK, dir_fd=dst_dir_fd)
        gate.pass_through()
        SystemCalls().link(tmp, name, dst_dir_fd=dst_dir_fd, **keywords)

    return LocalBackend(root, system=SystemCalls(link=wait_and_link)).put_once(name, [content])


def put_many(backend: LocalBackend, names: list[str], content: bytes) -> list[str]:
    """Put all these names and return those that were won."""
    return [name for name in names if backend.put_once(name, [content])]


def content_of(backend: LocalBackend, name: str) -> bytes | None:
    """The bytes of a name."""
    blob = backend.open(name)
    if blob is None:
        return None
    with blob:
        return blob.read(0, blob.size)


def contents_of(backend: LocalBackend, names: list[str]) -> list[bytes | None]:
    """The bytes of many names."""
    return [content_of(backend, name) for name in names]


def read(blob: Blob, start: int, stop: int) -> bytes:
    """A range of an open blob."""
    return blob.read(start, stop)


def save(store: Store, key: str, *, megabytes: float, value: int) -> None:
    """Save a checkpoint that is filled with one number."""
    store.put(key, {"weight": np.full(int(megabytes * 250_000), value, dtype=np.float32)})


def value_of(store: Store, key: str) -> int:
    """The number that fills a checkpoint, which must be whole."""
    weight = store[key].tensors()["weight"]
    assert (weight == weight[0]).all()
    return int(weight[0])


def set_clock(*, hours_ahead: float) -> None:
    """Put this guest's clock forward."""
    time.clock_settime(time.CLOCK_REALTIME, time.time() + hours_ahead * 3600)


def calls_of(mount: str) -> dict[str, int]:
    """How many requests of each kind this guest has sent for a mount."""
    text = Path("/proc/self/mountstats").read_text("utf-8")
    section = text.partition(f" mounted on {mount} with ")[2].partition("\ndevice ")[0]
    operations = section.partition("per-op statistics")[2]
    counts = re.findall(r"^\s+([A-Z_0-9]+): (\d+)", operations, re.MULTILINE)
    return {name: int(count) for name, count in counts}


def tmp_bytes(root: Path) -> int:
    """Size of all unfinished files, where the server sees them."""
    return sum(entry.stat().st_size for entry in os.scandir(root / "tmp"))


def exists(path: Path) -> bool:
    """Whether there is a file of this name, where the server sees it."""
    return path.exists()


def files_below(root: Path) -> list[str]:
    """All files of a store, where the server sees them."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def sweep_all(backend: LocalBackend, *, seconds_ago: float = 0) -> None:
    """Sweep what is older than now, or than so many seconds."""
    backend.sweep(before=backend.now() - seconds_ago)


def fill_disk(*, leaving_megabytes: int) -> Path:
    """Take nearly all of the server's disk, also root's reserve; delete the file to give it back."""
    filler = Path(SERVER_ONLY, "filler")
    found = os.statvfs(SERVER_ONLY)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bfree * found.f_frsize - (leaving_megabytes << 20))
    return filler


def swap_on_and_on(store: Store, ref: str, keys: list[str]) -> list[int]:
    """Move a ref once for each key, trying until nobody was faster; return the numbers of the moves."""
    return [_swap(store, ref, key) for key in keys]


def _swap(store: Store, ref: str, key: str) -> int:
    while True:
        try:
            return store.refs.swap(ref, key, expected=store.refs.get(ref)).number
        except RefMoved:
            continue


def has(store: Store, key: str) -> bool:
    """Whether there is such a checkpoint now."""
    return key in store


def exists_in(backend: LocalBackend, name: str) -> bool:
    """Whether a name is found by looking for it."""
    return backend.exists(name)


def is_listed(backend: LocalBackend, name: str) -> bool:
    """Whether a name is found in the list of its directory."""
    return name in backend.names(f"{name.rpartition('/')[0]}/")


def can_be_opened(backend: LocalBackend, name: str) -> bool:
    """Whether a name is found by opening it."""
    blob = backend.open(name)
    if blob is not None:
        blob.close()
    return blob is not None


def maps_files(backend: LocalBackend) -> bool:
    """Whether a backend gives pages of files instead of copies."""
    return backend.capabilities.maps_files


def load(store: Store, key: str) -> Tensors:
    """All tensors of a checkpoint."""
    return store[key].tensors()


def tensors_of(checkpoint: Checkpoint) -> Tensors:
    """All tensors of a checkpoint that was found before."""
    return checkpoint.tensors()


def is_filled_with(tensors: Tensors, value: int) -> bool:
    """Whether all numbers are this one."""
    return all(bool((array == value).all()) for array in tensors.values())


def open_blob(backend: LocalBackend, name: str) -> Blob:
    """Open a name that is there."""
    blob = backend.open(name)
    assert blob is not None
    return blob


def ages_of_unfinished(root: Path) -> list[float]:
    """How long ago each unfinished file was written, by the server's files and clock."""
    return [time.time() - entry.stat().st_mtime for entry in os.scandir(root / "tmp")]
