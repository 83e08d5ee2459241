"""A cache stays below its limit, keeps what is used, and is passed over where its disk fails."""

from __future__ import annotations

import os
import random
import subprocess
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from heredity.errors import InputError
from heredity.store.backends import Backend, LocalBackend, MemoryBackend
from heredity.store.backends.caching import CacheSettings, CachingBackend
from heredity.testing.recording import RecordingBackend

MB = 1 << 20
LIMIT = 1_000_000
SIZE = 100_000


def everything(name: str) -> bool:
    return True


def cached(inner: Backend, settings: CacheSettings) -> CachingBackend:
    return CachingBackend(inner, settings, place="store 1", is_cached=everything)


def content(name: str, size: int = SIZE) -> bytes:
    return random.Random(name).randbytes(size)


def put_many(inner: Backend, num: int, *, size: int = SIZE) -> list[str]:
    names = [f"t/{number}" for number in range(num)]
    for name in names:
        inner.put_once(name, [content(name, size)])
    return names


def read(backend: Backend, name: str) -> None:
    """Read all of it, and find what was put."""
    blob = backend.open(name)
    assert blob is not None
    with blob:
        assert blob.read(0, blob.size) == content(name, blob.size)


@pytest.fixture
def inner() -> RecordingBackend:
    return RecordingBackend(MemoryBackend(url="memory://slow"))


@pytest.fixture
def settings(tmp_path: Path) -> CacheSettings:
    return CacheSettings(tmp_path / "cache", max_bytes=LIMIT)


def files(settings: CacheSettings) -> list[Path]:
    return sorted(path for path in settings.folder.rglob("*") if path.is_file())


def num_bytes(settings: CacheSettings) -> int:
    return sum(path.stat().st_size for path in files(settings))


def grow_old(settings: CacheSettings, seconds: float) -> None:
    for path in files(settings):
        used = path.stat().st_mtime - seconds
        os.utime(path, (used, used))


@pytest.mark.parametrize("size", [12_000, SIZE])
def test_the_limit_is_kept_at_every_moment(
    inner: RecordingBackend, settings: CacheSettings, size: int
) -> None:
    """And what was read last is there."""
    backend = cached(inner, settings)
    for name in put_many(inner, 4 * LIMIT // size, size=size):
        read(backend, name)
        assert num_bytes(settings) <= LIMIT
        inner.taken()
        read(backend, name)
        assert inner.taken() == []
    assert num_bytes(settings) > LIMIT // 2


def test_what_is_used_stays_and_what_is_not_goes(inner: RecordingBackend, settings: CacheSettings) -> None:
    backend = cached(inner, settings)
    hot, *others = put_many(inner, 40)
    for name in others:
        read(backend, hot)
        read(backend, name)
        grow_old(settings, 100)
    inner.taken()
    read(backend, hot)
    assert inner.taken() == []
    read(backend, others[0])
    assert inner.taken() != []


def test_a_file_is_marked_as_used_once_a_minute(inner: RecordingBackend, settings: CacheSettings) -> None:
    (name,) = put_many(inner, 1)
    read(cached(inner, settings), name)
    (path,) = files(settings)
    for age, is_marked in ((30, False), (90, True)):
        grow_old(settings, age)
        before = path.stat().st_mtime
        read(cached(inner, settings), name)
        assert (path.stat().st_mtime > before) == is_marked


def test_what_is_larger_than_the_limit_is_not_kept(inner: RecordingBackend, settings: CacheSettings) -> None:
    small, *_ = put_many(inner, 1)
    inner.put_once("t/large", [content("t/large", 2 * MB)])
    for name in (small, "t/large"):
        read(cached(inner, settings), name)
    assert [path.name for path in files(settings)] == [f"0-{SIZE}-{SIZE}"]


def test_an_empty_folder_is_removed(inner: RecordingBackend, settings: CacheSettings) -> None:
    for name in put_many(inner, 40):
        read(cached(inner, settings), name)
    assert len(list((settings.folder / "v1").iterdir())) == len(files(settings))


def test_files_that_lost_their_writer_go_first(inner: RecordingBackend, settings: CacheSettings) -> None:
    """Before those that are older."""
    first, *others = put_many(inner, 7)
    read(cached(inner, settings), first)
    grow_old(settings, 10_000)
    (entry,) = files(settings)
    unfinished = entry.parent / f".{'a' * 32}"
    unfinished.write_bytes(bytes(400_000))
    os.utime(unfinished, (entry.stat().st_mtime + 5000,) * 2)
    for name in others:
        read(cached(inner, settings), name)
    assert not unfinished.exists()
    assert entry.exists()


def test_an_unfinished_file_that_is_young_is_not_taken_for_a_dead_one(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    first, *others = put_many(inner, 7)
    read(cached(inner, settings), first)
    grow_old(settings, 10_000)
    (entry,) = files(settings)
    unfinished = entry.parent / f".{'a' * 32}"
    unfinished.write_bytes(bytes(400_000))
    os.utime(unfinished, (entry.stat().st_mtime + 20_000,) * 2)
    for name in others:
        read(cached(inner, settings), name)
    assert unfinished.exists()


def test_what_is_not_the_cache_s_is_left_alone(inner: RecordingBackend, settings: CacheSettings) -> None:
    first, *others = put_many(inner, 40)
    read(cached(inner, settings), first)
    (entry,) = files(settings)
    strangers = [folder / "notes.txt" for folder in (entry.parent, settings.folder / "v1", settings.folder)]
    for path in strangers:
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    for name in others:
        read(cached(inner, settings), name)
    assert not entry.exists()
    assert all(path.exists() for path in strangers)


def test_a_folder_is_not_looked_through_at_each_write(
    inner: RecordingBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once at first, then once for each sixteenth of the limit, and no more often when it is reached."""
    settings = CacheSettings(tmp_path / "cache", max_bytes=160 * 12_288)
    scanned: list[object] = []
    scan = os.scandir

    def recording(path: Path) -> object:
        scanned.append(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", recording)
    backend = cached(inner, settings)
    names = put_many(inner, 320, size=10_000)
    for name in names[:100]:
        read(backend, name)
    assert scanned.count(settings.folder / "v1") == 10
    for name in names[100:]:
        read(backend, name)
    assert scanned.count(settings.folder / "v1") <= 40


def test_a_limit_that_leaves_no_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 bytes leaves no room"):
        CacheSettings(tmp_path, max_bytes=0)


# --- disks that fail


def test_under_a_full_disk_is_read_through(inner: RecordingBackend, small_disk: Path) -> None:
    settings = CacheSettings(small_disk / "cache", max_bytes=100 * MB)
    (small,) = put_many(inner, 1)
    inner.put_once("t/large", [content("t/large", 2 * MB)])
    for name in ("t/large", small, "t/large"):
        read(cached(inner, settings), name)
    # What was written of the one that did not fit is gone.
    assert [path.name for path in files(settings)] == [f"0-{SIZE}-{SIZE}"]


def test_a_cache_that_can_only_be_read_is_read(inner: RecordingBackend, small_disk: Path) -> None:
    settings = CacheSettings(small_disk / "cache", max_bytes=100 * MB)
    kept, other = put_many(inner, 2)
    read(cached(inner, settings), kept)
    grow_old(settings, 1000)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    inner.taken()
    read(cached(inner, settings), kept)
    assert inner.taken() == []
    read(cached(inner, settings), other)


def test_a_damaged_file_that_cannot_be_deleted_is_passed_over(
    inner: RecordingBackend, small_disk: Path
) -> None:
    settings = CacheSettings(small_disk / "cache", max_bytes=100 * MB)
    (name,) = put_many(inner, 1)
    read(cached(inner, settings), name)
    (entry,) = files(settings)
    entry.write_bytes(bytes(entry.stat().st_size))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for _ in range(2):
        read(cached(inner, settings), name)


# --- many at once


def read_at_random(root: Path, settings: CacheSettings, seed: int) -> None:
    backend = cached(LocalBackend(root), settings)
    rng = random.Random(seed)
    for _ in range(300):
        read(backend, f"t/{rng.randrange(20)}")


def test_processes_that_fill_and_empty_one_cache_read_what_is_right(tmp_path: Path) -> None:
    """Each deletes what the others are reading and writing."""
    place = LocalBackend(tmp_path / "place")
    place.make_directories(["t/"])
    put_many(place, 20)
    settings = CacheSettings(tmp_path / "cache", max_bytes=500_000)
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        done = [pool.submit(read_at_random, tmp_path / "place", settings, seed) for seed in range(3)]
        for each in done:
            each.result()
    assert num_bytes(settings) < 500_000 + 3 * SIZE


def test_threads_may_share_a_backend(inner: RecordingBackend, tmp_path: Path) -> None:
    settings = CacheSettings(tmp_path / "cache", max_bytes=500_000)
    names = put_many(inner, 20)
    backend = cached(inner, settings)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: read(backend, names[number % 20]), range(400)))
    assert all(not path.name.startswith(".") for path in files(settings))
