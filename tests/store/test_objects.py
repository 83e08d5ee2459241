"""A bucket as obstore's memory plays it; real servers are in tests/objects."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from heredity.errors import InputError, StoreLocationError, StoreUnavailable
from heredity.store.backends import Backend
from heredity.store.backends.objects import BucketClient, BucketLocation, GivenClient, ObjectBackend
from heredity.store.backends.objects.backend import FIRST_BYTES
from heredity.store.backends.objects.ranges import Scatter, parts_of
from heredity.testing.backend_suite import BackendSuite


class TestObjects(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        return in_memory(MemoryStore())


def in_memory(store: MemoryStore, *, max_put_bytes: int = 1 << 30) -> ObjectBackend:
    return ObjectBackend(GivenClient(store), url="test://bucket", max_put_bytes=max_put_bytes)


class CountingClient(GivenClient):
    """Counts the requests that are made of it."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.num_requests = 0

    def store(self, *, num_bytes: int = 0) -> MemoryStore:
        self.num_requests += 1
        return super().store(num_bytes=num_bytes)  # type: ignore[return-value]  # what was given


def test_a_small_object_is_opened_and_read_with_one_request() -> None:
    client = CountingClient()
    backend = ObjectBackend(client, url="test://bucket")
    backend.put_once("a/x", [bytes(range(256)) * 256])
    client.num_requests = 0
    blob = backend.open("a/x")
    assert blob is not None
    assert blob.size == FIRST_BYTES
    assert blob.read(0, FIRST_BYTES) == bytes(range(256)) * 256
    assert [bytes(part) for part in blob.read_ranges([(5, 7), (0, 0)])] == [b"\5\6", b""]
    assert client.num_requests == 1


def test_a_large_object_is_read_beyond_its_first_bytes() -> None:
    content = random.Random(0).randbytes(3 * FIRST_BYTES)
    backend = in_memory(MemoryStore())
    backend.put_once("a/x", [content])
    blob = backend.open("a/x")
    assert blob is not None
    assert blob.read(FIRST_BYTES - 1, FIRST_BYTES + 1) == content[FIRST_BYTES - 1 : FIRST_BYTES + 1]
    ranges = [(FIRST_BYTES, len(content)), (0, 3), (10, len(content) - 1)]
    assert [bytes(part) for part in blob.read_ranges(ranges)] == [content[a:b] for a, b in ranges]


def test_what_is_too_large_is_refused_before_a_byte_is_sent() -> None:
    store = MemoryStore()
    with pytest.raises(InputError, match=r"more than 10 bytes.*in parts"):
        in_memory(store, max_put_bytes=10).put_once("a/x", [b"12345", b"123456"])
    assert store.list().collect() == []
    assert in_memory(store, max_put_bytes=10).put_once("a/x", [b"12345", b"12345"])


def test_what_changes_after_the_pieces_have_run_out_is_not_what_is_put() -> None:
    """Their last step is a check; the memory that was checked is a copy, which nobody else can change."""
    weights = bytearray(b"checked")
    backend = in_memory(MemoryStore())

    def change() -> None:
        weights[:] = b"changed"

    backend.put_once("a/x", [memoryview(weights)], before_commit=change)
    blob = backend.open("a/x")
    assert blob is not None
    assert blob.read(0, blob.size) == b"checked"


def test_an_object_that_goes_away_while_it_is_read_is_an_error() -> None:
    backend = in_memory(MemoryStore())
    backend.put_once("a/x", [bytes(2 * FIRST_BYTES)])
    blob = backend.open("a/x")
    assert blob is not None
    backend.retire("a/x")
    with pytest.raises(StoreUnavailable, match="is gone"):
        blob.read(0, 2 * FIRST_BYTES)


def test_an_object_that_shrinks_while_it_is_read_is_an_error() -> None:
    store = MemoryStore()
    backend = in_memory(store)
    backend.put_once("a/x", [bytes(3 * FIRST_BYTES)])
    blob = backend.open("a/x")
    assert blob is not None
    store.put("a/x", bytes(2 * FIRST_BYTES))
    with pytest.raises(StoreUnavailable, match=f"{3 * FIRST_BYTES} were asked for"):
        blob.read(0, 3 * FIRST_BYTES)


def test_old_probes_are_swept_and_young_ones_are_not() -> None:
    backend = in_memory(MemoryStore())
    backend.put_once("tmp/old", [b"1"])
    before = backend.now()
    backend.put_once("tmp/young", [b"1"])
    backend.sweep(before=before)
    assert backend.names("tmp/") == ["tmp/young"]


def test_asking_for_the_time_leaves_nothing() -> None:
    backend = in_memory(MemoryStore())
    backend.now()
    assert backend.names("tmp/") == []


def test_the_first_parts_of_all_names_are_told() -> None:
    backend = in_memory(MemoryStore())
    for name in ("t/00/x", "t/01/x", "thesis.tex"):
        backend.put_once(name, [b"1"])
    assert backend.top_names() == ["t", "thesis.tex"]


# --- requests -----------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=8), st.integers(0, 20))
def test_parts_bring_all_ranges_and_little_else(asked: list[tuple[int, int]], gap: int) -> None:
    content = random.Random(1).randbytes(400)
    ranges = [(start, start + length) for start, length in asked]
    memory = [memoryview(bytearray(stop - start)) for start, stop in ranges]
    parts = list(parts_of(ranges, gap=gap, largest=32))
    scatter = Scatter(ranges, memory)
    for start, stop in parts:
        scatter.take(start, memoryview(content)[start:stop])
    assert [bytes(part) for part in memory] == [content[start:stop] for start, stop in ranges]
    assert all(0 < stop - start <= 32 for start, stop in parts)
    wanted = {byte for span in ranges for byte in range(*span)}
    fetched = [byte for part in parts for byte in range(*part)]
    assert len(fetched) == len(set(fetched))
    assert len(set(fetched) - wanted) <= gap * len(ranges)


def test_ranges_that_are_far_apart_are_fetched_apart() -> None:
    assert list(parts_of([(0, 10), (1000, 1010)], gap=100)) == [(0, 10), (1000, 1010)]
    assert list(parts_of([(0, 10), (1000, 1010)], gap=990)) == [(0, 1010)]


# --- addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket", ("s3", "bucket", "", None)),
        ("s3a://bucket/", ("s3", "bucket", "", None)),
        ("gs://bucket/a/b/", ("gcs", "bucket", "a/b", None)),
        ("s3://bucket/run#1?x%20y", ("s3", "bucket", "run#1?x%20y", None)),
        ("az://container/a", ("azure", "container", "a", None)),
        ("abfs://container@account.dfs.core.windows.net/a", ("azure", "container", "a", "account")),
    ],
)
def test_a_url_names_a_bucket_and_a_prefix(url: str, expected: tuple[str, str, str, str | None]) -> None:
    place = BucketLocation.from_url(url)
    assert (place.service, place.bucket, place.prefix, place.account) == expected
    assert BucketLocation.from_url(place.url) == place


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "s3://b//x", "s3://b/a/../c", "s3://b/\n", "s3://a@b/x"])
def test_a_url_without_a_bucket_or_with_an_odd_prefix_is_refused(url: str) -> None:
    with pytest.raises(StoreLocationError, match=r"s3://bucket/prefix"):
        BucketLocation.from_url(url)


def client(url: str = "s3://bucket/prefix", **options: str) -> BucketClient:
    return BucketClient(BucketLocation.from_url(url), options)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("s3://bucket", {"access_key_id": "a", "secret_access_key": "b"}),
        ("gs://bucket", {"skip_signature": "true"}),
        ("abfs://container@account.dfs.core.windows.net", {"account_key": "a2V5"}),
    ],
)
def test_every_service_gets_its_client(url: str, options: dict[str, str]) -> None:
    assert client(url, **options).store() is client(url, **options).store()


def test_a_large_request_is_given_more_time() -> None:
    bucket = client(access_key_id="a", secret_access_key="b")
    assert bucket.store(num_bytes=10**9) is not bucket.store()


def test_credentials_are_not_shown() -> None:
    assert "hush" not in repr(client(access_key_id="a", secret_access_key="hush"))


@pytest.mark.parametrize("options", [{"foo": "1"}, {"access_key_id": "but no secret"}])
def test_options_that_the_service_does_not_know_are_named(options: dict[str, str]) -> None:
    with pytest.raises(StoreLocationError, match=r"cannot be opened.*(foo|Secret)"):
        client(**options).store()


@pytest.mark.parametrize("options", [{"endpoint": "127.0.0.1:9000"}, {"region": 3}, "region=us"])
def test_options_of_another_form_are_refused(options: object) -> None:
    with pytest.raises(InputError, match=r"(no URL|mapping)"):
        BucketClient(BucketLocation.from_url("s3://bucket"), options)  # type: ignore[arg-type]  # on purpose


def test_a_bucket_can_be_pickled_and_a_client_in_memory_cannot() -> None:
    bucket = ObjectBackend(client(access_key_id="a", secret_access_key="b"), url="s3://bucket/prefix")
    assert pickle.loads(pickle.dumps(bucket)).url == "s3://bucket/prefix"
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(in_memory(MemoryStore()))
