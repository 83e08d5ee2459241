"""One file, open for reading: mapped where that is safe and pays, else copied."""

from __future__ import annotations

import mmap
import os
import sys
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from heredity.errors import StoreUnavailable
from heredity.store.backends.base import Blob
from heredity.store.backends.posix import SystemCalls, let_go, typed_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# A mapping costs page faults and, before Python 3.13, a descriptor for as long as one of its tensors lives.
# Below this size copying is as fast, and a thousand small models do not reach the limit of open files.
MAP_FROM_BYTES = 1 << 20
# IOV_MAX on Linux.
_BUFFERS_A_CALL = 1024


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
        # Not bytearrays, which would be filled with zeros first.
        buffers = [np.empty(stop - start, dtype=np.uint8).data for start, stop in ranges]
        # One call for each run of neighbours: of a model that is loaded whole, all are.
        run: list[memoryview] = []
        run_start = run_stop = 0
        for start, stop, buffer in sorted(
            ((start, stop, buffer) for (start, stop), buffer in zip(ranges, buffers, strict=True)),
            key=itemgetter(0, 1),
        ):
            if start != run_stop or len(run) == _BUFFERS_A_CALL:
                self._fill(run, run_start)
                run, run_start = [], start
            run.append(buffer)
            run_stop = stop
        self._fill(run, run_start)
        return buffers

    def _fill(self, buffers: list[memoryview], start: int) -> None:
        """Read into one buffer after the other."""
        left = [buffer for buffer in buffers if buffer.nbytes]
        with typed_errors(self._path, "reading"):
            while left:
                came = self._system.preadv(self._file, left, start)
                if not came:
                    raise StoreUnavailable(
                        f"{self._path}: ends at byte {start}; it had {self.size} when it was opened.",
                        hint="Somebody has changed the file; store.verify() lists all damage.",
                    )
                start += came
                while left and came >= left[0].nbytes:
                    came -= left.pop(0).nbytes
                if left:
                    left[0] = left[0][came:]

    def close(self) -> None:
        """Let go of the file. What was read stays valid."""
        let_go(self._file)


def _map_privately(file: int, size: int) -> mmap.mmap:
    # Copy on write: the caller may change its weights in place, and nothing of it reaches the file.
    if sys.version_info >= (3, 13):
        return mmap.mmap(file, size, access=mmap.ACCESS_COPY, trackfd=False)
    return mmap.mmap(file, size, access=mmap.ACCESS_COPY)
