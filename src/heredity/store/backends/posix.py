"""The system calls of a directory store, replaceable for fault injection, and what their errors mean."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from heredity.errors import HeredityError, StoreFull, StoreLocationError, StoreUnavailable


@dataclass(frozen=True, slots=True)
class SystemCalls:
    """The calls that can fail on a real disk. Tests replace one; see ``heredity.testing.faults``."""

    # Any: each has the signature of its namesake in os.
    open: Callable[..., int] = os.open
    close: Callable[[int], None] = os.close
    allocate: Callable[[int, int, int], None] = os.posix_fallocate
    write: Callable[..., int] = os.writev
    fsync: Callable[[int], None] = os.fsync
    fchmod: Callable[[int, int], None] = os.fchmod
    link: Callable[..., None] = os.link
    unlink: Callable[..., None] = os.unlink
    rename: Callable[..., None] = os.rename
    preadv: Callable[..., int] = os.preadv
    stat: Callable[..., Any] = os.stat


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

# As many as Dovecot takes; a name that is stale ten times in a row is no race any more.
STALE_TRIES = 10


@contextmanager
def typed_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn the operating system's errors into ours, saying where and what to do."""
    try:
        yield
    except HeredityError:
        raise  # those that are OSErrors too
    except OSError as error:
        raise _typed(error, path=path, doing=doing) from error


def _typed(error: OSError, *, path: Path, doing: str) -> HeredityError:
    message = f"{path}: {doing} failed: {error.strerror or error}."
    if error.errno in _FULL:
        return StoreFull(message, hint="Free some space or raise the quota; nothing was published.")
    if error.errno in _FORBIDDEN:
        return StoreLocationError(
            message, hint="The store can be read but not written from here, or not at all."
        )
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return StoreUnavailable(
            message, hint="A part of the store is gone; is its file system still mounted?"
        )
    return StoreUnavailable(message, hint="Try again; if it goes on, look at the disk or the file server.")


def let_go(file: int) -> None:
    """Close what was only read: nothing is lost if that fails, and Linux closes it all the same."""
    try:
        os.close(file)
    except OSError:
        return


def no_hard_links(error: OSError, *, path: Path) -> StoreLocationError | None:
    """The error for a file system on which a name cannot be put exactly once; ``None`` for other failures."""
    if error.errno not in _NO_HARD_LINKS:
        return None
    return StoreLocationError(
        f"{path}: this file system has no hard links ({error.strerror}), "
        "without which two writers of one name cannot be told apart.",
        hint="Put the store on ext4, XFS, Btrfs, tmpfs or NFS.",
    )


# Where a file's mapped pages are as good as memory. Over a network a page fault is a round trip for 4 kB, 30
# to 50 times slower than reading; NFSv3 kills a process with SIGBUS if the file goes away under a mapping.
_MAPPABLE = {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "xfs", "zfs"}


# Where blocks are chosen at once if a file's length is known: ext4 takes 102 MB in 13.6 instead of 20.3 ms.
# tmpfs is slower so, and where there is no such call glibc writes into every block instead.
_ALLOCATING = {"ext4"}


def allocates_well(kind: str) -> bool:
    """Whether a file system gains by being told a file's length before its content."""
    return kind in _ALLOCATING


def can_map(path: Path) -> bool:
    """Whether files below this path are on a local file system known to map well."""
    return maps_well(file_system_of(path))


def maps_well(kind: str) -> bool:
    """Whether this is a local file system known to map well."""
    return kind in _MAPPABLE


def has_change_counters(kind: str) -> bool:
    """Whether every change of a directory shows, also two within one tick of the clock.

    A client of NFSv3 takes a directory for unchanged if its times are: of 100 names put right after one
    another, 25 stayed invisible to another client for ever.
    """
    return kind in _MAPPABLE or kind == "nfs4"


class Mount(NamedTuple):
    """One line of the kernel's table: where a file system is mounted, of which kind, from where, and how."""

    point: Path
    kind: str
    source: str
    options: tuple[str, ...]


def file_system_of(path: Path, *, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of file system that this path is on, such as ``ext4`` or ``nfs4``; empty if not known."""
    mount = mount_of(path, mounts=mounts)
    return "" if mount is None else mount.kind


def mount_of(path: Path, *, mounts: Path = Path("/proc/self/mountinfo")) -> Mount | None:
    """How the file system that this path is on is mounted; ``None`` if the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    # Where the files are, not where a link to them is: people link from their home to a share.
    path = path.resolve()
    best: Mount | None = None
    for line in lines:
        # 36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw; blanks in paths are \040
        before, _, after = line.partition(" - ")
        fields = before.split()
        point = Path(fields[4].replace("\\040", " "))
        if path.is_relative_to(point) and (best is None or len(point.parts) >= len(best.point.parts)):
            kind, source, *rest = after.split()
            options = (*fields[5].split(","), *",".join(rest).split(","))
            best = Mount(point, kind, source, tuple(dict.fromkeys(filter(None, options))))
    return best
