"""Where bytes lie. One small interface, one file a place."""

from heredity.store.backends.base import Backend, Blob, Capabilities
from heredity.store.backends.local import LocalBackend
from heredity.store.backends.memory import MemoryBackend

__all__ = ["Backend", "Blob", "Capabilities", "LocalBackend", "MemoryBackend"]
