"""What a directory store copies out of a file comes in few calls, and keeps little alive."""

from __future__ import annotations

import os
from itertools import accumulate
from pathlib import Path

from heredity.store.backends import LocalBackend
from heredity.store.backends.posix import SystemCalls


def put(root: Path, content: list[bytes]) -> None:
    backend = LocalBackend(root)
    backend.make_directories(["a/"])
    assert backend.put_once("a/x", content)


def ends_after(*lengths: int) -> list[tuple[int, int]]:
    ends = [*accumulate(lengths)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def test_neighbours_that_are_copied_come_in_one_call(root: Path) -> None:
    offsets: list[int] = []

    def preadv(file: int, buffers: list[memoryview], offset: int) -> int:
        offsets.append(offset)
        return os.preadv(file, buffers, offset)

    put(root, [bytes(range(100))])
    blob = LocalBackend(root, map_files=False, system=SystemCalls(preadv=preadv)).open("a/x")
    assert blob
    views = blob.read_ranges([*reversed(ends_after(10, 0, 20)), (40, 50), (45, 60)])
    assert [bytes(view)[:1] for view in views] == [b"\n", b"", b"\0", b"(", b"-"]
    assert offsets == [0, 40, 45]
    views[0][0] = 7
    assert views[2][0] == 0


def test_what_is_small_does_not_keep_alive_what_is_large(root: Path) -> None:
    put(root, [bytes(3 << 20)])
    blob = LocalBackend(root, map_files=False).open("a/x")
    assert blob
    small, _large = blob.read_ranges(ends_after(10, (3 << 20) - 10))
    assert memoryview(small.obj).nbytes == 10
