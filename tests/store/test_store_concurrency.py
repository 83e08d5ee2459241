"""A store among many threads and processes: nobody waits in vain, nobody takes another's name."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heredity.errors import (
    InputError,
    KeyTaken,
    WaitTimeout,
)
from heredity.store import Store, open_store

WEIGHT = np.arange(5000, dtype=np.float32)


def same(one: Mapping[str, np.ndarray[Any, Any]], other: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_waiting_ends_when_another_thread_saves(store: Store) -> None:
    timer = threading.Timer(0.05, lambda: store.put("late", {"x": WEIGHT}))
    timer.start()
    assert same(store.wait("late", timeout=30).tensors(), {"x": WEIGHT})
    timer.join()


def test_waiting_in_vain_ends_in_time(store: Store) -> None:
    with pytest.raises(WaitTimeout, match=r"'never'.*0.01 seconds") as caught:
        store.wait("never", timeout=0.01)
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("timeout", [-1, float("nan"), None, timedelta(seconds=1)])
def test_a_timeout_is_a_number_of_seconds(store: Store, timeout: Any) -> None:
    with pytest.raises(InputError, match="timeout"):
        store.wait("never", timeout=timeout)


def _save_and_say(store: Store, key: str) -> None:
    store.put(key, {"x": WEIGHT}, parents=["father"])


def test_another_process_saves_into_a_pickled_store_and_this_one_waits(root: Path) -> None:
    store = open_store(root)
    store.put("father", {"x": WEIGHT})
    process = multiprocessing.get_context("spawn").Process(target=_save_and_say, args=(store, "child"))
    process.start()
    assert store.wait("child", timeout=60).own_bytes == 0
    process.join()
    assert process.exitcode == 0


def test_a_checkpoint_can_be_sent_to_another_process(root: Path) -> None:
    checkpoint = open_store(root).put("a", {"x": WEIGHT}, metadata={"k": 1})
    back = pickle.loads(pickle.dumps(checkpoint))
    assert back == checkpoint
    assert hash(back) == hash(checkpoint)
    assert same(back.tensors(), {"x": WEIGHT})


def test_a_store_in_memory_does_not_pretend_to_travel() -> None:
    with pytest.raises(TypeError, match="memory of one process"):
        pickle.dumps(open_store("memory://travel"))


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # from Python 3.12 on
def test_a_fork_may_happen_while_other_threads_save(root: Path) -> None:
    store = open_store(root)
    store.put("father", {"x": WEIGHT})
    busy = threading.Event()
    busy.set()

    def save_on_and_on(name: str) -> None:
        number = 0
        while busy.is_set():
            store.put(f"{name}/{number}", {"x": WEIGHT + number})
            number += 1

    with ThreadPoolExecutor(2) as pool:
        threads = [pool.submit(save_on_and_on, name) for name in "ab"]
        try:
            for number in range(5):
                assert _exit_code_of_a_fork_that_saves(store, f"child-{number}") == 0
        finally:
            busy.clear()
        for thread in threads:
            thread.result()
    assert store.verify() == []


def _exit_code_of_a_fork_that_saves(store: Store, key: str) -> int:
    process = os.fork()
    if process == 0:
        try:
            os._exit(store.put(key, {"x": WEIGHT}, parents=["father"]).own_bytes)
        finally:
            os._exit(99)
    return os.waitpid(process, 0)[1]


def test_many_threads_may_save_and_load_at_once(store: Store) -> None:
    def work(number: int) -> bool:
        tensors = {"x": WEIGHT, "own": WEIGHT + number % 5}
        checkpoint = store.put(f"k{number % 10}", tensors | {"own": WEIGHT + number % 10})
        return same(checkpoint.tensors(), {"x": WEIGHT, "own": WEIGHT + number % 10})

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(80)))
    assert len(store.checkpoints()) == 10
    assert store.verify() == []


def test_of_two_writers_of_one_key_the_second_is_told(root: Path) -> None:
    one, other = open_store(root), open_store(root)
    assert "a" not in other
    one.put("a", {"x": WEIGHT})
    assert other.put("a", {"x": WEIGHT}).created == one["a"].created
    with pytest.raises(KeyTaken):
        other.put("a", {"x": WEIGHT + 1})


def test_of_writers_racing_to_the_same_key_one_wins_and_all_agree(store: Store) -> None:
    start = threading.Barrier(8)

    def race(racer: int) -> str:
        start.wait()
        try:
            store.put("a", {"x": WEIGHT + racer % 2})
        except KeyTaken:
            return "refused"
        return "saved"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(race, range(8)))
    assert (outcomes.count("saved"), outcomes.count("refused")) == (4, 4)
