"""What fails for a while is tried again, and what cannot succeed is not."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from tests.store.odd_puts import OddPuts

from heredity.errors import StoreFull, StoreLocationError, StoreUnavailable, WriteSwept
from heredity.store.backends import Backend, LocalBackend, MemoryBackend
from heredity.store.backends.retrying import Backoff, RetryingBackend
from heredity.store.tensors import Buffer
from heredity.testing.backend_suite import BackendSuite
from heredity.testing.faulty_backend import DUPLICATE, FAIL, FINE, LOSE_REPLY, Fault, FaultyBackend

T = TypeVar("T")

EVERYTHING = (
    *("make_directories", "put_once", "open", "exists", "names", "settle", "retire", "put_at"),
    *("now", "sweep", "version_of", "watch", "read", "read_ranges"),
)


def memory() -> MemoryBackend:
    return MemoryBackend(url="memory://retrying")


def retrying(inner: Backend, *, pauses: list[float] | None = None, **settings: float) -> RetryingBackend:
    """Without real pauses: they are noted, and move the clock."""
    noted: list[float] = [] if pauses is None else pauses
    return RetryingBackend(
        inner,
        backoff=Backoff(**settings),  # type: ignore[arg-type]  # max_tries is an int, and given as one
        sleep=noted.append,
        fraction=lambda: 1.0,
        monotonic=lambda: sum(noted),
    )


class TestRetrying(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        return RetryingBackend(MemoryBackend(url=f"memory://{folder.name}"))


class TestRetryingFiles(BackendSuite):
    """What it wraps is mapped, fences writers, and is shared between processes."""

    def make_backend(self, folder: Path) -> Backend:
        return RetryingBackend(LocalBackend(folder))


class TestRetryingWhatFails(BackendSuite):
    """Every call fails twice before it does what it should."""

    def make_backend(self, folder: Path) -> Backend:
        failing = {
            method: [FAIL, Fault(delay_seconds=0.001, fails=True), FINE] * 100 for method in EVERYTHING
        }
        return retrying(FaultyBackend(MemoryBackend(url=f"memory://{folder.name}"), failing))


class TestRetryingFilesOfAServerThatLosesReplies(BackendSuite):
    """All that may be done twice is done, and done again."""

    def make_backend(self, folder: Path) -> Backend:
        losing = {method: [LOSE_REPLY, DUPLICATE] * 100 for method in EVERYTHING if method != "put_once"}
        return RetryingBackend(
            FaultyBackend(LocalBackend(folder), losing), backoff=Backoff(first_seconds=0.001)
        )


# --- how often, how slowly ----------------------------------------------------------------------------------


def test_pauses_grow_up_to_a_bound() -> None:
    pauses: list[float] = []
    backend = retrying(FaultyBackend(memory(), {"exists": [FAIL] * 6}), pauses=pauses, longest_seconds=1.0)
    assert not backend.exists("a/x")
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_pauses_are_drawn_from_nothing_to_their_bound() -> None:
    pauses: list[float] = []
    draws = iter([0.0, 0.5])
    RetryingBackend(
        FaultyBackend(memory(), {"exists": [FAIL] * 2}), sleep=pauses.append, fraction=lambda: next(draws)
    ).exists("a/x")
    assert pauses == [0.0, 0.1]


def test_the_last_failure_says_how_often_it_was_tried() -> None:
    backend = retrying(FaultyBackend(memory(), {"exists": [FAIL] * 3}), max_tries=3)
    with pytest.raises(StoreUnavailable, match=r"made to fail\. Tried 3 times within 0\.3 s"):
        backend.exists("a/x")
    assert not backend.exists("a/x")


def test_no_try_begins_when_the_time_is_up() -> None:
    pauses: list[float] = []
    backend = retrying(FaultyBackend(memory(), {"exists": [FAIL] * 9}), pauses=pauses, max_seconds=1.0)
    with pytest.raises(StoreUnavailable, match="Tried 4 times"):
        backend.exists("a/x")
    assert sum(pauses) <= 1.0


@pytest.mark.parametrize("kind", [StoreFull, WriteSwept, StoreLocationError])
def test_what_does_not_pass_is_not_tried_again(kind: type[Exception]) -> None:
    num_puts = []

    def refuse(*_: object) -> bool:
        num_puts.append(1)
        raise kind("for good")

    with pytest.raises(kind, match="for good"):
        retrying(OddPuts(memory(), refuse)).put_once("a/x", [b"1"])
    assert len(num_puts) == 1


def test_a_read_that_fails_is_tried_again() -> None:
    inner = memory()
    inner.put_once("a/x", [b"12345"])
    faulty = FaultyBackend(inner, {"read": [FAIL, LOSE_REPLY], "read_ranges": [FAIL]})
    blob = retrying(faulty).open("a/x")
    assert blob is not None
    assert blob.read(0, 5) == b"12345"
    assert [bytes(part) for part in blob.read_ranges([(1, 2)])] == [b"2"]
    assert faulty.num_left == 0


# --- puts ---------------------------------------------------------------------------------------------------


def test_content_is_iterated_anew_for_each_attempt() -> None:
    class Pieces:
        num_iterations = 0

        def __iter__(self) -> Iterator[bytes]:
            self.num_iterations += 1
            yield from (b"1", b"2")

    inner = memory()
    pieces = Pieces()
    backend = retrying(OddPuts(inner, failing_after_reading()))
    assert backend.put_once("a/x", pieces)
    assert pieces.num_iterations == 2
    assert content(inner, "a/x") == b"12"


def failing_after_reading() -> Callable[..., bool]:
    """The first put reads all pieces, and fails."""
    left = [StoreUnavailable("after reading")]

    def put(inner: Backend, name: str, content: Iterable[Buffer], check: Callable[[], None] | None) -> bool:
        if left:
            list(content)
            raise left.pop()
        return inner.put_once(name, content, before_commit=check)

    return put


def test_an_iterator_that_was_begun_is_not_put_again() -> None:
    backend = retrying(OddPuts(memory(), failing_after_reading()))
    with pytest.raises(StoreUnavailable, match="after reading"):
        backend.put_once("a/x", iter([b"1"]))
    assert not backend.exists("a/x")


def test_an_iterator_that_was_not_begun_is_put() -> None:
    inner = memory()
    backend = retrying(FaultyBackend(inner, {"put_once": [FAIL]}))
    assert backend.put_once("a/x", iter([b"1"]))
    assert content(inner, "a/x") == b"1"


def test_a_put_whose_reply_was_lost_finds_itself() -> None:
    """It is told that the name is taken, and finds its own content there."""
    inner = memory()
    assert not retrying(FaultyBackend(inner, {"put_once": [LOSE_REPLY]})).put_once("a/x", [b"mine"])
    assert content(inner, "a/x") == b"mine"


def test_the_callers_own_failures_are_not_tried_again() -> None:
    """Even if they look like the place's."""
    calls = []

    def refuse() -> None:
        calls.append(1)
        raise StoreUnavailable("the check's own")

    with pytest.raises(StoreUnavailable, match="the check's own"):
        retrying(memory()).put_once("a/x", [b"1"], before_commit=refuse)
    assert len(calls) == 1


def test_content_that_fails_is_not_tried_again() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"1"
        raise StoreUnavailable("the content's own")

    with pytest.raises(StoreUnavailable, match=r"the content's own$"):
        retrying(memory()).put_once("a/x", pieces())


class Refusals:
    """A check that refuses from its n-th call on."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.num_calls = 0

    def __call__(self) -> None:
        self.num_calls += 1
        if self.num_calls >= self.first:
            raise LookupError("no longer")


def test_what_landed_unknown_is_checked_once_more() -> None:
    """Its own check after the commit was lost with the reply: checks 1 and 2 are of the lost attempt."""
    inner = memory()
    backend = retrying(FaultyBackend(inner, {"put_once": [LOSE_REPLY]}))
    check = Refusals(4)
    with pytest.raises(LookupError):
        backend.put_once("a/x", [b"mine"], before_commit=check)
    assert check.num_calls == 4
    assert not inner.exists("a/x")


def test_what_landed_unknown_is_taken_back_if_the_next_attempt_is_refused() -> None:
    inner = memory()
    backend = retrying(FaultyBackend(inner, {"put_once": [LOSE_REPLY]}))
    with pytest.raises(LookupError):
        backend.put_once("a/x", [b"mine"], before_commit=Refusals(3))
    assert not inner.exists("a/x")


def test_what_others_have_put_is_not_taken_back() -> None:
    inner = memory()
    inner.put_once("a/x", [b"other"])
    backend = retrying(FaultyBackend(inner, {"put_once": [FAIL, LOSE_REPLY]}))
    with pytest.raises(LookupError):
        backend.put_once("a/x", [b"mine"], before_commit=Refusals(3))
    assert content(inner, "a/x") == b"other"


def test_what_could_not_be_taken_back_is_taken_back_later() -> None:
    def put(inner: Backend, name: str, content: Iterable[Buffer], check: Callable[[], None]) -> bool:
        inner.put_once(name, content)
        try:
            check()
        except LookupError as error:
            raise StoreUnavailable("cannot delete now") from error
        return True

    inner = memory()
    with pytest.raises(LookupError, match="no longer"):
        retrying(OddPuts(inner, put)).put_once("a/x", [b"mine"], before_commit=Refusals(1))
    assert not inner.exists("a/x")


def test_a_place_with_a_fence_is_checked_once_an_attempt(tmp_path: Path) -> None:
    LocalBackend(tmp_path).make_directories(["a/"])
    check = Refusals(100)
    backend = retrying(FaultyBackend(LocalBackend(tmp_path), {"put_once": [LOSE_REPLY]}))
    assert not backend.put_once("a/x", [b"1"], before_commit=check)
    assert check.num_calls == 2


def test_it_can_be_pickled_if_what_is_inside_can(tmp_path: Path) -> None:
    backend = RetryingBackend(LocalBackend(tmp_path))
    assert pickle.loads(pickle.dumps(backend)).url == tmp_path.as_uri()
    with pytest.raises(TypeError, match="memory of one process"):
        pickle.dumps(RetryingBackend(memory()))


def content(backend: Backend, name: str) -> bytes:
    blob = backend.open(name)
    assert blob is not None
    return blob.read(0, blob.size)
