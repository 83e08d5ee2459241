"""One file put once: written aside, synced, linked. The commit is the link, and the link count its proof."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

from heredity.errors import WriteSwept
from heredity.store.backends.base import SizedContent
from heredity.store.backends.posix import SystemCalls, let_go, no_hard_links, typed_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from heredity.store.tensors import Buffer

# writev takes at most 1024 buffers (IOV_MAX on Linux) and 2 GiB - 4 KiB a call; it says how much it took.
_BUFFERS_A_CALL = 1024
# With 100 MB in one call, Linux now and then spends 100 ms instead of 20 on copying them.
_BYTES_A_CALL = 1 << 20
# By a file system that has no such call, or not for this file.
_CANNOT_ALLOCATE = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENODEV}


class FileIdentity(NamedTuple):
    """What tells a file from all others. Not its inode's number alone, which is given away again at once:
    whoever gets it after a sweep writes later than anything that was swept.
    """

    inode: int
    modified_ns: int
    size: int

    @classmethod
    def of(cls, found: os.stat_result) -> FileIdentity:
        """The identity of a file that is written; linking it and changing its mode leave it as it is."""
        return cls(found.st_ino, found.st_mtime_ns, found.st_size)


def write_aside(
    tmp: Path, content: Iterable[Buffer], *, system: SystemCalls, allocates: bool
) -> FileIdentity:
    """Write a new file, synced and never to be changed; return its identity.

    ``allocates``: first make room for all of it, if its length is known.
    """
    with typed_errors(tmp, "writing"):
        file = system.open(tmp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if allocates and isinstance(content, SizedContent):
                _allocate(file, content.size_bytes, allocate=system.allocate)
            written = _write_all(file, content, write=system.write)
            system.fchmod(file, 0o444)
            # Only fsync and close tell of a full disk on a file server. An fsync that failed is never
            # repeated: Linux drops the pages and reports success the second time.
            system.fsync(file)
            identity = _identity(file, num_bytes=written)
        except BaseException:
            let_go(file)
            raise
        system.close(file)
    return identity


def _identity(file: int, *, num_bytes: int) -> FileIdentity:
    identity = FileIdentity.of(os.fstat(file))
    if identity.size != num_bytes:
        raise AssertionError("a content shorter than it says would be followed by zeros")
    return identity


def _allocate(file: int, size_bytes: int, *, allocate: Callable[[int, int, int], None]) -> None:
    try:
        allocate(file, 0, size_bytes)
    except OSError as error:
        # It would have been faster, no more. A full disk is told here, before anything is written.
        if error.errno not in _CANNOT_ALLOCATE:
            raise


def _write_all(file: int, content: Iterable[Buffer], *, write: Callable[..., int]) -> int:
    written = 0
    for batch in _batches(content):
        while batch:
            taken = write(file, batch)
            written += taken
            while batch and taken >= batch[0].nbytes:
                taken -= batch.pop(0).nbytes
            if batch:
                batch[0] = batch[0][taken:]
    return written


def _batches(content: Iterable[Buffer]) -> Iterator[list[memoryview]]:
    batch: list[memoryview] = []
    size_bytes = 0
    for piece in content:
        view = memoryview(piece).cast("B")
        batch.append(view)
        size_bytes += view.nbytes
        if len(batch) == _BUFFERS_A_CALL or size_bytes >= _BYTES_A_CALL:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def link_into_place(
    tmp: Path, target: Path, *, directory: int, identity: FileIdentity, system: SystemCalls
) -> bool:
    """Give the file its name in the target's open directory, unless the name is taken; say whether it has it.

    Raises:
        WriteSwept: A collection has deleted the file meanwhile.
        StoreLocationError: The file system has no hard links, or may not be written.
        StoreUnavailable: The link failed otherwise, and was not made.
    """
    with typed_errors(target, "linking into place"):
        try:
            system.link(tmp, target.name, dst_dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            # A server that restarted may have made the link, lost its reply, and called the repeated
            # request a failure. The number of names of our own file is the truth.
            num_names = _num_names(tmp, system=system)
            if num_names == 2 or _is(target.name, identity, directory=directory, system=system):
                return True
            if error.errno == errno.EEXIST:
                return False
            if num_names == 0:
                raise WriteSwept(
                    f"{target}: was taken for the file of a dead writer and swept by a collection.",
                    hint="Save again, and collect with a grace that is longer than any save takes.",
                ) from error
            refusal = no_hard_links(error, path=target)
            if refusal is not None:
                raise refusal from error
            raise
    return True


def _num_names(tmp: Path, *, system: SystemCalls) -> int:
    """How many names a file has; 0 where it is gone. By opening it: ``stat`` may know old facts on NFS."""
    try:
        file = system.open(tmp, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        return os.fstat(file).st_nlink
    finally:
        let_go(file)


def _is(name: str, identity: FileIdentity, *, directory: int, system: SystemCalls) -> bool:
    try:
        return FileIdentity.of(system.stat(name, dir_fd=directory)) == identity
    except OSError:
        return False
