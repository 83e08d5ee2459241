"""The faults are those that the schedule says, and the clock is as late as it should be."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest

from heredity.errors import StoreUnavailable
from heredity.store.backends import Backend, LocalBackend, MemoryBackend
from heredity.testing.backend_suite import BackendSuite
from heredity.testing.faulty_backend import (
    DUPLICATE,
    FAIL,
    FINE,
    LOSE_REPLY,
    ClockShifted,
    Fault,
    FaultyBackend,
)


class TestClockShifted(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        return ClockShifted(LocalBackend(folder), 0.0)


def memory() -> MemoryBackend:
    return MemoryBackend(url="memory://faulty")


def test_a_call_fails_before_or_after_its_work() -> None:
    backend = FaultyBackend(memory(), {"put_once": [FAIL, FINE, LOSE_REPLY]})
    with pytest.raises(StoreUnavailable, match="made to fail"):
        backend.put_once("a/1", [b"1"])
    assert backend.put_once("a/2", [b"1"])
    with pytest.raises(StoreUnavailable, match="made to be lost"):
        backend.put_once("a/3", [b"1"])
    assert backend.put_once("a/4", [b"1"])
    assert backend.names("a/") == ["a/2", "a/3", "a/4"]


def test_a_duplicate_of_a_put_is_told_that_the_name_is_taken() -> None:
    inner = memory()
    assert not FaultyBackend(inner, {"put_once": [DUPLICATE]}).put_once("a/1", [b"1"])
    assert inner.exists("a/1")


def test_a_call_is_late() -> None:
    begun = time.monotonic()
    FaultyBackend(memory(), {"exists": [Fault(delay_seconds=0.02)]}).exists("a/1")
    assert time.monotonic() - begun >= 0.02


def test_what_is_read_fails_too() -> None:
    backend = FaultyBackend(memory(), {"read": [FAIL], "read_ranges": [FAIL]})
    backend.put_once("a/1", [b"1"])
    blob = backend.open("a/1")
    assert blob is not None
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            blob.read(0, 1) if backend.num_left == 2 else blob.read_ranges([(0, 1)])
    assert blob.read(0, 1) == b"1"
    assert backend.num_left == 0


def test_a_shifted_clock_is_later_by_so_much() -> None:
    inner = memory()
    late = ClockShifted(inner, 3600)
    late.put_once("a/1", [b"1"])
    put_at = late.put_at("a/1")
    assert put_at is not None
    assert 3600 < late.now() - put_at < 3660


def test_both_can_be_pickled_if_what_is_inside_can(tmp_path: Path) -> None:
    backend = ClockShifted(FaultyBackend(LocalBackend(tmp_path), {"exists": [FAIL]}), 60)
    with pytest.raises(StoreUnavailable):
        pickle.loads(pickle.dumps(backend)).exists("a/1")
