"""A place that counts what it is asked, and an empty cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.store.caching.loads import MB, content

from heredity.store.backends import MemoryBackend
from heredity.store.backends.caching import CacheSettings
from heredity.testing.recording import RecordingBackend


@pytest.fixture
def inner() -> RecordingBackend:
    """A place with a few files; what was asked to put them is forgotten."""
    inner = RecordingBackend(MemoryBackend(url="memory://slow"))
    for name in ("t/a", "t/b"):
        inner.put_once(name, [content(name)])
    inner.taken()
    return inner


@pytest.fixture
def settings(tmp_path: Path) -> CacheSettings:
    return CacheSettings(tmp_path / "cache", max_bytes=100 * MB)
