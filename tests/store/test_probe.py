"""A place where the second put of a name wins is refused by its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import pytest
from tests.store.odd_puts import OddPuts

from heredity.errors import StoreLocationError
from heredity.store.backends import Backend, MemoryBackend
from heredity.store.backends.probe import probe
from heredity.store.backends.retrying import RetryingBackend
from heredity.store.tensors import Buffer
from heredity.testing.faulty_backend import FAIL, LOSE_REPLY, FaultyBackend

T = TypeVar("T")


def overwrite(inner: Backend, name: str, content: Iterable[Buffer], _check: object) -> bool:
    """As a server that knows no conditions."""
    inner.retire(name)
    return inner.put_once(name, content)


def forbid(*_: object) -> bool:
    raise StoreLocationError("forbidden")


def memory() -> MemoryBackend:
    return MemoryBackend(url="memory://probed")


def test_a_place_that_keeps_its_promise_passes_and_is_left_clean() -> None:
    backend = memory()
    probe(backend)
    assert backend.names("") == []


def test_a_place_that_overwrites_is_refused_by_name_and_left_clean() -> None:
    backend = memory()
    with pytest.raises(StoreLocationError, match=r"memory://probed.*ignores conditional puts"):
        probe(OddPuts(backend, overwrite))
    assert backend.names("") == []


def test_a_lost_reply_is_no_broken_promise() -> None:
    probe(RetryingBackend(FaultyBackend(memory(), {"put_once": [LOSE_REPLY, LOSE_REPLY, FAIL]})))


def test_a_place_that_may_only_be_read_passes() -> None:
    probe(OddPuts(memory(), forbid))


def test_a_probe_that_cannot_be_cleaned_up_passes() -> None:
    probe(FaultyBackend(memory(), {"retire": [FAIL]}))
