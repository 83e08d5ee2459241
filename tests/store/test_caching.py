"""A cached place is a place like any other."""

from __future__ import annotations

from pathlib import Path

from heredity.store.backends import Backend, LocalBackend, MemoryBackend
from heredity.store.backends.caching import CacheSettings, CachingBackend
from heredity.testing.backend_suite import BackendSuite

MB = 1 << 20


def everything(name: str) -> bool:
    return True


class TestCachedLocal(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        settings = CacheSettings(folder / "cache", max_bytes=100 * MB)
        return CachingBackend(LocalBackend(folder / "place"), settings, place="x", is_cached=everything)


class TestCachedMemory(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        settings = CacheSettings(folder / "cache", max_bytes=100 * MB)
        inner = MemoryBackend(url=f"memory://{folder.name}")
        return CachingBackend(inner, settings, place="x", is_cached=everything)


class TestCacheThatCannotBe(BackendSuite):
    """A file lies where its folder should."""

    def make_backend(self, folder: Path) -> Backend:
        (folder / "cache").write_bytes(b"")
        settings = CacheSettings(folder / "cache", max_bytes=100 * MB)
        return CachingBackend(LocalBackend(folder / "place"), settings, place="x", is_cached=everything)
