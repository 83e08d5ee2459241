"""A backend that fails, is late, loses replies and repeats requests by a schedule; one with another clock.

Use them to see what your own code does then::

    backend = FaultyBackend(MemoryBackend(url="memory://x"), {"put_once": [LOSE_REPLY], "open": [FAIL, FAIL]})
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from heredity.errors import StoreUnavailable
from heredity.store.backends.wrapper import Wrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from heredity.store.backends.base import Backend
    from heredity.store.tensors import Buffer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one call. Several things may.

    Args:
        delay_seconds: It is so late.
        fails: It fails before any work is done.
        repeats: The request arrives twice; what the second one is told is the reply.
        loses_reply: The work is done, and the call fails.
    """

    delay_seconds: float = 0.0
    fails: bool = False
    repeats: bool = False
    loses_reply: bool = False


FINE = Fault()
FAIL = Fault(fails=True)
LOSE_REPLY = Fault(loses_reply=True)
DUPLICATE = Fault(repeats=True)


class FaultyBackend(Wrapper):
    """Does what the schedule says, call by call; what is not on it goes well.

    Args:
        inner: What does the work.
        schedule: By the method's name, what befalls its first call, its second one and so on. The blobs'
            ``read`` and ``read_ranges`` have their places in it too.
    """

    def __init__(self, inner: Backend, schedule: Mapping[str, Iterable[Fault]]) -> None:
        super().__init__(inner)
        # Taking from a deque is one step under the interpreter's lock: threads need no other.
        self._schedule = {method: deque(faults) for method, faults in schedule.items()}

    @property
    def num_left(self) -> int:
        """How many faults have not befallen any call yet."""
        return sum(map(len, self._schedule.values()))

    def around(self, method: str, call: Callable[[], T]) -> T:
        """Do the call, as the schedule has it."""
        try:
            fault = self._schedule[method].popleft()
        except (KeyError, IndexError):
            fault = FINE
        if fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        if fault.fails:
            raise StoreUnavailable(f"{self.url}: {method} was made to fail.")
        result = call()
        if fault.repeats:
            result = call()
        if fault.loses_reply:
            raise StoreUnavailable(f"{self.url}: the reply to {method} was made to be lost.")
        return result

    def now(self) -> float:
        """Pass it on."""
        return self.around("now", self.inner.now)

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Pass it on."""
        return self.around(
            "put_once", lambda: self.inner.put_once(name, content, before_commit=before_commit)
        )


class ClockShifted(Wrapper):
    """A backend some time later: lets a grace pass without waiting for it.

    Only the present is shifted: what is put now is put `seconds` ago.
    """

    def __init__(self, inner: Backend, seconds: float) -> None:
        super().__init__(inner)
        self._seconds = seconds

    def around(self, method: str, call: Callable[[], T]) -> T:  # noqa: ARG002  # the interface
        """Do the call."""
        return call()

    def now(self) -> float:
        """So much later."""
        return self.inner.now() + self._seconds

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Pass it on."""
        return self.inner.put_once(name, content, before_commit=before_commit)
