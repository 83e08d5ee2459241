"""Waiting looks often at first and seldom later, misses nothing, and ends in time."""

from __future__ import annotations

import pytest

from heredity.errors import InputError, WaitTimeout
from heredity.store.wait import LONGEST_PAUSE_SECONDS, wait_until


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


def wait(time: Time, *, appears: float, timeout: float) -> str:
    return wait_until(
        lambda: "found" if time.now >= appears else None,
        what="It",
        timeout_seconds=timeout,
        sleep=time.sleep,
        monotonic=time.monotonic,
    )


def test_what_is_there_is_returned_without_a_pause() -> None:
    time = Time()
    assert wait(time, appears=0, timeout=0) == "found"
    assert time.pauses == []


def test_pauses_grow_to_a_bound() -> None:
    time = Time()
    wait(time, appears=10, timeout=100)
    assert time.pauses[0] == 0.001
    assert time.pauses == sorted(time.pauses)
    assert max(time.pauses) == LONGEST_PAUSE_SECONDS


def test_what_comes_at_the_last_moment_is_found() -> None:
    assert wait(Time(), appears=1.0, timeout=1.0) == "found"


def test_a_wait_ends_when_it_should() -> None:
    time = Time()
    with pytest.raises(WaitTimeout, match="did not appear within 1 seconds"):
        wait(time, appears=2, timeout=1)
    assert time.now == pytest.approx(1)


@pytest.mark.parametrize("timeout", [-1.0, float("nan")])
def test_an_impossible_timeout_is_refused(timeout: float) -> None:
    with pytest.raises(InputError):
        wait(Time(), appears=0, timeout=timeout)
