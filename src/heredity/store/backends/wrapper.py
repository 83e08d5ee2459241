"""A backend around another one: what every wrapper does alike."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from heredity.store.backends.base import Backend, Blob, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")


class Wrapper(Backend):
    """Passes every call on through `around`; derived classes write that, `put_once` and `now`.

    Can be pickled if what is inside can.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.url = inner.url
        self.capabilities = inner.capabilities

    @abstractmethod
    def around(self, method: str, call: Callable[[], T]) -> T:
        """Do a call of the inner backend, or of one of its blobs (``"read"`` and ``"read_ranges"``)."""

    def make_directories(self, names: Iterable[str]) -> None:
        """Pass it on."""
        listed = list(names)
        self.around("make_directories", lambda: self.inner.make_directories(listed))

    def open(self, name: str) -> Blob | None:
        """Pass it on; what is read from the blob goes through `around` too."""
        blob = self.around("open", lambda: self.inner.open(name))
        return None if blob is None else _WrappedBlob(blob, self)

    def exists(self, name: str) -> bool:
        """Pass it on."""
        return self.around("exists", lambda: self.inner.exists(name))

    def names(self, directory: str) -> list[str]:
        """Pass it on."""
        return self.around("names", lambda: self.inner.names(directory))

    def settle(self, name: str) -> None:
        """Pass it on."""
        self.around("settle", lambda: self.inner.settle(name))

    def retire(self, name: str) -> None:
        """Pass it on."""
        self.around("retire", lambda: self.inner.retire(name))

    def put_at(self, name: str) -> float | None:
        """Pass it on."""
        return self.around("put_at", lambda: self.inner.put_at(name))

    def sweep(self, *, before: float) -> None:
        """Pass it on."""
        self.around("sweep", lambda: self.inner.sweep(before=before))

    def version_of(self, directory: str) -> str | None:
        """Pass it on."""
        return self.around("version_of", lambda: self.inner.version_of(directory))

    def watch(self, directory: str) -> Watcher:
        """Pass it on."""
        return self.around("watch", lambda: self.inner.watch(directory))


class _WrappedBlob(Blob):
    def __init__(self, inner: Blob, wrapper: Wrapper) -> None:
        self.size = inner.size
        self._inner = inner
        self._wrapper = wrapper

    def read(self, start: int, stop: int) -> bytes:
        return self._wrapper.around("read", lambda: self._inner.read(start, stop))

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        return self._wrapper.around("read_ranges", lambda: self._inner.read_ranges(ranges))

    def close(self) -> None:
        self._inner.close()
