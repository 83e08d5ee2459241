"""Keeps a folder of files below a limit by deleting those that were used longest ago."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Only what the cache has made is counted and deleted, in case the folder holds anything else.
_FOLDER_NAME = re.compile(r"[0-9a-f]{32}")
_FILE_NAME = re.compile(r"\d+-\d+-\d+")
_UNFINISHED_NAME = re.compile(r"\.[0-9a-f]{32}")
# A file takes whole blocks of the disk.
_BLOCK_BYTES = 4096
# Longer than writing takes; an unfinished file of this age has lost its writer.
_STALE_SECONDS = 3600.0
# Deleting a little more than needed, we need not look at the folder again at each write.
_EMPTIED_PART = 1 / 8
# Other processes write too; so much of the limit we write at most before we look at the folder again.
_UNSEEN_PART = 1 / 16
# A file that is used is marked at most so often.
_MARK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, order=True)
class _File:
    used_at: float
    size: int
    path: str


class Limit:
    """The bytes that the files of a cache may take.

    Without locks or a common counter: each process looks at the folder once, then adds up what it writes, and
    looks again when that passes the limit, or each time it has written a sixteenth of it. One process never
    passes the limit; many may together, by a sixteenth each, until one of them looks.
    """

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes
        # An estimate that threads may update at the same time; an update that is lost costs little.
        self._used: int | None = None
        self._unseen = 0

    def make_room(self, wanted: int) -> bool:
        """Whether so many bytes may be written now; deletes others where there are too many.

        Raises:
            OSError: The folder cannot be read.
        """
        wanted = _on_disk(wanted)
        if wanted > self._max_bytes:
            return False
        used = self._used
        if (
            used is None
            or used + wanted > self._max_bytes
            or self._unseen + wanted > self._max_bytes * _UNSEEN_PART
        ):
            used = self._delete_down_to(self._max_bytes - wanted)
            self._unseen = 0
        self._used = used + wanted
        self._unseen += wanted
        return self._used <= self._max_bytes

    def _delete_down_to(self, allowed: int) -> int:
        """Bytes that are left, after those used longest ago were deleted if there were too many."""
        files = list(self._files())
        used = sum(file.size for file in files)
        if used <= allowed:
            return used
        goal = min(allowed, int(self._max_bytes * (1 - _EMPTIED_PART)))
        for file in sorted(files):
            if used <= goal:
                break
            path = Path(file.path)
            with contextlib.suppress(OSError):
                path.unlink()
                used -= file.size
                path.parent.rmdir()  # if this was its last file
        return used

    def _files(self) -> Iterator[_File]:
        now = time.time()
        for folder in _scan(self._root):
            for entry in _scan(folder.path) if _FOLDER_NAME.fullmatch(folder.name) else ():
                is_unfinished = _UNFINISHED_NAME.fullmatch(entry.name) is not None
                if not is_unfinished and not _FILE_NAME.fullmatch(entry.name):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    facts = entry.stat(follow_symlinks=False)
                    # The dead go first.
                    is_dead = is_unfinished and now - facts.st_mtime > _STALE_SECONDS
                    yield _File(0.0 if is_dead else facts.st_mtime, _on_disk(facts.st_size), entry.path)


def _scan(path: str | Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            yield from entries
    except FileNotFoundError:
        return


def _on_disk(num_bytes: int) -> int:
    return -(-num_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def mark_used(file: int) -> None:
    """Note that an open file was used just now."""
    # Where this is not allowed, the file is deleted a little early.
    with contextlib.suppress(OSError):
        if abs(time.time() - os.fstat(file).st_mtime) > _MARK_SECONDS:
            os.utime(file)
