"""Files of the user's, outside any store: opened to be read, or written aside and then put into place."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from heredity.errors import HeredityError, InputError, StoreFull, StoreUnavailable
from heredity.store.backends.local_blob import MAP_FROM_BYTES, LocalBlob
from heredity.store.backends.posix import SystemCalls, can_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from heredity.store.tensors import Buffer

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MISTAKEN = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL),
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ETXTBSY),
}
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def open_file(path: Path) -> LocalBlob:
    """Open a file to read it: mapped where that is safe, else copied piece by piece.

    Raises:
        InputError: There is no such file, or it is a directory, a pipe or a device.
        StoreUnavailable: The disk does not answer.
    """
    with typed_file_errors(path, "reading"):
        # Asked first: opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: is no file.", hint="Name a file with weights.")
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        map_from_bytes = MAP_FROM_BYTES if can_map(path) else None
        return LocalBlob(file, path=path, system=SystemCalls(), map_from_bytes=map_from_bytes)


class Sink:
    """Takes the bytes of a file that is being written; what `torch.save` and its like need of a file."""

    def __init__(self, file: int, *, on_bytes: Callable[[int], object] | None) -> None:
        self._file = file
        self._on_bytes = on_bytes

    def write(self, data: Buffer) -> int:
        """Write all of it."""
        rest = memoryview(data).cast("B")
        size = rest.nbytes
        while rest:
            # At most 2 GiB a call; it says how much it took.
            rest = rest[os.write(self._file, rest) :]
        if self._on_bytes is not None:
            self._on_bytes(size)
        return size

    def flush(self) -> None:
        """Nothing to do: nothing is held back."""


@contextmanager
def written_aside(
    path: Path, *, replace: bool, on_bytes: Callable[[int], object] | None = None
) -> Iterator[Sink]:
    """Write a file beside its place; it gets its name when it is on the disk, and not if anything fails.

    Args:
        path: Its place. Its directory must be there.
        replace: Whether a file that is there gives way.
        on_bytes: Told how many bytes have been written, each time.

    Raises:
        InputError: The place is taken, or may not be written.
        StoreFull: No space is left.
        StoreUnavailable: The disk does not answer.
    """
    # Where a link points to; what replaces the link itself would surprise.
    target = path.resolve() if replace else path
    _refuse_taken(target, replace=replace)
    aside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    with typed_file_errors(path, "writing"):
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            try:
                yield Sink(file, on_bytes=on_bytes)
                os.fsync(file)
            finally:
                os.close(file)
            if replace:
                aside.replace(target)
            else:
                _link(aside, target)
            _sync_directory(target.parent)
        finally:
            aside.unlink(missing_ok=True)


def _refuse_taken(target: Path, *, replace: bool) -> None:
    with typed_file_errors(target, "looking"):
        try:
            mode = target.lstat().st_mode
        except FileNotFoundError:
            return
        # A device or a pipe would be replaced by a file, not written to.
        if not stat.S_ISREG(mode):
            raise InputError(f"{target}: is there and is no file.", hint="Name another place.")
        if not replace:
            raise _taken(target)


def _taken(target: Path) -> InputError:
    return InputError(
        f"{target}: is there already.",
        hint="Name another file, or ask for it to be replaced (replace=True, --force).",
    )


def _link(aside: Path, target: Path) -> None:
    """Give the file its name, unless somebody has taken it meanwhile."""
    try:
        os.link(aside, target)
    except OSError as error:
        # A file server may lose its reply, and call the repeated request a failure.
        if aside.stat().st_nlink == 2:
            return
        if error.errno == errno.EEXIST:
            raise _taken(target) from error
        if error.errno not in _NO_HARD_LINKS:
            raise
        _claim(aside, target)


def _claim(aside: Path, target: Path) -> None:
    """Without hard links: take the name by an empty file, which the whole one then replaces."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except FileExistsError as error:
        raise _taken(target) from error
    aside.replace(target)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def typed_file_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn the operating system's errors about a file of the user's into ours."""
    try:
        yield
    except HeredityError:
        raise  # those that are OSErrors too
    except OSError as error:
        message = f"{path}: {doing} failed: {error.strerror or error}."
        if error.errno in _FULL:
            raise StoreFull(message, hint="Free some space; nothing was left behind.") from error
        if error.errno in _MISTAKEN:
            raise InputError(message, hint="Check the path and who may use it.") from error
        raise StoreUnavailable(message, hint="Try again; if it goes on, look at the disk.") from error
