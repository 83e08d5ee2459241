"""Files behind a cache, loaded as the store loads checkpoints: the header, then what it names."""

from __future__ import annotations

import random
from pathlib import Path

from heredity.store.backends import Backend
from heredity.store.backends.caching import CacheSettings, CachingBackend

MB = 1 << 20
HEAD = (0, 1000)
BODY = [(1000, 1000 + 300_000), (301_000, 301_000 + 2 * MB), (301_000 + 2 * MB, 302_000 + 2 * MB)]
SIZE = 302_000 + 2 * MB


def below_t(name: str) -> bool:
    return name.startswith("t/") and not name.endswith("%drop")


def content(seed: str, size: int = SIZE) -> bytes:
    return random.Random(seed).randbytes(size)


def cached(inner: Backend, settings: CacheSettings, *, place: str = "store 1") -> CachingBackend:
    """As another process would have it: all that it knows is in the folder."""
    return CachingBackend(inner, settings, place=place, is_cached=below_t)


def load(backend: Backend, name: str = "t/a", ranges: list[tuple[int, int]] = BODY) -> list[memoryview]:
    """As the store does: the header, then what it names."""
    blob = backend.open(name)
    assert blob is not None
    with blob:
        assert blob.size == SIZE
        assert blob.read(*HEAD) == content(name)[slice(*HEAD)]
        views = blob.read_ranges(ranges)
    assert [bytes(view) for view in views] == [content(name)[start:stop] for start, stop in ranges]
    return views


def files(settings: CacheSettings) -> list[Path]:
    return sorted(path for path in settings.folder.rglob("*") if path.is_file())


def num_bytes(settings: CacheSettings) -> int:
    return sum(path.stat().st_size for path in files(settings))
