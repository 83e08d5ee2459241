"""The one retry loop of the package: a backend whose failures are tried again, with growing pauses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from heredity.errors import StoreFull, StoreUnavailable, WriteSwept
from heredity.store.backends.wrapper import Wrapper

if TYPE_CHECKING:
    from heredity.store.backends.base import Backend
    from heredity.store.tensors import Buffer

T = TypeVar("T")

# So much of what was put tells it from everything else: a header with its nonce is within.
_TELLING_BYTES = 1 << 16


def _fraction() -> float:
    # Not the module's own generator, which the user's program has seeded, alike in all its processes.
    return random.SystemRandom().random()


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often to try, and how long to pause in between.

    A pause is drawn evenly from nothing to its bound ("full jitter"), so that many machines that were refused
    together do not come back together.

    Args:
        max_tries: So many calls at most, the first one among them.
        max_seconds: No try begins later than this after the first.
        first_seconds: Bound of the first pause.
        growth: Bound of a pause, over that of the one before it.
        longest_seconds: Bound of all pauses.
    """

    max_tries: int = 10
    max_seconds: float = 120.0
    first_seconds: float = 0.1
    growth: float = 2.0
    longest_seconds: float = 10.0

    def pause_seconds(self, failures: int, fraction: float) -> float:
        """The pause after so many failures."""
        return fraction * min(self.longest_seconds, self.first_seconds * self.growth ** (failures - 1))


class RetryingBackend(Wrapper):
    """Tries again what failed with `StoreUnavailable`; see `Backend` for what is promised.

    A full place (`StoreFull`) stays full, and a swept write (`WriteSwept`) must be planned anew: these two
    go through at once, as does whatever the caller's own content or check raises.

    Args:
        inner: What may fail.
        backoff: How often and how slowly to try.
        sleep: Pauses for so many seconds.
        fraction: Draws from 0 to 1.
        monotonic: The clock.
    """

    def __init__(
        self,
        inner: Backend,
        *,
        backoff: Backoff = Backoff(),
        sleep: Callable[[float], None] = time.sleep,
        fraction: Callable[[], float] = _fraction,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._backoff = backoff
        self._sleep = sleep
        self._fraction = fraction
        self._monotonic = monotonic

    def around(self, method: str, call: Callable[[], T]) -> T:  # noqa: ARG002  # all are treated alike
        """Call until it succeeds, or fails for good."""
        return self._repeat(call, may_repeat=_always)

    def now(self) -> float:
        """Pass it on."""
        return self.around("now", self.inner.now)

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Put the joined pieces under a name, unless it is taken.

        `content` is iterated anew for each attempt. A one-shot iterator is not tried again once it was begun.
        """
        put = _Put(content, before_commit)

        def attempt() -> bool:
            put.begin()
            check = None if before_commit is None else put.check
            return self.inner.put_once(name, put, before_commit=check)

        try:
            is_ours = self._repeat(attempt, may_repeat=put.may_be_repeated)
            if not is_ours and put.may_have_landed and not self.capabilities.fences_writers:
                # By an attempt whose last check may be long past; nobody has checked since.
                put.check()
        except StoreUnavailable as error:
            if put.failure is None:
                raise
            self._take_back(name, put)
            if error is put.failure:
                raise
            raise put.failure from error
        except BaseException:
            if put.failure is not None and put.may_have_landed:
                self._take_back(name, put)
            raise
        return is_ours

    def _take_back(self, name: str, put: _Put) -> None:
        """Retire what an attempt may have left under the name, and nobody else's."""
        if self.capabilities.fences_writers or not put.told:
            return
        blob = self.open(name)
        if blob is not None:
            with blob:
                is_ours = blob.read(0, min(blob.size, _TELLING_BYTES)) == put.told
            if is_ours:
                self.retire(name)

    def _repeat(self, call: Callable[[], T], *, may_repeat: Callable[[], bool]) -> T:
        begun = self._monotonic()
        tries = 0
        while True:
            try:
                return call()
            except (StoreFull, WriteSwept):
                raise
            except StoreUnavailable as error:
                tries += 1
                pause = self._backoff.pause_seconds(tries, self._fraction())
                seconds = self._monotonic() - begun
                if not may_repeat():
                    raise
                if tries >= self._backoff.max_tries or seconds + pause > self._backoff.max_seconds:
                    raise _tired(error, tries=tries, seconds=seconds) from error
            self._sleep(pause)


def _always() -> bool:
    return True


def _tired(error: StoreUnavailable, *, tries: int, seconds: float) -> StoreUnavailable:
    often = "once" if tries == 1 else f"{tries} times"
    return StoreUnavailable(f"{error.message} Tried {often} within {seconds:.1f} s.", hint=error.hint)


class _Put:
    """One put over its attempts: passes pieces and check on, and remembers what came of them."""

    def __init__(self, content: Iterable[Buffer], before_commit: Callable[[], None] | None) -> None:
        self.failure: BaseException | None = None
        """What the caller's own content or check raised."""
        self.told = bytearray()
        """The first bytes of what was put."""
        self.attempts = 0
        self._content = content
        self._before_commit = before_commit
        self._is_begun = False

    def begin(self) -> None:
        self.attempts += 1
        self.told.clear()

    @property
    def may_have_landed(self) -> bool:
        """Whether there was an attempt before the current one, whose reply may have been lost."""
        return self.attempts > 1

    def may_be_repeated(self) -> bool:
        if self.failure is not None:
            return False
        return not self._is_begun or iter(self._content) is not self._content

    def __iter__(self) -> Iterator[Buffer]:
        pieces = iter(self._content)
        while True:
            try:
                piece = next(pieces, None)
            except BaseException as error:
                self.failure = error
                raise
            if piece is None:
                return
            self._is_begun = True
            if (missing := _TELLING_BYTES - len(self.told)) > 0:
                self.told += bytes(piece)[:missing]
            yield piece

    def check(self) -> None:
        if self._before_commit is None:
            return
        try:
            self._before_commit()
        except BaseException as error:
            self.failure = error
            raise
