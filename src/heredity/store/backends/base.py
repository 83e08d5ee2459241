"""The interface of a place where bytes lie, and what such a place can promise."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from heredity.store.tensors import Buffer


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a place can do, as data, so that callers need not know which place it is.

    Args:
        is_shared: Other processes see the same bytes.
        is_durable: What was put outlives a crash of the machine.
        maps_files: `Blob.read_ranges` gives pages of the file, not copies: it costs no memory and no reading
            until the bytes are used.
        fences_writers: After `sweep`, no write whose last check came before the time that was given to it
            can appear any more, however long its writer slept.
        first_pause_seconds: How long to wait before looking again for something that may come soon.
        longest_pause_seconds: How long to wait at most between two looks.
    """

    is_shared: bool
    is_durable: bool
    maps_files: bool
    fences_writers: bool
    first_pause_seconds: float
    longest_pause_seconds: float


class Closable(ABC):
    """Something that is let go of by ``with``."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Blob(Closable):
    """One name's bytes, open for reading. Used by one thread; closed by ``with``.

    The bytes never change. Ranges are ``(start, stop)`` within ``0 .. size``; others are the caller's bug.
    """

    size: int

    @abstractmethod
    def read(self, start: int, stop: int) -> bytes:
        """Return one range.

        Raises:
            StoreUnavailable: The place did not answer, or gave less than it has.
        """

    @abstractmethod
    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        """Return many ranges at once, in the order asked for, in as few requests as make sense.

        The memory belongs to the caller alone: it may be written to (never changing what is stored) and lives
        on after `close`. Ranges that overlap share memory with one another where the place maps files.

        Raises:
            StoreUnavailable: The place did not answer, or gave less than it has.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the file or connection. What was read stays valid."""


class Watcher(Closable):
    """Notices that something may have appeared in a directory since the watcher was made. For one thread."""

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Return after so many seconds, or sooner if something may have appeared."""

    @abstractmethod
    def close(self) -> None:
        """Stop watching."""


class Sleeper(Watcher):
    """The watcher of a place that tells nothing: it sleeps."""

    def pause(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def close(self) -> None:
        """Nothing to do."""


class SizedContent(ABC):
    """Pieces whose length is known before the first of them, so that the place can make room for all."""

    size_bytes: int

    @abstractmethod
    def __iter__(self) -> Iterator[Buffer]:
        """The pieces in order; together they have `size_bytes`."""


class Backend(ABC):
    """A flat set of names, each put once, never changed, and in the end retired.

    Names are parts joined by slashes, each of ASCII letters, digits and ``_.-~%``, not beginning with a dot.

    *Threads and processes.* All methods may be called from any thread, at the same time, and on all
    machines that share the place. Nothing is locked, nothing runs in the background: forking is safe.
    The backend of a shared place can be pickled.

    *Atomicity.* A name is either absent or complete. No reader sees a part, whatever happens to the writer.

    *Ordering.* When `put_once` has returned, everyone who looks sees the name, and it outlives a crash if the
    place is durable. Whoever has seen a name goes on seeing it.

    *Errors.* `StoreUnavailable`: this attempt failed, a later one may not (`StoreFull`: not soon).
    `StoreLocationError`: the place does not allow it. Nothing else; an absent name is an answer, not an
    error, and so is an absent directory of a place that is there.

    *Time.* `put_at` and `now` are seconds by the one clock of the place, which may be hours off ours.
    """

    url: str
    capabilities: Capabilities

    @abstractmethod
    def make_directories(self, names: Iterable[str]) -> None:
        """Make directories (names ending in a slash) where the place has such a thing. Idempotent.

        A name may be put only into a directory made before it is first looked at: file servers remember for
        half a minute that a directory was absent.
        """

    @abstractmethod
    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Put the joined pieces under a name, unless it is taken.

        Args:
            name: Where to; its directory has been made.
            content: The pieces, in order. Iterated once for every attempt: a place that repeats a failed
                attempt needs something that can be iterated again, such as a list. If it raises, nothing is
                put and the exception goes through. A `SizedContent` may be written faster.
            before_commit: Called when all is written and nothing is visible yet; if it raises, nothing is
                put and the exception goes through. On a place that does not fence writers it is called once
                more after the commit, and the name is taken back if it raises then.

        Returns:
            Whether the name now holds what this call put; ``False`` if the name was taken. Of many callers at
            most one gets ``True``, and exactly one where no reply is lost. Where one was lost, ``False`` may
            mean that an earlier attempt of this very call has landed: the caller knows by a nonce within the
            content.

        Raises:
            WriteSwept: A collection took the unfinished write for a dead one; nothing was put.
        """

    @abstractmethod
    def open(self, name: str) -> Blob | None:
        """Open a name for reading; ``None`` where it is absent."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether the name has been put. Looks afresh: what any machine has put before is seen."""

    @abstractmethod
    def names(self, directory: str) -> list[str]:
        """All names below a directory (ending in a slash), whole and sorted; never an unfinished one.

        Names put or removed meanwhile may be in it or not.
        """

    @abstractmethod
    def settle(self, name: str) -> None:
        """Return when a name that exists is as durable as if this caller had put it.

        Who sees a name may see it before its writer has been told that it is durable; call this before
        something durable refers to it.
        """

    @abstractmethod
    def retire(self, name: str) -> None:
        """Take a name away, for ever. Idempotent; absent names are passed over.

        Whoever has it open reads on where the place allows that; `sweep` frees the bytes.
        """

    @abstractmethod
    def put_at(self, name: str) -> float | None:
        """When a name was put; ``None`` where it is absent."""

    @abstractmethod
    def now(self) -> float:
        """A time later than that of everything that was put before this call. May take a second."""

    @abstractmethod
    def sweep(self, *, before: float) -> None:
        """Free what was retired, and break off what began to be written, before this time.

        A writer that is broken off gets `WriteSwept`, and its name never appears.

        Raises:
            StoreLocationError: The place may not be written from here.
        """

    @abstractmethod
    def version_of(self, directory: str) -> str | None:
        """A text that differs whenever the names directly in a directory do; ``None`` if the place has none.

        Two changes within one tick of the place's clock (up to two seconds) may give the same text.
        """

    @abstractmethod
    def watch(self, directory: str) -> Watcher:
        """Begin to watch a directory. A hint only: what other machines put may go unnoticed."""
