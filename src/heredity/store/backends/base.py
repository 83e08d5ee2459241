"""The interface of a place where bytes lie, and what such a place can promise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
    """

    is_shared: bool
    is_durable: bool
    maps_files: bool


class Blob(ABC):
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Backend(ABC):
    """A flat set of names, each put once and never changed.

    Names are parts joined by slashes, each of ASCII letters, digits and ``_.-~%``, not beginning with a dot.

    *Threads and processes.* All methods may be called from any thread, at the same time, and on all
    machines that share the place. Nothing is locked, nothing runs in the background: forking is safe.
    The backend of a shared place can be pickled.

    *Atomicity.* A name is either absent or complete. No reader sees a part, whatever happens to the writer.

    *Ordering.* When `put_once` has returned, everyone who looks sees the name, and it outlives a crash if the
    place is durable. Whoever has seen a name goes on seeing it.

    *Errors.* `StoreUnavailable`: this attempt failed, a later one may not. `StoreLocationError`: the place
    does not allow it. Nothing else; an absent name is an answer, not an error.
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
    def put_once(self, name: str, chunks: Iterable[Buffer]) -> bool:
        """Put the joined chunks under a name, unless it is taken.

        Chunks are asked for once, in order. If that raises, nothing is put and the exception goes through.

        Returns:
            Whether the name now holds what this call put; ``False`` if the name was taken. Exactly one of
            many callers gets ``True``, also where a reply is lost on the way.
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
