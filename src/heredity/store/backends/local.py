"""Files on a local disk or on NFS: written aside, synced, linked into place, and moved aside in the end.

On NFS a client remembers for up to 30 s that a name was absent, and ``stat`` and ``open`` by path believe it.
Opening the directory makes the client ask the server (close-to-open consistency, one GETATTR), so every look
at a name begins with a fresh descriptor of its directory: what another machine has put is seen at once.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from heredity.store.backends.base import Backend, Blob, Capabilities, Watcher
from heredity.store.backends.inotify import watch_directory
from heredity.store.backends.local_blob import MAP_FROM_BYTES, LocalBlob
from heredity.store.backends.local_write import link_into_place, write_aside
from heredity.store.backends.posix import (
    STALE_TRIES,
    SystemCalls,
    allocates_well,
    file_system_of,
    has_change_counters,
    let_go,
    maps_well,
    typed_errors,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from heredity.store.tensors import Buffer

T = TypeVar("T")

_TMP = "tmp/"
_TRASH = "trash/"
_READ = os.O_RDONLY | os.O_CLOEXEC
_PROBE_PAUSE_SECONDS = 0.001


class LocalBackend(Backend):
    """Names are files below a root directory; see `Backend` for what is promised.

    Args:
        root: The directory, absolute.
        system: The system calls to use.
        map_files: Whether large reads give pages of the file instead of copies; by default only on file
            systems known to be local.
        map_from_bytes: How large such a read is at least.
    """

    def __init__(
        self,
        root: Path,
        *,
        system: SystemCalls | None = None,
        map_files: bool | None = None,
        map_from_bytes: int = MAP_FROM_BYTES,
    ) -> None:
        self._root = root
        self._system = system or SystemCalls()
        self.url = root.as_uri()
        kind = file_system_of(root)
        is_local = maps_well(kind)
        self._allocates = allocates_well(kind)
        self._touches_directories = not has_change_counters(kind)
        self.capabilities = Capabilities(
            is_shared=True,
            is_durable=True,
            maps_files=is_local if map_files is None else map_files,
            fences_writers=True,
            first_pause_seconds=0.001 if is_local else 0.02,
            # Half of it is what a child on another machine waits after a save; a look is two small requests.
            longest_pause_seconds=0.05 if is_local else 0.1,
        )
        self._map_from_bytes = map_from_bytes if self.capabilities.maps_files else None

    def make_directories(self, names: Iterable[str]) -> None:
        """Make the directories, and those for unfinished and retired files; durable when done."""
        with typed_errors(self._root, "making directories"):
            absent = [path for path in self._root.parents if not path.exists()]
            parents = {self._root, self._root.parent, *(path.parent for path in absent)}
            self._root.mkdir(parents=True, exist_ok=True)
            for name in (_TMP, _TRASH, *names):
                path = self._root / name
                path.mkdir(parents=True, exist_ok=True)
                parents.add(path.parent)
            for path in parents:
                self._sync_directory(path)

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Put the joined pieces under a name, unless it is taken."""
        target = self._root / name
        tmp = self._root / self._unique_tmp()
        try:
            identity = write_aside(tmp, content, system=self._system, allocates=self._allocates)
            if before_commit is not None:
                before_commit()
            with typed_errors(target, "linking into place"), self._directory(target.parent) as directory:
                is_ours = link_into_place(
                    tmp, target, directory=directory, identity=identity, system=self._system
                )
        finally:
            self._discard(tmp)
        # Also if the name was taken: its writer may not have come this far, and our caller will rely on it.
        self.settle(name)
        return is_ours

    def _unique_tmp(self) -> str:
        return f"{_TMP}{os.getpid()}-{secrets.token_hex(12)}"

    def _discard(self, tmp: Path) -> None:
        try:
            self._system.unlink(tmp)
        except OSError:
            # Garbage, swept by age; no reason to fail what has been published.
            return

    def settle(self, name: str) -> None:
        """Sync the directory that holds the name."""
        path = (self._root / name).parent
        with typed_errors(path, "syncing the directory"):
            self._sync_directory(path)

    def _sync_directory(self, path: Path) -> None:
        with self._directory(path) as directory:
            self._system.fsync(directory)
            if self._touches_directories:
                _touch_in_a_later_tick(directory)

    def open(self, name: str) -> Blob | None:
        """Open a name for reading; ``None`` where it is absent."""
        path = self._root / name
        with typed_errors(path, "opening"):
            file = self._look(path, lambda directory: self._system.open(path.name, _READ, dir_fd=directory))
            if file is None:
                return None
            return LocalBlob(file, path=path, system=self._system, map_from_bytes=self._map_from_bytes)

    def exists(self, name: str) -> bool:
        """Whether the name has been put."""
        return self._stat(name) is not None

    def put_at(self, name: str) -> float | None:
        """When a name was put, by the file server's clock; ``None`` where it is absent."""
        found = self._stat(name)
        # Linking changes it; the time of modification is that of the writing, which may lie long before.
        return None if found is None else found.st_ctime_ns / 1e9

    def _stat(self, name: str) -> os.stat_result | None:
        path = self._root / name
        with typed_errors(path, "looking"):
            return self._look(path, lambda directory: self._system.stat(path.name, dir_fd=directory))

    def _look(self, path: Path, call: Callable[[int], T]) -> T | None:
        """Call with a fresh descriptor of the path's directory; ``None`` if the name in it is absent."""

        def attempt() -> T | None:
            with self._directory_if_there(path.parent) as directory:
                try:
                    return None if directory is None else call(directory)
                except FileNotFoundError:
                    return None

        return _unless_stale(attempt)

    @contextmanager
    def _directory(self, path: Path) -> Iterator[int]:
        directory = _unless_stale(lambda: self._open_directory(path))
        try:
            yield directory
        finally:
            let_go(directory)

    @contextmanager
    def _directory_if_there(self, path: Path) -> Iterator[int | None]:
        try:
            directory = _unless_stale(lambda: self._open_directory(path))
        except FileNotFoundError:
            if not self._is_mounted():
                raise
            yield None
            return
        try:
            yield directory
        finally:
            let_go(directory)

    def _open_directory(self, path: Path) -> int:
        try:
            return self._system.open(path, _READ | os.O_DIRECTORY)
        except FileNotFoundError:
            if not path.is_relative_to(self._root):
                raise
            # The absence may be remembered, and its parent's too; so from the top, asking at each step.
            return self._walk(path)

    def _walk(self, path: Path) -> int:
        directory = self._system.open(self._root, _READ | os.O_DIRECTORY)
        for part in path.relative_to(self._root).parts:
            try:
                below = self._system.open(part, _READ | os.O_DIRECTORY, dir_fd=directory)
            finally:
                let_go(directory)
            directory = below
        return directory

    def _is_mounted(self) -> bool:
        """Whether there is anything below the root: a mount point without its file system is empty."""
        with os.scandir(self._root) as entries:
            return next(entries, None) is not None

    def names(self, directory: str) -> list[str]:
        """All names below a directory, whole and sorted."""
        found: list[str] = []
        pending = [directory]
        while pending:
            current = pending.pop()
            with (
                typed_errors(self._root / current, "listing"),
                self._directory_if_there(self._root / current) as fd,
            ):
                for entry in os.scandir(fd) if fd is not None else ():
                    # A file that one process deletes while another reads it stays as .nfs… on the server.
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(f"{current}{entry.name}/")
                    else:
                        found.append(f"{current}{entry.name}")
        return sorted(found)

    def version_of(self, directory: str) -> str | None:
        """The times of the directory's last change, by the file server's clock."""
        path = self._root / directory
        with typed_errors(path, "looking"), self._directory_if_there(path) as fd:
            if fd is None:
                return "absent"
            found = os.fstat(fd)
        return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_ctime_ns}"

    def watch(self, directory: str) -> Watcher:
        """Begin to watch a directory for what this machine puts there."""
        return watch_directory(self._root / directory)

    def retire(self, name: str) -> None:
        """Move a file to where `sweep` will find it. Readers that have it open keep it, on NFSv3 too."""
        path = self._root / name
        trash = self._root / f"{_TRASH}{secrets.token_hex(12)}"
        with typed_errors(path, "retiring"), self._directory_if_there(path.parent) as directory:
            if directory is None:
                return
            try:
                self._system.rename(path.name, trash, src_dir_fd=directory)
            except FileNotFoundError:
                # Absent, or done by a request whose reply was lost; a lost directory is no such thing.
                if not trash.parent.is_dir():
                    raise

    def now(self) -> float:
        """The file server's time, a tick after that of all that was put before."""
        with typed_errors(self._root, "asking for the time"):
            first = self._time_of_a_new_file()
            while (time_now := self._time_of_a_new_file()) <= first:
                time.sleep(_PROBE_PAUSE_SECONDS)
        return time_now

    def _time_of_a_new_file(self) -> float:
        path = self._root / self._unique_tmp()
        file = self._system.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            return os.fstat(file).st_ctime_ns / 1e9
        finally:
            os.close(file)
            self._discard(path)

    def sweep(self, *, before: float) -> None:
        """Delete unfinished files last written, and retired ones moved there, before this time."""
        for name in (_TMP, _TRASH):
            self._sweep(name, before=before)

    def _sweep(self, name: str, *, before: float) -> None:
        path = self._root / name
        with typed_errors(path, "sweeping"), self._directory_if_there(path) as directory:
            for entry in [] if directory is None else list(os.scandir(directory)):
                if entry.name.startswith("."):
                    continue
                try:
                    # Of a file's times the only one that moving changes, and the only one that is right if an
                    # NFS client died just after it had made the file.
                    if self._system.stat(entry.name, dir_fd=directory).st_ctime_ns / 1e9 <= before:
                        self._system.unlink(entry.name, dir_fd=directory)
                except FileNotFoundError:
                    continue  # its writer or another collector was first


def _touch_in_a_later_tick(directory: int) -> None:
    """Change a directory's time once more, so that no client takes it for what it was before."""
    before = os.fstat(directory).st_ctime_ns
    os.utime(directory)
    while os.fstat(directory).st_ctime_ns == before:
        time.sleep(_PROBE_PAUSE_SECONDS)
        os.utime(directory)


def _unless_stale(call: Callable[[], T]) -> T:
    """Repeat a look-up whose directory was replaced on the file server in between."""
    for _ in range(STALE_TRIES - 1):
        try:
            return call()
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
    return call()
