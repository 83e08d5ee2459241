"""One stored file, read from the cache as far as it is there, and from its place as far as it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.errors import StoreUnavailable
from heredity.store.backends.base import Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from heredity.store.backends.caching.entry import Range
    from heredity.store.backends.caching.folder import CachedFile


class CachedBlob(Blob):
    """A stored file and what the cache has of it; what is missing is read from the place, and kept.

    Args:
        cached: What the cache has.
        size: Size of the stored file.
        opened: The place's own blob, if it is open already.
        reopen: Opens it when something is missing.
        where: The stored file, for messages.
    """

    def __init__(
        self,
        cached: CachedFile,
        *,
        size: int,
        opened: Blob | None,
        reopen: Callable[[], Blob | None],
        where: str,
    ) -> None:
        self.size = size
        self._where = where
        self._cached = cached
        self._opened = opened
        self._reopen = reopen

    def read(self, start: int, stop: int) -> bytes:
        """Return one range."""
        return bytes(self.read_ranges([(start, stop)])[0])

    def read_ranges(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Return many ranges, asking the place only for what the cache does not have."""
        wanted = dict.fromkeys((start, stop) for start, stop in ranges if start < stop)
        found = self._cached.read(wanted, size=self.size)
        missing = [each for each in wanted if each not in found]
        if missing:
            content = dict(zip(missing, self._from_place().read_ranges(missing), strict=True))
            self._cached.keep(content, size=self.size)
            found |= content
        return _apart(ranges, found)

    def _from_place(self) -> Blob:
        if self._opened is None:
            opened = self._reopen()
            if opened is not None and opened.size != self.size:
                opened.close()
                opened = None
            if opened is None:
                # What is asked next is the place, which knows.
                self._cached.forget()
                raise StoreUnavailable(
                    f"{self._where}: was opened from the cache, and is no longer in its place.",
                    hint="Open it again, which will tell.",
                )
            self._opened = opened
        return self._opened

    def close(self) -> None:
        """Let go of the place's own. What was read stays valid."""
        if self._opened is not None:
            self._opened.close()


def _apart(ranges: Iterable[Range], found: Mapping[Range, memoryview]) -> list[memoryview]:
    """The ranges as asked for; of those that overlap, which may lie on the same pages, all but one copied."""
    shared: set[Range] = set()
    reach = 0
    for start, stop in sorted(found):
        if start < reach:
            shared.add((start, stop))
        reach = max(reach, stop)
    views = []
    for start, stop in ranges:
        view = found.get((start, stop), memoryview(b""))
        views.append(memoryview(bytearray(view)) if start == stop or (start, stop) in shared else view)
        shared.add((start, stop))
    return views
