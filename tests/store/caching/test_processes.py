"""Processes share a cache."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.store.caching.loads import BODY, cached, content, load

from heredity.store.backends import Backend, LocalBackend
from heredity.store.backends.caching import CacheSettings
from heredity.testing.recording import RecordingBackend


def load_and_tell(root: Path, settings: CacheSettings) -> list[str]:
    inner = RecordingBackend(LocalBackend(root))
    load(cached(inner, settings))
    return inner.taken()


@pytest.fixture
def shared(tmp_path: Path) -> Backend:
    backend = LocalBackend(tmp_path / "place")
    backend.make_directories(["t/"])
    return backend


def test_what_one_process_has_read_another_need_not(
    shared: Backend, tmp_path: Path, settings: CacheSettings
) -> None:
    shared.put_once("t/a", [content("t/a")])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert len(pool.submit(load_and_tell, tmp_path / "place", settings).result()) == 1 + 1 + len(BODY)
    assert load_and_tell(tmp_path / "place", settings) == []


def test_a_pickled_backend_uses_the_same_cache(shared: Backend, settings: CacheSettings) -> None:
    shared.put_once("t/a", [content("t/a")])
    load(backend := cached(shared, settings))
    load(other := pickle.loads(pickle.dumps(backend)))
    shared.retire("t/a")
    load(other)


def test_a_place_in_memory_is_not_pickled(inner: RecordingBackend, settings: CacheSettings) -> None:
    with pytest.raises(TypeError, match="memory of one process"):
        pickle.dumps(cached(inner, settings))
