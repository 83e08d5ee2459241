"""One file, open for reading: mapped where that is safe and pays, else copied."""

from __future__ import annotations

import mmap
import os
import sys
from typing import TYPE_CHECKING

import numpy as np

from heredity.errors import StoreUnavailable
from heredity.store.backends.base import Blob
from heredity.store.backends.posix import SystemCalls, let_go, typed_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# A mapping costs page faults and, before Python 3.13, a descriptor for as long as one of its tensors lives.
# Below this size copying is as fast, and a thousand small models do not reach the limit of open files.
MAP_FROM_BYTES = 1 << 20
_RUN_BYTES = 1 << 20


class LocalBlob(Blob):
    """A file, by its descriptor, which it owns. ``map_from_bytes=None`` never maps.

    Raises:
        OSError: The file cannot be looked at; it is closed.
    """

    def __init__(self, file: int, *, path: Path, system: SystemCalls, map_from_bytes: int | None) -> None:
        try:
            self.size = os.fstat(file).st_size
        except OSError:
            let_go(file)
            raise
        self._file = file
        self._path = path
        self._system = system
        self._map_from_bytes = map_from_bytes

    def read(self, start: int, stop: int) -> bytes:
        """Return one range."""
        return bytes(self._copies([(start, stop)])[0])

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        """Return many ranges: pages of the file, private to the caller, or copies."""
        wanted = sum(stop - start for start, stop in ranges)
        if self._map_from_bytes is None or wanted < max(1, self._map_from_bytes):
            return self._copies(ranges)
        with typed_errors(self._path, "mapping"):
            pages = memoryview(_map_privately(self._file, self.size))
        return [pages[start:stop] for start, stop in ranges]

    def _copies(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        copies = [memoryview(b"")] * len(ranges)
        for run in _runs(ranges):
            begin, end = ranges[run[0]][0], ranges[run[-1]][1]
            memory = self._copy(begin, end)
            for number in run:
                start, stop = ranges[number]
                copies[number] = memory[start - begin : stop - begin]
        return copies

    def _copy(self, start: int, stop: int) -> memoryview:
        # Not a bytearray, which would be filled with zeros first.
        copy = left = np.empty(stop - start, dtype=np.uint8).data
        with typed_errors(self._path, "reading"):
            while left:
                at = stop - len(left)
                came = self._system.preadv(self._file, [left], at)
                if not came:
                    raise StoreUnavailable(
                        f"{self._path}: ends at byte {at}; it had {self.size} when it was opened.",
                        hint="Somebody has changed the file; store.verify() lists all damage.",
                    )
                left = left[came:]
        return copy

    def close(self) -> None:
        """Let go of the file. What was read stays valid."""
        let_go(self._file)


def _runs(ranges: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Which ranges follow one another in the file, and so share one call and one piece of memory.

    They are all of a small model. A piece lives as long as one of its ranges; so it is not large.
    """
    run: list[int] = []
    begin = end = 0
    for number in sorted(range(len(ranges)), key=ranges.__getitem__):
        start, stop = ranges[number]
        if run and (start != end or stop - begin > _RUN_BYTES):
            yield run
            run = []
        if not run:
            begin = start
        run.append(number)
        end = stop
    if run:
        yield run


def _map_privately(file: int, size: int) -> mmap.mmap:
    # Copy on write: the caller may change its weights in place, and nothing of it reaches the file.
    if sys.version_info >= (3, 13):
        return mmap.mmap(file, size, access=mmap.ACCESS_COPY, trackfd=False)
    return mmap.mmap(file, size, access=mmap.ACCESS_COPY)
