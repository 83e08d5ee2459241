"""A cache of a slow place on the local disk."""

from heredity.store.backends.caching.backend import CachingBackend, uncached
from heredity.store.backends.caching.folder import CacheSettings

__all__ = ["CacheSettings", "CachingBackend", "uncached"]
