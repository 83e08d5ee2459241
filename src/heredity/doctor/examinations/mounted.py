"""What the kernel says of the file system: which kind, from where, and with which options."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from heredity.doctor.examinations.nfs_options import check_nfs_options
from heredity.doctor.findings import Finding, Grade
from heredity.store.backends.posix import Mount, mount_of

if TYPE_CHECKING:
    from heredity.doctor.place import Place

_LOCAL = {"bcachefs", "btrfs", "ext3", "ext4", "f2fs", "xfs", "zfs"}
_IN_MEMORY = {"tmpfs", "ramfs"}
_NO_BARRIER = {"nobarrier", "barrier=0"}
# Newer kernels have the second name.
_VOLATILE = {"volatile", "fsync=volatile"}
NFS = {"nfs", "nfs4"}


def check_mount(place: Place) -> Iterator[Finding]:
    """The file system of a directory, as this machine's kernel has mounted it."""
    if place.home is None:
        if not place.backend.capabilities.is_shared:
            yield Finding(
                "place",
                Grade.NOTE,
                "the memory of one process",
                expected="a directory or a bucket, for what others shall see or what shall last",
            )
        return
    mount = mount_of(place.home)
    if mount is None:
        yield Finding(
            "file system",
            Grade.NOTE,
            "this system does not tell (no /proc/self/mountinfo)",
            change="Judge by the examinations below.",
        )
        return
    yield from findings_of(mount, kernel=os.uname().release)


def findings_of(mount: Mount, *, kernel: str) -> Iterator[Finding]:
    """What follows from one line of the kernel's table. Looks at nothing else."""
    seen = f"{mount.kind} at {mount.point}, from {mount.source}, kernel {kernel}"
    if "ro" in mount.options:
        yield Finding(
            "mount option ro",
            Grade.UNFIT,
            f"{mount.point} is mounted read-only",
            expected="rw; from here a store can be read, and nothing saved",
            change=f"mount -o remount,rw {mount.point}, or ask the server for a share that may be written.",
        )
    if mount.kind in NFS:
        yield from check_nfs_options(mount, seen=seen)
    elif mount.kind == "overlay":
        yield from _check_overlay(mount, seen=seen)
    elif mount.kind in _IN_MEMORY:
        yield Finding(
            "file system",
            Grade.NOTE,
            seen,
            expected="a disk: this is memory of this machine alone, and empty after a reboot",
            change="Use it for what may be lost; mirror the rest to a directory on a disk (heredity mirror).",
        )
    elif mount.kind in _LOCAL:
        yield Finding("file system", Grade.GOOD, seen)
        yield from _check_barriers(mount)
    else:
        yield Finding(
            "file system",
            Grade.NOTE,
            seen,
            expected="ext4, XFS, Btrfs, NFS; others have not been tried",
            change="Judge by the examinations below, with --machines if it is shared.",
        )


def _check_barriers(mount: Mount) -> Iterator[Finding]:
    found = sorted(_NO_BARRIER & set(mount.options))
    if found:
        yield Finding(
            f"mount option {found[0]}",
            Grade.POOR,
            f"{mount.point} does not flush the disk's own cache",
            expected="barriers; else a power cut takes saves that were acknowledged",
            change="Mount without it, unless the cache has a battery.",
        )


def _check_overlay(mount: Mount, *, seen: str) -> Iterator[Finding]:
    yield Finding(
        "file system",
        Grade.NOTE,
        f"{seen} (layers, as a container has them)",
        expected="a directory that outlives the container and is seen by others",
        change="Mount a volume or a host's directory there (docker run -v …); see docs/doctor.md.",
    )
    if _VOLATILE & set(mount.options):
        yield Finding(
            "mount option volatile",
            Grade.POOR,
            "the layers are mounted so that nothing is ever synced",
            expected="that fsync reaches the disk; here it returns at once and has done nothing",
            change="Put the store on a volume.",
        )


def is_nfs(place: Place) -> bool:
    """Whether a directory is on NFS, seen from this machine."""
    mount = None if place.home is None else mount_of(place.home)
    return mount is not None and mount.kind in NFS
