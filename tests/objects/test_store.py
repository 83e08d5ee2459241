"""A store in a bucket: saved, loaded, waited for, and refused where it cannot be one."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context

import numpy as np
import pytest
from snailmail import LogNormal, ObjectStore, StoreBehavior
from tests.objects.servers import S3Server

from heredity.errors import CheckpointNotFound, KeyTaken, StoreLocationError
from heredity.store import Store, open_store
from heredity.store.backends.retrying import RetryingBackend
from heredity.testing.faulty_backend import DUPLICATE, FAIL, LOSE_REPLY, ClockShifted, FaultyBackend

pytestmark = pytest.mark.s3

WEIGHTS = {"body": np.arange(100_000, dtype=np.float32), "head": np.ones(7, dtype=np.float32)}


def open_new(server: S3Server) -> Store:
    return open_store(server.new_url(), options=server.options)


def open_again(store: Store, server: S3Server) -> Store:
    return open_store(store.url, options=server.options, create=False)


def test_what_was_saved_is_loaded(server: S3Server) -> None:
    store = open_new(server)
    store.put("father", WEIGHTS, score=0.5)
    loaded = open_again(store, server)["father"].tensors()
    assert {name: tensor.tolist() for name, tensor in loaded.items()} == {
        name: tensor.tolist() for name, tensor in WEIGHTS.items()
    }
    loaded["body"][0] = 1  # it belongs to the caller


def test_a_part_is_loaded_and_a_child_shares_the_rest(server: S3Server) -> None:
    store = open_new(server)
    store.put("father", WEIGHTS)
    child = store.put("child", {**WEIGHTS, "head": np.zeros(7, np.float32)}, parents=["father"])
    assert child.own_bytes == 28
    again = open_again(store, server)
    assert again["child"].tensors(["head"])["head"].tolist() == [0] * 7
    assert again["child"].tensors(["body"])["body"].tolist() == WEIGHTS["body"].tolist()
    assert list(again) == ["child", "father"]
    assert again.verify() == []


def test_a_key_is_taken_once(server: S3Server) -> None:
    store = open_new(server)
    store.put("father", {"x": np.zeros(3)})
    store.put("father", {"x": np.zeros(3)})
    with pytest.raises(KeyTaken):
        open_again(store, server).put("father", {"x": np.ones(3)})


def test_one_waits_for_what_another_saves(server: S3Server) -> None:
    store = open_new(server)
    with pytest.raises(CheckpointNotFound):
        store["father"]
    other = threading.Thread(target=open_again(store, server).put, args=["father", {"x": np.zeros(3)}])
    other.start()
    assert store.wait("father", timeout=60).key == "father"
    other.join()


def _save(store: Store, racer: int) -> str:
    try:
        store.put("father", {"x": np.full(3, racer)})
    except KeyTaken:
        return "taken"
    return "saved"


def test_of_eight_processes_that_save_one_key_one_wins(server: S3Server) -> None:
    store = open_new(server)
    context = get_context("spawn")
    start = context.Barrier(8)
    with ProcessPoolExecutor(8, mp_context=context, initializer=start.wait) as pool:
        told = list(pool.map(_save, [store] * 8, range(8)))
    assert sorted(told) == ["saved"] + ["taken"] * 7
    assert store["father"].tensors()["x"].tolist() == [told.index("saved")] * 3


def test_a_lost_reply_and_a_repeated_request_are_one_save(server: S3Server) -> None:
    store = open_new(server)
    faults = {"put_once": [LOSE_REPLY, FAIL, DUPLICATE], "open": [FAIL], "read_ranges": [LOSE_REPLY]}
    faulty = FaultyBackend(server.backend(store.url), faults)
    flaky = Store(RetryingBackend(faulty), store_id=store.store_id)
    flaky.put("father", WEIGHTS)
    flaky.put("mother", WEIGHTS)
    assert flaky["father"].tensors()["body"].tolist() == WEIGHTS["body"].tolist()
    assert faulty.num_left == 0
    assert list(store) == ["father", "mother"]


def test_what_was_dropped_is_collected_and_what_is_needed_stays(server: S3Server) -> None:
    store = open_new(server)
    store.put("father", WEIGHTS)
    store.put("child", {**WEIGHTS, "head": np.zeros(7, np.float32)}, parents=["father"])
    store.put("loner", {"x": np.zeros(3)})
    for key in ("father", "loner"):
        store.drop(key, reason="a test")
    later = Store(ClockShifted(RetryingBackend(server.backend(store.url)), 3600), store_id=store.store_id)
    later.collect(grace=timedelta(minutes=30))
    files = [name for name in server.backend(store.url).names("t/") if not name.endswith("%drop")]
    assert sorted(name.rpartition("/")[2] for name in files) == ["child", "father"]
    assert store["child"].tensors()["body"].tolist() == WEIGHTS["body"].tolist()


_FORKING = """
import os, sys
import numpy as np
from heredity.store import open_store

store = open_store(sys.argv[1], options={options})
store.put("father", {{"x": np.zeros(3)}})
generations = 3
for generation in range(generations):
    child = os.fork()
    if child:
        break
    store.put(f"child-{{generation}}", {{"x": np.full(3, generation)}}, parents=["father"])
if child:
    code = os.waitpid(child, 0)[1]
    assert not code, code
print(*store, sep=",", flush=True)
os._exit(0)
"""


def test_a_fork_goes_on_in_parent_and_child(moto: S3Server) -> None:
    """obstore alone would hang in the child for ever."""
    program = _FORKING.format(options=moto.options)
    done = subprocess.run(
        [sys.executable, "-c", program, moto.new_url()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "child-0,child-1,child-2,father", done.stderr


# --- what is no store ---------------------------------------------------------------------------------------


def test_an_absent_bucket_is_named_and_not_made(server: S3Server) -> None:
    for create in (True, False):
        with pytest.raises(StoreLocationError, match=r"s3://nowhere/x: there is no such bucket"):
            open_store("s3://nowhere/x", options=server.options, create=create)


def test_an_empty_prefix_is_no_store_unless_one_is_to_be_made(server: S3Server) -> None:
    url = server.new_url()
    with pytest.raises(StoreLocationError, match="no store here"):
        open_store(url, options=server.options, create=False)
    open_store(url, options=server.options)
    open_store(f"{url}/", options=server.options, create=False)


def test_a_prefix_with_other_things_is_left_alone(server: S3Server) -> None:
    url = server.new_url()
    backend = server.backend(url)
    backend.put_once("thesis.tex", [b"years of work"])
    with pytest.raises(StoreLocationError, match=r"not a store.*thesis\.tex"):
        open_store(url, options=server.options)
    assert backend.top_names() == ["thesis.tex"]


def test_a_whole_bucket_can_be_a_store(server: S3Server) -> None:
    server.request("PUT", "/whole-bucket")
    store = open_store("s3://whole-bucket", options=server.options)
    store.put("father", WEIGHTS)
    assert list(open_store("s3://whole-bucket/", options=server.options, create=False)) == ["father"]


def test_wrong_credentials_say_so(moto: S3Server) -> None:
    url = moto.new_url()
    open_store(url, options=moto.options)
    moto.request("POST", "/moto-api/reset-auth", b"0")
    try:
        with pytest.raises(StoreLocationError, match=r"InvalidAccessKeyId.*credentials") as caught:
            open_store(url, options=moto.options, create=False)
        assert "hush" not in str(caught.value)
    finally:
        moto.request("POST", "/moto-api/reset-auth", b"inf")


# --- servers that are no good -------------------------------------------------------------------------------


@contextmanager
def snailmail(**settings: object) -> Iterator[S3Server]:
    with ObjectStore(bucket="weights", **settings) as server:
        yield S3Server(endpoint=server.endpoint_url, pid=0)


def test_a_server_that_ignores_conditions_is_refused_by_name() -> None:
    with snailmail(behavior=StoreBehavior(conditional_writes="ignore")) as server:
        url = server.new_url()
        with pytest.raises(StoreLocationError, match=f"{url}.*ignores conditional puts"):
            open_store(url, options=server.options)
        assert server.backend(url).top_names() == []


def test_a_server_that_rejects_conditions_is_refused_by_name() -> None:
    with snailmail(behavior=StoreBehavior(conditional_writes="reject")) as server:
        url = server.new_url()
        with pytest.raises(StoreLocationError, match=f"{url}.*501.*conditional puts"):
            open_store(url, options=server.options)


def test_a_slow_server_is_slow_but_right() -> None:
    with snailmail(latency=LogNormal(30, seed=0)) as server:
        store = open_new(server)
        store.put("father", WEIGHTS)
        assert store["father"].tensors(["head"])["head"].tolist() == [1] * 7
