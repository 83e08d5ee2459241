"""A directory store makes room for a file before it writes it, where that is faster."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from heredity.errors import StoreFull
from heredity.store.backends import LocalBackend
from heredity.store.backends.base import SizedContent
from heredity.store.backends.posix import SystemCalls
from heredity.testing.faults import failing


def local(root: Path, system: SystemCalls) -> LocalBackend:
    LocalBackend(root).make_directories(["a/"])
    return LocalBackend(root, system=system)


class Sized(SizedContent):
    """Six bytes in two pieces."""

    size_bytes = 6

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"hello", b"!"])


def calls_made_to_put(content: Iterable[bytes], root: Path) -> list[str]:
    made: list[str] = []

    def allocate(file: int, start: int, size_bytes: int) -> None:
        made.append("allocate")
        os.posix_fallocate(file, start, size_bytes)

    def write(file: int, pieces: list[memoryview]) -> int:
        made.append("write")
        return os.writev(file, pieces)

    system = SystemCalls(allocate=allocate, write=write)
    backend = local(root, system)
    assert backend.put_once("a/x", content)
    blob = backend.open("a/x")
    assert blob
    with blob:
        assert blob.read(0, blob.size) == b"".join(content)
    return made


def on(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heredity.store.backends.local.file_system_of", lambda _root: kind)


def test_room_is_made_before_the_first_byte_where_that_is_faster(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("ext4", monkeypatch)
    assert calls_made_to_put(Sized(), root) == ["allocate", "write"]


@pytest.mark.parametrize("kind", ["", "nfs", "nfs4", "tmpfs"])
def test_no_room_is_made_elsewhere(kind: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(kind, monkeypatch)
    assert calls_made_to_put(Sized(), root) == ["write"]


def test_no_room_is_made_for_a_content_of_unknown_length(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on("ext4", monkeypatch)
    assert calls_made_to_put([b"hello!"], root) == ["write"]


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_that_cannot_make_room_is_written_to_all_the_same(
    number: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("ext4", monkeypatch)
    cannot = SystemCalls(allocate=failing(os.posix_fallocate, number, times=1))
    assert local(root, cannot).put_once("a/x", Sized())
    assert (root / "a/x").read_bytes() == b"hello!"


def test_a_disk_without_room_is_told_before_anything_is_written(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on("ext4", monkeypatch)
    full = SystemCalls(
        allocate=failing(os.posix_fallocate, errno.ENOSPC, times=1),
        write=failing(os.writev, errno.EIO, times=1),
    )
    with pytest.raises(StoreFull):
        local(root, full).put_once("a/x", Sized())
    assert list((root / "tmp").iterdir()) == []
