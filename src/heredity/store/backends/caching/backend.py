"""Reads a slow place through a cache on the local disk: what was read once is not asked for again.

Names are put once and never used again, so what was read of one stays right for ever, and only content is
cached. Whether a name is there is asked of the place each time, but for one case: a file whose beginning is
in the cache is opened without a question. It may have been retired since; a store sees that by its tombstone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from heredity.store.backends.base import Backend
from heredity.store.backends.caching.blob import CachedBlob
from heredity.store.backends.caching.folder import CacheFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from heredity.store.backends.base import Blob, Watcher
    from heredity.store.backends.caching.folder import CachedFile, CacheSettings
    from heredity.store.tensors import Buffer


class CachingBackend(Backend):
    """A place and its cache.

    The cache never makes a call fail: where it is damaged, full or cannot be written, the place is read.

    Args:
        inner: The place.
        settings: Where the cache is, and its limit.
        place: What tells the content of this place from that of all others for ever, such as the store's id.
            Not its URL: there may be another store tomorrow.
        is_cached: Whether a name's content may be kept: names that are never used again once retired, and
            worth it. A function that can be pickled if the backend is to be.
    """

    def __init__(
        self, inner: Backend, settings: CacheSettings, *, place: str, is_cached: Callable[[str], bool]
    ) -> None:
        self.inner = inner
        self.url = inner.url
        # What comes from the place is no page of a file, nor is what is too short to be mapped.
        self.capabilities = replace(inner.capabilities, maps_files=False)
        self._settings = settings
        self._place = place
        self._is_cached = is_cached
        self._folder = CacheFolder(settings)

    def __reduce__(self) -> tuple[object, ...]:
        return _caching_backend, (self.inner, self._settings, self._place, self._is_cached)

    def open(self, name: str) -> Blob | None:
        """Open a name for reading; ``None`` where it is absent."""
        if not self._is_cached(name):
            return self.inner.open(name)
        cached = self._cached(name)
        opened = None if cached.size is not None else self.inner.open(name)
        size = cached.size if opened is None else opened.size
        if size is None:
            return None
        return CachedBlob(
            cached,
            size=size,
            opened=opened,
            reopen=lambda: self.inner.open(name),
            where=f"{name} in {self.url}",
        )

    def _cached(self, name: str) -> CachedFile:
        return self._folder.find(f"{self._place} {name}".encode())

    def forget(self, name: str) -> None:
        """Delete what is cached of a name, as when its content turns out to be wrong."""
        self._cached(name).forget()

    def retire(self, name: str) -> None:
        """Take a name away; what this machine has cached of it goes too."""
        self.inner.retire(name)
        self.forget(name)

    def make_directories(self, names: Iterable[str]) -> None:
        """Make directories where the place has such a thing."""
        self.inner.make_directories(names)

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Put the joined pieces under a name of the place, unless it is taken."""
        return self.inner.put_once(name, content, before_commit=before_commit)

    def exists(self, name: str) -> bool:
        """Whether the name has been put, by a look at the place."""
        return self.inner.exists(name)

    def names(self, directory: str) -> list[str]:
        """All names below a directory of the place, whole and sorted."""
        return self.inner.names(directory)

    def settle(self, name: str) -> None:
        """Return when a name that exists is durable."""
        self.inner.settle(name)

    def put_at(self, name: str) -> float | None:
        """When a name was put; ``None`` where it is absent."""
        return self.inner.put_at(name)

    def now(self) -> float:
        """A time later than that of everything that was put before this call."""
        return self.inner.now()

    def sweep(self, *, before: float) -> None:
        """Free what was retired from the place, and break off unfinished writes."""
        self.inner.sweep(before=before)

    def version_of(self, directory: str) -> str | None:
        """A text that differs whenever the names directly in a directory do."""
        return self.inner.version_of(directory)

    def watch(self, directory: str) -> Watcher:
        """Begin to watch a directory of the place."""
        return self.inner.watch(directory)


def uncached(backend: Backend) -> Backend:
    """The place itself, for whoever wants to know what lies there now."""
    return backend.inner if isinstance(backend, CachingBackend) else backend


def _caching_backend(
    inner: Backend, settings: CacheSettings, place: str, is_cached: Callable[[str], bool]
) -> CachingBackend:
    return CachingBackend(inner, settings, place=place, is_cached=is_cached)
