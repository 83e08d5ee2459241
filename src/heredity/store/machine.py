"""What one machine does for a store that it uses: it keeps an index and a cache, and maps files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from heredity.errors import InputError
from heredity.store.backends.base import Backend
from heredity.store.backends.caching import CacheSettings, CachingBackend
from heredity.store.files.layout import is_checkpoint


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """How a store is used on this machine; nothing of it is seen by others.

    Args:
        folder: On a local disk; holds an index for each store, made when it is first asked something, and the
            cache. All of it may be deleted at any time.
        cache_bytes: How much of what is read from stores is kept here, so that it need not be fetched again;
            0 for nothing. Worth it for object stores and for slow file servers.
        map_files: Whether large tensors are mapped instead of copied; by default on file systems that are
            known to be local.

    Raises:
        InputError: The number of bytes is negative.
    """

    folder: Path = field(default_factory=lambda: Path.home() / ".cache" / "heredity")
    cache_bytes: int = 0
    map_files: bool | None = None

    def __post_init__(self) -> None:
        if self.cache_bytes < 0:
            raise InputError(f"A cache of {self.cache_bytes} bytes is not possible; 0 means none.")

    def index_folder(self, store_id: str) -> Path:
        """Where the index of a store lies."""
        return self.folder.expanduser() / store_id

    def cached(self, backend: Backend, *, store_id: str) -> Backend:
        """The backend, behind the cache if there is one."""
        if not self.cache_bytes:
            return backend
        settings = CacheSettings(self.folder.expanduser() / "content", self.cache_bytes)
        # By the store's id: a new store at an old one's URL has other content under the same names.
        return CachingBackend(backend, settings, place=store_id, is_cached=is_checkpoint)
