"""Waiting looks often at first and seldom later, misses nothing, and ends in time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from heredity.errors import CheckpointDropped, InputError, WaitTimeout
from heredity.store.backends.base import Capabilities, Watcher
from heredity.store.wait import wait_until

PLACE = Capabilities(
    is_shared=True,
    is_durable=True,
    maps_files=False,
    fences_writers=True,
    first_pause_seconds=0.002,
    longest_pause_seconds=0.25,
)


class Time(Watcher):
    """A clock that only pausing moves, and a watcher that wakes at a given moment."""

    def __init__(self, *, wakes: float = float("inf")) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.wakes = wakes
        self.num_closed = 0

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        is_woken = self.now < self.wakes < self.now + seconds
        self.now = self.wakes if is_woken else self.now + seconds

    def close(self) -> None:
        self.num_closed += 1

    def monotonic(self) -> float:
        return self.now


def appearing(time: Time, at: float) -> Callable[[], str | None]:
    return lambda: "found" if time.now >= at else None


def wait(time: Time, look: Callable[[], str | None], *, timeout: float) -> str:
    return wait_until(
        look,
        what="It",
        timeout_seconds=timeout,
        watch=lambda: time,
        capabilities=PLACE,
        monotonic=time.monotonic,
    )


def test_what_is_there_is_returned_without_watching() -> None:
    time = Time()
    assert wait(time, appearing(time, 0), timeout=0) == "found"
    assert (time.pauses, time.num_closed) == ([], 0)


def test_what_appears_while_the_watcher_is_made_is_found_without_a_pause() -> None:
    """It would not wake a watcher that was made a moment too late."""
    time = Time()
    looks = iter([None, "found"])
    assert wait(time, lambda: next(looks), timeout=100) == "found"
    assert time.pauses == []


def test_pauses_grow_to_a_bound() -> None:
    time = Time()
    wait(time, appearing(time, 10), timeout=100)
    assert time.pauses[0] == PLACE.first_pause_seconds
    assert time.pauses == sorted(time.pauses)
    assert max(time.pauses) == PLACE.longest_pause_seconds


def test_a_watcher_that_wakes_shortens_the_wait() -> None:
    time = Time(wakes=7.013)
    wait(time, appearing(time, 7.013), timeout=100)
    assert time.now == 7.013


def test_what_no_watcher_tells_is_found_by_looking() -> None:
    time = Time()
    wait(time, appearing(time, 7.013), timeout=100)
    assert 7.013 <= time.now <= 7.013 + PLACE.longest_pause_seconds


def test_what_comes_at_the_last_moment_is_found() -> None:
    time = Time()
    assert wait(time, appearing(time, 1.0), timeout=1.0) == "found"


def test_a_wait_ends_when_it_should() -> None:
    time = Time()
    with pytest.raises(WaitTimeout, match="did not appear within 1 seconds"):
        wait(time, appearing(time, 2), timeout=1)
    assert time.now == pytest.approx(1)
    assert time.num_closed == 1


def test_what_a_look_raises_ends_the_wait() -> None:
    time = Time()

    def look() -> None:
        if time.now > 3:
            raise CheckpointDropped("Its writer gave up.")

    with pytest.raises(CheckpointDropped, match="gave up"):
        wait(time, look, timeout=100)
    assert time.num_closed == 1


def test_watching_ends_with_the_wait() -> None:
    time = Time()
    wait(time, appearing(time, 1), timeout=100)
    assert time.num_closed == 1


@pytest.mark.parametrize("timeout", [-1.0, float("nan")])
def test_an_impossible_timeout_is_refused(timeout: float) -> None:
    time = Time()
    with pytest.raises(InputError):
        wait(time, appearing(time, 0), timeout=timeout)
