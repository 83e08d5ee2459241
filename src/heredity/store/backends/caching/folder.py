"""The folder of a cache: finds, reads and writes entries, and never fails, since it can always do without.

FOLDER/v1/<checksum of what is stored>/<start>-<stop>-<size of the stored file>
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heredity.errors import InputError, StoreUnavailable
from heredity.store.backends.caching.entry import Extent, checksum, encode_entry, entry_bytes, read_entry
from heredity.store.backends.caching.limit import Limit, mark_used
from heredity.store.backends.local_blob import MAP_FROM_BYTES, LocalBlob
from heredity.store.backends.posix import SystemCalls, can_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from heredity.store.backends.caching.entry import Range

# Another version of the format of entries gets a folder of its own.
_VERSION = "v1"
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)")


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Where a cache is, and how large it may become.

    Args:
        folder: A folder on a local disk, made when it is needed. Any number of processes may share it, for
            any number of stores.
        max_bytes: What was used longest ago is deleted when all takes more than this.

    Raises:
        InputError: The limit is not positive.
    """

    folder: Path
    max_bytes: int

    def __post_init__(self) -> None:
        if self.max_bytes <= 0:
            raise InputError(
                f"Cache in {self.folder}: a limit of {self.max_bytes} bytes leaves no room.",
                hint="Give a positive max_bytes, or no cache.",
            )


class CacheFolder:
    """Entries on the local disk. What cannot be read or written is as good as not there."""

    def __init__(self, settings: CacheSettings) -> None:
        self._root = settings.folder / _VERSION
        self._limit = Limit(self._root, max_bytes=settings.max_bytes)
        self._map_from_bytes = MAP_FROM_BYTES if can_map(settings.folder) else None

    def find(self, identity: bytes) -> CachedFile:
        """Look at what is there of a stored file."""
        folder = self._root / checksum(identity).hex()
        try:
            names = os.listdir(folder)  # noqa: PTH208  # names are all that is wanted
        except OSError:
            names = []
        matches = [(name, match) for name in names if (match := _NAME.fullmatch(name))]
        extents = [
            Extent(folder / name, identity, *(int(number) for number in match.groups()))
            for name, match in matches
        ]
        return CachedFile(self, folder, identity, extents=extents)

    def read(self, extent: Extent, ranges: Sequence[Range]) -> list[memoryview] | None:
        """Return ranges that lie in the extent: pages of the file, private to the caller, or copies.

        Returns:
            ``None`` where the entry is no longer there, cannot be read, or is damaged; then it is deleted.
        """
        try:
            file = os.open(extent.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        mark_used(file)
        entry = LocalBlob(file, path=extent.path, system=SystemCalls(), map_from_bytes=self._map_from_bytes)
        try:
            with entry:
                found = read_entry(extent, entry, ranges)
        except StoreUnavailable:
            return None
        if found is None:
            _delete(extent.path)
        return found

    def write(self, extent: Extent, parts: Sequence[memoryview]) -> bool:
        """Write an extent, given in consecutive parts, if that can be; return whether it could."""
        folder = extent.path.parent
        aside = folder / f".{secrets.token_hex(16)}"
        try:
            if not self._limit.make_room(entry_bytes(parts)):
                return False
            folder.mkdir(parents=True, exist_ok=True)
            with aside.open("xb") as file:
                file.writelines(encode_entry(extent, parts))
            # Whoever has an entry of this name open or mapped keeps it; both hold the same.
            aside.rename(extent.path)
        except OSError:
            _delete(aside)
            return False
        except BaseException:
            _delete(aside)
            raise
        return True


class CachedFile:
    """What the cache has of one stored file. For one thread, as a `Blob` is.

    Args:
        cache: Where it is.
        folder: The folder of its entries.
        identity: What tells the stored file from all others, of this place and of other places.
        extents: The entries.
    """

    def __init__(self, cache: CacheFolder, folder: Path, identity: bytes, *, extents: list[Extent]) -> None:
        self._cache = cache
        self._folder = folder
        self._identity = identity
        self._extents = extents

    @property
    def size(self) -> int | None:
        """Size of the stored file; ``None`` unless its first bytes are here."""
        return next((extent.size for extent in self._extents if extent.start == 0), None)

    def read(self, ranges: Iterable[Range], *, size: int) -> dict[Range, memoryview]:
        """Return those ranges that are here, of a stored file of this size."""
        by_extent: dict[Extent, list[Range]] = {}
        for wanted in ranges:
            for extent in self._extents:
                if extent.size == size and extent.holds(wanted):
                    by_extent.setdefault(extent, []).append(wanted)
                    break
        found: dict[Range, memoryview] = {}
        for extent, here in by_extent.items():
            views = self._cache.read(extent, here)
            if views is None:
                self._extents.remove(extent)
            else:
                found.update(zip(here, views, strict=True))
        return found

    def keep(self, content: Mapping[Range, memoryview], *, size: int) -> None:
        """Keep ranges of the stored file of this size, those that touch as one entry."""
        for group in _touching(sorted(content)):
            start, stop = group[0][0], group[-1][1]
            extent = Extent(self._folder / f"{start}-{stop}-{size}", self._identity, start, stop, size)
            if self._cache.write(extent, [content[each] for each in group]):
                self._extents.append(extent)

    def forget(self) -> None:
        """Delete all that is here."""
        while self._extents:
            _delete(self._extents.pop().path)


def _touching(ranges: Iterable[Range]) -> list[list[Range]]:
    groups: list[list[Range]] = []
    for each in ranges:
        if groups and groups[-1][-1][1] == each[0]:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
        path.parent.rmdir()  # if this was its last file
