"""When a waiting guest looked, and when it saw: how the time from a save to its being seen is spent."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.nfs.lab.remote import Interpreter

from heredity.store import LocalBackend, Store
from heredity.store.backends.wrapper import Wrapper
from heredity.store.tensors import Buffer

T = TypeVar("T")

_NUM_ASKED = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """A wait that has found what it waited for, by the guest's clock."""

    looked_at: list[float] = field(default_factory=list)
    """When each look began."""
    at: float = 0.0


class Watched(Wrapper):
    """Notes when each look for a name begins."""

    def __init__(self, inner: LocalBackend) -> None:
        super().__init__(inner)
        self.looked_at: list[float] = []

    def around(self, method: str, call: Callable[[], T]) -> T:
        """Note it, and pass it on."""
        if method == "open":
            self.looked_at.append(time.time())
        return call()

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Pass it on."""
        return self.inner.put_once(name, content, before_commit=before_commit)

    def now(self) -> float:
        """Pass it on."""
        return self.inner.now()


def watched(root: Path) -> Watched:
    """A place whose looks are noted."""
    return Watched(LocalBackend(root))


def store_in(place: Watched) -> Store:
    """The store that is there."""
    return Store(place, store_id="any")


def wait_and_tell(place: Watched, store: Store, key: str, *, timeout: float) -> Seen:
    """Wait for a checkpoint; tell when it was looked for and seen."""
    store.wait(key, timeout=timeout)
    return Seen(list(place.looked_at), time.time())


def forget(place: Watched) -> None:
    """Begin to note anew."""
    place.looked_at.clear()


def wait_for_a_look(place: Watched) -> None:
    """Return when somebody looks."""
    while not place.looked_at:
        time.sleep(0.001)


def seconds_ahead(python: Interpreter) -> float:
    """How far a guest's clock is ahead of the host's; the quickest of its answers knows best."""
    answers = []
    for _ in range(_NUM_ASKED):
        asked = time.time()
        told = python.call(time.time)
        answered = time.time()
        answers.append((answered - asked, told - (asked + answered) / 2))
    return min(answers)[1]


def answered_at(mount: str) -> float:
    """When the server has answered this guest, by the guest's clock; as long as that takes."""
    os.close(os.open(mount, os.O_RDONLY | os.O_DIRECTORY))  # unlike a look for a name, never from memory
    return time.time()
