"""What the store asks of a directory's system calls: exclusive creation, links, renames, deletion."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from heredity.doctor.findings import Finding, Grade
from heredity.store.backends.posix import SystemCalls, let_go

if TYPE_CHECKING:
    from heredity.doctor.place import Place

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC
# A checkpoint's key may take so many bytes, and its tombstone's name a few more.
_LONGEST_NAME = 210
_OTHER = "Put the store on ext4, XFS, Btrfs, tmpfs or NFS."
_TAKEN = {errno.EEXIST}

_Check = Callable[["_Bench"], Finding]


def check_files(place: Place, system: SystemCalls | None = None) -> Iterator[Finding]:
    """The promises of the file system on which the protocol of a directory store rests."""
    if place.folder is None:
        return
    bench = _Bench(place.folder / f"files-{secrets.token_hex(4)}", system or SystemCalls())
    bench.folder.mkdir()
    for name, check, change in _CHECKS:
        try:
            yield check(bench)
        except OSError as error:
            yield Finding(
                name,
                Grade.UNFIT,
                f"failed: {error.strerror or error}",
                expected="that it works",
                change=change,
            )


class _Bench:
    """A folder to try things in."""

    def __init__(self, folder: Path, system: SystemCalls) -> None:
        self.folder = folder
        self.system = system

    def new_file(self, content: bytes = b"content") -> Path:
        """Make a file as a save does: exclusively, and read-only in the end."""
        path = self.folder / secrets.token_hex(8)
        file = self.system.open(path, _NEW, 0o600)
        try:
            self.system.write(file, [content])
            self.system.fchmod(file, 0o444)
            self.system.fsync(file)
        finally:
            self.system.close(file)
        return path

    def new_name(self) -> Path:
        """A name that is absent."""
        return self.folder / secrets.token_hex(8)


def _good(name: str, seen: str) -> Finding:
    return Finding(name, Grade.GOOD, seen)


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except OSError as error:
        if error.errno in _TAKEN:
            return True
        raise
    return False


def _exclusive_creation(bench: _Bench) -> Finding:
    path = bench.new_file()
    name = "exclusive creation"
    if _is_refused(lambda: let_go(bench.system.open(path, _NEW, 0o600))):
        return _good(name, "of a name that is taken: refused")
    return Finding(
        name,
        Grade.UNFIT,
        "a name that was taken was made once more (O_EXCL)",
        expected="EEXIST; else two writers write into one file",
        change=_OTHER,
    )


def _hard_links(bench: _Bench) -> Finding:
    name = "hard links"
    first, second, target = bench.new_file(b"first"), bench.new_file(b"second"), bench.new_name()
    bench.system.link(first, target, follow_symlinks=False)
    if not _is_refused(lambda: bench.system.link(second, target, follow_symlinks=False)):
        return Finding(
            name,
            Grade.UNFIT,
            "a link onto a name that was taken was made",
            expected="EEXIST; else the second writer of a name replaces the first",
            change=_OTHER,
        )
    num_names = bench.system.stat(first).st_nlink
    if num_names != 2:
        return Finding(
            name,
            Grade.POOR,
            f"a file with two names says that it has {num_names}",
            expected="2; by that number a save knows that it has landed when the reply was lost",
            change=_OTHER,
        )
    return _good(name, "made once, counted, refused where the name is taken")


def _inode_numbers(bench: _Bench) -> Finding:
    name = "inode numbers"
    path, target = bench.new_file(), bench.new_name()
    file = bench.system.open(path, _READ)
    try:
        numbers = [os.fstat(file).st_ino, bench.system.stat(path).st_ino]
        bench.system.link(path, target, follow_symlinks=False)
        bench.system.unlink(path)
        numbers += [os.fstat(file).st_ino, bench.system.stat(target).st_ino]
    finally:
        let_go(file)
    if len(set(numbers)) == 1:
        return _good(name, "the same by descriptor, by name and by another name")
    return Finding(
        name,
        Grade.POOR,
        f"one file had the numbers {', '.join(map(str, dict.fromkeys(numbers)))}",
        expected="one; by it a writer knows its own file again",
        change=_OTHER,
    )


def _renames(bench: _Bench) -> Finding:
    name = "rename"
    path, trash = bench.new_file(b"renamed"), bench.folder / "trash"
    trash.mkdir(exist_ok=True)
    target = trash / path.name
    bench.system.rename(path, target)
    if path.exists() or target.read_bytes() != b"renamed":
        return Finding(
            name,
            Grade.UNFIT,
            "after a rename the old name was there, or the new one without its content",
            expected="one name, with all of the content",
            change=_OTHER,
        )
    return _good(name, "into another directory: moved whole")


def _deleted_while_open(bench: _Bench) -> Finding:
    name = "deleted while open"
    content = secrets.token_bytes(1 << 16)
    path = bench.new_file(content)
    file = bench.system.open(path, _READ)
    try:
        bench.system.unlink(path)
        # Else it would come from this machine's memory.
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        read = os.pread(file, len(content), 0)
    except OSError as error:
        read, seen = b"", f"reading on failed: {error.strerror}"
    else:
        seen = "reading on gave other bytes"
    finally:
        let_go(file)
    if read == content:
        return _good(name, "by the same machine: it reads on")
    return Finding(
        name,
        Grade.POOR,
        seen,
        expected="that a reader keeps what it has open",
        change="Collect with a grace longer than any load takes (the default is a day).",
    )


def _names(bench: _Bench) -> Finding:
    name = "file names"
    letters = secrets.token_hex(4) + "x"
    longest = (letters * _LONGEST_NAME)[:_LONGEST_NAME]
    for each in (letters.upper(), f"%2E~-_.{letters}", longest):
        let_go(bench.system.open(bench.folder / each, _NEW, 0o600))
    if _is_refused(lambda: let_go(bench.system.open(bench.folder / letters, _NEW, 0o600))):
        return Finding(
            name,
            Grade.UNFIT,
            "capital and small letters are the same",
            expected="that A and a are two names; else two keys share one file",
            change="Put the store into a directory that tells them apart.",
        )
    return _good(name, f"{_LONGEST_NAME} bytes long, capital and small letters told apart")


def _modes(bench: _Bench) -> Finding:
    name = "read-only files"
    mode = bench.system.stat(bench.new_file()).st_mode & 0o777
    if mode == 0o444:
        return _good(name, "a file's mode stays 0444")
    return Finding(
        name,
        Grade.NOTE,
        f"a file that was made 0444 is 0{mode:o}",
        expected="0444, which keeps others from changing what is stored, and lets them read it",
        change="See that all who use the store may read these files, and that nobody edits them.",
    )


def _directory_sync(bench: _Bench) -> Finding:
    directory = bench.system.open(bench.folder, _READ | os.O_DIRECTORY)
    try:
        bench.system.fsync(directory)
    finally:
        let_go(directory)
    return _good("sync of a directory", "accepted")


_CHECKS: tuple[tuple[str, _Check, str], ...] = (
    ("exclusive creation", _exclusive_creation, _OTHER),
    ("hard links", _hard_links, _OTHER),
    ("inode numbers", _inode_numbers, _OTHER),
    ("rename", _renames, _OTHER),
    ("deleted while open", _deleted_while_open, _OTHER),
    ("file names", _names, _OTHER),
    ("read-only files", _modes, _OTHER),
    ("sync of a directory", _directory_sync, _OTHER),
)
