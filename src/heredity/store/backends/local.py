"""Files on a local disk or on NFS: written aside, synced, then linked into place.

On NFS a client remembers for up to 30 s that a name was absent, and ``stat`` and ``open`` by path believe it.
Opening the directory makes the client ask the server (close-to-open consistency, one GETATTR), so every look
at a name begins with a fresh descriptor of its directory: what another machine has put is seen at once.
"""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from heredity.store.backends.base import Backend, Blob, Capabilities
from heredity.store.backends.local_blob import MAP_FROM_BYTES, LocalBlob
from heredity.store.backends.posix import STALE_TRIES, SystemCalls, can_map, no_hard_links, typed_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from heredity.store.tensors import Buffer

T = TypeVar("T")

_TMP = "tmp/"
_READ = os.O_RDONLY | os.O_CLOEXEC
# writev takes at most 1024 buffers (IOV_MAX on Linux) and 2 GiB - 4 KiB a call; it says how much it took.
_BUFFERS_A_CALL = 1024
# Longer than any save lasts; a temporary file of this age has lost its writer.
STALE_TMP_SECONDS = 24 * 3600.0


class LocalBackend(Backend):
    """Names are files below a root directory; see `Backend` for what is promised."""

    def __init__(
        self, root: Path, *, system: SystemCalls | None = None, map_from_bytes: int = MAP_FROM_BYTES
    ) -> None:
        self._root = root
        self._system = system or SystemCalls()
        self.url = root.as_uri()
        self.capabilities = Capabilities(is_shared=True, is_durable=True, maps_files=can_map(root))
        self._map_from_bytes = map_from_bytes if self.capabilities.maps_files else None

    def make_directories(self, names: Iterable[str]) -> None:
        """Make the directories, and the one for temporary files; durable when done."""
        parents = {self._root.parent, self._root}
        with typed_errors(self._root, "making directories"):
            self._root.mkdir(parents=True, exist_ok=True)
            for name in (_TMP, *names):
                path = self._root / name
                path.mkdir(parents=True, exist_ok=True)
                parents.add(path.parent)
            for path in parents:
                self._sync_directory(path)

    def put_once(self, name: str, chunks: Iterable[Buffer]) -> bool:
        """Put the joined chunks under a name, unless it is taken."""
        target = self._root / name
        tmp = self._root / _TMP / f"{os.getpid()}-{secrets.token_hex(12)}"
        try:
            self._write_aside(tmp, chunks)
            linked = self._link(tmp, target)
        finally:
            self._discard(tmp)
        # Also if the name was taken: its writer may not have come this far, and our caller will rely on it.
        self.settle(name)
        return linked

    def _write_aside(self, tmp: Path, chunks: Iterable[Buffer]) -> None:
        with typed_errors(tmp, "writing"):
            file = self._system.open(tmp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                _write_all(file, chunks, write=self._system.write)
                os.fchmod(file, 0o444)
                # Only fsync and close tell of a full disk on a file server. An fsync that failed is never
                # repeated: Linux drops the pages and reports success the second time.
                self._system.fsync(file)
            except BaseException:
                os.close(file)
                raise
            self._system.close(file)

    def _link(self, tmp: Path, target: Path) -> bool:
        with typed_errors(target, "linking into place"), self._directory(target.parent) as directory:
            try:
                self._system.link(tmp, target.name, dst_dir_fd=directory, follow_symlinks=False)
            except OSError as error:
                # A server that restarted may have made the link, lost its reply, and called the repeated
                # request a failure. The number of names of our own file is the truth.
                if self._system.stat(tmp).st_nlink == 2:
                    return True
                if error.errno == errno.EEXIST:
                    return False
                refusal = no_hard_links(error, path=target)
                if refusal is not None:
                    raise refusal from error
                raise
        return True

    def _discard(self, tmp: Path) -> None:
        try:
            self._system.unlink(tmp)
        except OSError:
            # Garbage, swept by age when a store is opened; no reason to fail what has been published.
            return

    def settle(self, name: str) -> None:
        """Sync the directory that holds the name."""
        path = (self._root / name).parent
        with typed_errors(path, "syncing the directory"):
            self._sync_directory(path)

    def _sync_directory(self, path: Path) -> None:
        with self._directory(path) as directory:
            self._system.fsync(directory)

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
        path = self._root / name
        with typed_errors(path, "looking"):
            return (
                self._look(path, lambda directory: self._system.stat(path.name, dir_fd=directory)) is not None
            )

    def _look(self, path: Path, call: Callable[[int], T]) -> T | None:
        """Call with a fresh descriptor of the path's directory; ``None`` if the name in it is absent."""

        def attempt() -> T | None:
            with self._directory(path.parent) as directory:
                try:
                    return call(directory)
                except FileNotFoundError:
                    return None

        return _unless_stale(attempt)

    @contextmanager
    def _directory(self, path: Path) -> Iterator[int]:
        directory = _unless_stale(lambda: self._system.open(path, _READ | os.O_DIRECTORY))
        try:
            yield directory
        finally:
            os.close(directory)

    def names(self, directory: str) -> list[str]:
        """All names below a directory, whole and sorted."""
        found: list[str] = []
        pending = [directory]
        while pending:
            current = pending.pop()
            with typed_errors(self._root / current, "listing"), self._directory(self._root / current) as fd:
                for entry in os.scandir(fd):
                    # A file that one process deletes while another reads it stays as .nfs… on the server.
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(f"{current}{entry.name}/")
                    else:
                        found.append(f"{current}{entry.name}")
        return sorted(found)

    def sweep(self) -> None:
        """Delete temporary files whose writers are long dead; quietly does nothing where it may not."""
        try:
            with self._directory(self._root / _TMP) as directory, os.scandir(directory) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith(".")]
                if names:
                    self._delete_stale(names, directory=directory)
        except OSError:
            return

    def _delete_stale(self, names: list[str], *, directory: int) -> None:
        # By the file server's clock, which made all these times; ours may be hours off.
        probe = f"{os.getpid()}-{secrets.token_hex(12)}"
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory))
        now = os.stat(probe, dir_fd=directory).st_mtime
        os.unlink(probe, dir_fd=directory)
        for name in names:
            if now - os.stat(name, dir_fd=directory).st_mtime > STALE_TMP_SECONDS:
                os.unlink(name, dir_fd=directory)


def _unless_stale(call: Callable[[], T]) -> T:
    """Repeat a look-up whose directory was replaced on the file server in between."""
    for _ in range(STALE_TRIES - 1):
        try:
            return call()
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
    return call()


def _write_all(file: int, chunks: Iterable[Buffer], *, write: Callable[..., int]) -> None:
    source = iter(chunks)
    while batch := [memoryview(chunk).cast("B") for chunk in islice(source, _BUFFERS_A_CALL)]:
        while batch:
            taken = write(file, batch)
            while batch and taken >= batch[0].nbytes:
                taken -= batch.pop(0).nbytes
            if batch:
                batch[0] = batch[0][taken:]
