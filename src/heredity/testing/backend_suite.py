"""What every Backend must do, as a suite of tests.

Derive a test class from it and give it your backend::

class TestMyBackend(BackendSuite):
    def make_backend(self, folder):
        return MyBackend(folder)
"""
# ruff: noqa: S101  # a suite asserts

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from heredity.errors import WriteSwept
from heredity.store.backends.base import Backend, Blob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIRECTORIES = ("a/", "a/b/")
_RACERS = 8


class BackendSuite(ABC):
    """The contract of `Backend`, as tests."""

    @abstractmethod
    def make_backend(self, folder: Path) -> Backend:
        """Return an empty backend. `folder` exists, is empty, and is the test's own."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        """An empty backend with a few directories."""
        backend = self.make_backend(tmp_path)
        backend.make_directories(_DIRECTORIES)
        return backend

    def test_what_was_put_is_read(self, backend: Backend) -> None:
        """The chunks come back joined."""
        assert backend.put_once("a/x", [b"hello ", bytearray(b"wor"), memoryview(b"ld")])
        assert _content(backend, "a/x") == b"hello world"

    def test_nothing_at_all_can_be_put(self, backend: Backend) -> None:
        """No bytes are a content too."""
        assert backend.put_once("a/x", [])
        assert _content(backend, "a/x") == b""

    def test_thousands_of_chunks_can_be_put(self, backend: Backend) -> None:
        """No limit of the operating system on the pieces of one write shows through."""
        assert backend.put_once("a/x", (bytes([number % 256]) * 3 for number in range(5000)))
        assert _content(backend, "a/x") == b"".join(bytes([number % 256]) * 3 for number in range(5000))

    def test_an_absent_name_is_an_answer(self, backend: Backend) -> None:
        """It is no error."""
        assert backend.open("a/x") is None
        assert not backend.exists("a/x")

    def test_a_name_is_seen_after_it_was_seen_absent(self, backend: Backend) -> None:
        """No earlier look blinds a later one."""
        assert not backend.exists("a/x")
        backend.put_once("a/x", [b"1"])
        assert backend.exists("a/x")

    def test_a_name_is_put_once(self, backend: Backend) -> None:
        """The second comer is told, and changes nothing."""
        assert backend.put_once("a/x", [b"first"])
        assert not backend.put_once("a/x", [b"second, and longer"])
        assert not backend.put_once("a/x", [b"first"])
        assert _content(backend, "a/x") == b"first"

    def test_a_writer_that_fails_puts_nothing(self, backend: Backend) -> None:
        """The exception of the chunks goes through, and the name stays free."""

        def chunks() -> Iterator[bytes]:
            yield b"half"
            raise LookupError("no more")

        with pytest.raises(LookupError):
            backend.put_once("a/x", chunks())
        assert not backend.exists("a/x")
        assert backend.names("a/") == []
        assert backend.put_once("a/x", [b"whole"])

    def test_names_are_listed_below_a_directory(self, backend: Backend) -> None:
        """Whole, sorted, and through its directories."""
        for name in ("a/z", "a/b/y", "a/b/x", "a/%2Ehidden"):
            backend.put_once(name, [b"1"])
        assert backend.names("a/") == ["a/%2Ehidden", "a/b/x", "a/b/y", "a/z"]
        assert backend.names("a/b/") == ["a/b/x", "a/b/y"]

    def test_ranges_come_in_the_order_asked_for(self, backend: Backend) -> None:
        """Also empty ones, the same one twice, and the whole."""
        backend.put_once("a/x", [bytes(range(100))])
        ranges = [(50, 60), (0, 10), (100, 100), (0, 10), (0, 100)]
        with _open(backend, "a/x") as blob:
            assert [bytes(part) for part in blob.read_ranges(ranges)] == [
                bytes(range(*each)) for each in ranges
            ]
            assert blob.read(98, 100) == bytes((98, 99))
            assert blob.size == 100

    def test_what_was_read_belongs_to_the_reader(self, backend: Backend) -> None:
        """It may be written to, outlives the blob, and never changes what is stored."""
        backend.put_once("a/x", [b"abcdef"])
        with _open(backend, "a/x") as blob:
            (mine,) = blob.read_ranges([(1, 4)])
        mine[:] = b"XYZ"
        assert bytes(mine) == b"XYZ"
        assert _content(backend, "a/x") == b"abcdef"

    def test_the_last_check_comes_before_anything_is_visible(self, backend: Backend) -> None:
        """It is made once, or twice by a place without a fence."""
        seen = []
        assert backend.put_once("a/x", [b"1"], before_commit=lambda: seen.append(backend.exists("a/x")))
        assert seen == [False] if backend.capabilities.fences_writers else [False, True]

    def test_a_last_check_that_fails_puts_nothing(self, backend: Backend) -> None:
        """Its exception goes through, and the name stays free."""

        def refuse() -> None:
            raise LookupError("no longer")

        with pytest.raises(LookupError):
            backend.put_once("a/x", [b"1"], before_commit=refuse)
        assert not backend.exists("a/x")
        assert backend.names("a/") == []
        assert backend.put_once("a/x", [b"2"])

    def test_a_check_that_fails_after_the_commit_takes_the_name_back(self, backend: Backend) -> None:
        """What could not be fenced off is undone."""
        if backend.capabilities.fences_writers:
            pytest.skip("this place fences writers, so it checks once")

        def refuse_late() -> None:
            if backend.exists("a/x"):
                raise LookupError("no longer")

        with pytest.raises(LookupError):
            backend.put_once("a/x", [b"1"], before_commit=refuse_late)
        assert not backend.exists("a/x")

    def test_a_writer_that_slept_over_a_sweep_puts_nothing(self, backend: Backend) -> None:
        """However long it slept between its last check and the commit."""
        if not backend.capabilities.fences_writers:
            pytest.skip("this place does not fence writers")
        with pytest.raises(WriteSwept):
            backend.put_once("a/x", [b"1"], before_commit=lambda: backend.sweep(before=backend.now()))
        assert not backend.exists("a/x")
        assert backend.put_once("a/x", [b"2"])

    def test_a_sweep_leaves_alone_what_is_young(self, backend: Backend) -> None:
        """Writes and names alike."""
        backend.put_once("a/old", [b"1"])
        before = backend.now() - 3600
        assert backend.put_once("a/x", [b"1"], before_commit=lambda: backend.sweep(before=before))
        backend.sweep(before=backend.now())
        assert backend.names("a/") == ["a/old", "a/x"]

    def test_a_retired_name_is_gone(self, backend: Backend) -> None:
        """Retiring may be repeated, and absent names are passed over."""
        backend.put_once("a/x", [b"1"])
        backend.put_once("a/y", [b"1"])
        for _ in range(2):
            backend.retire("a/x")
        backend.retire("a/never")
        assert not backend.exists("a/x")
        assert backend.open("a/x") is None
        assert backend.names("a/") == ["a/y"]
        backend.sweep(before=backend.now())
        assert _content(backend, "a/y") == b"1"

    def test_times_follow_the_order_of_events(self, backend: Backend) -> None:
        """All by one clock: what is put before the question is older than the answer."""
        assert backend.put_at("a/x") is None
        earlier = backend.now()
        backend.put_once("a/x", [b"1"])
        when = backend.put_at("a/x")
        assert when is not None
        assert earlier <= when < backend.now()

    def test_a_directory_s_version_changes_with_its_names(self, backend: Backend) -> None:
        """If the place has versions at all; two ticks apart, since a tick may hide a change."""
        before = backend.version_of("a/b/")
        if before is None:
            pytest.skip("this place has no versions")
        assert backend.version_of("a/b/") == before
        backend.now()
        backend.put_once("a/b/x", [b"1"])
        after_put = backend.version_of("a/b/")
        backend.now()
        backend.retire("a/b/x")
        assert len({before, after_put, backend.version_of("a/b/")}) == 3

    def test_a_directory_that_was_never_made_is_empty(self, backend: Backend) -> None:
        """It is an answer as well, also after it was made by somebody else."""
        assert backend.names("c/d/") == []
        assert not backend.exists("c/d/x")
        assert backend.open("c/d/x") is None
        backend.make_directories(["c/d/"])
        backend.put_once("c/d/x", [b"1"])
        assert backend.names("c/") == ["c/d/x"]

    def test_a_watcher_pauses(self, backend: Backend) -> None:
        """Not longer than it is told to, by a wide margin."""
        begun = time.monotonic()
        with backend.watch("a/") as watcher:
            watcher.pause(0.01)
        assert time.monotonic() - begun < 10

    def test_making_directories_and_settling_may_be_repeated(self, backend: Backend) -> None:
        """Both are idempotent."""
        backend.put_once("a/b/x", [b"1"])
        backend.make_directories(_DIRECTORIES)
        backend.settle("a/b/x")
        backend.settle("a/b/x")
        assert _content(backend, "a/b/x") == b"1"

    def test_of_many_threads_one_wins(self, backend: Backend) -> None:
        """Exactly one is told that the name is its own, and it is right."""
        start = threading.Barrier(_RACERS)

        def race(racer: int) -> list[int]:
            start.wait()
            return _put_all(backend, racer)

        with ThreadPoolExecutor(_RACERS) as pool:
            _check_race(backend, list(pool.map(race, range(_RACERS))))

    def test_of_many_processes_one_wins(self, backend: Backend) -> None:
        """The same where the racers share nothing but the place."""
        if not backend.capabilities.is_shared:
            pytest.skip("this place is not shared between processes")
        # Spawned, since a fork beside other threads is no clean test of anything.
        context = get_context("spawn")
        start = context.Barrier(_RACERS)
        with ProcessPoolExecutor(_RACERS, mp_context=context, initializer=start.wait) as pool:
            _check_race(backend, list(pool.map(_put_all, [backend] * _RACERS, range(_RACERS))))


_NUM_NAMES = 50


def _put_all(backend: Backend, racer: int) -> list[int]:
    return [n for n in range(_NUM_NAMES) if backend.put_once(f"a/{n}", [f"racer {racer}".encode()] * 100)]


def _check_race(backend: Backend, won: list[list[int]]) -> None:
    assert sorted(number for numbers in won for number in numbers) == list(range(_NUM_NAMES))
    for racer, numbers in enumerate(won):
        for number in numbers:
            assert _content(backend, f"a/{number}") == f"racer {racer}".encode() * 100


def _open(backend: Backend, name: str) -> Blob:
    blob = backend.open(name)
    assert blob is not None
    return blob


def _content(backend: Backend, name: str) -> bytes:
    with _open(backend, name) as blob:
        return blob.read(0, blob.size)
