"""A ref moves from where it was seen, or not at all; of many who move it none is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from heredity.errors import (
    CheckpointDropped,
    CheckpointNotFound,
    CorruptData,
    InputError,
    InvalidName,
    RefMoved,
    RefNotFound,
)
from heredity.store import Store, open_store, refs
from heredity.store.tensors import Buffer

KEYS = ("a", "b", "c")


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with a few checkpoints."""
    for key in KEYS:
        store.put(key, {})
    return store


def test_a_ref_points_to_where_it_was_moved(filled: Store) -> None:
    first = filled.refs.swap("supernet/latest", "a", expected=None)
    second = filled.refs.swap("supernet/latest", "b", expected=first)
    assert filled.refs["supernet/latest"] == second
    assert (first.key, first.number, second.key, second.number) == ("a", 1, "b", 2)
    assert list(filled.refs) == ["supernet/latest"]


def test_who_comes_second_is_told_and_moves_nothing(filled: Store) -> None:
    first = filled.refs.swap("best", "a", expected=None)
    filled.refs.swap("best", "b", expected=first)
    with pytest.raises(RefMoved, match="points to 'b' since move 2"):
        filled.refs.swap("best", "c", expected=first)
    with pytest.raises(RefMoved):
        filled.refs.swap("best", "c", expected=None)
    assert filled.refs["best"].key == "b"


def test_a_ref_that_was_moved_away_and_back_has_moved(filled: Store) -> None:
    first = filled.refs.set("best", "a")
    filled.refs.set("best", "b")
    filled.refs.set("best", "a")
    with pytest.raises(RefMoved):
        filled.refs.swap("best", "c", expected=first)


def test_a_key_is_no_ref_to_expect(filled: Store) -> None:
    filled.refs.set("best", "a")
    with pytest.raises(InputError, match="'a' is no ref"):
        filled.refs.swap("best", "b", expected="a")  # type: ignore[arg-type]  # the mistake


def test_a_ref_needs_a_checkpoint(filled: Store) -> None:
    with pytest.raises(CheckpointNotFound):
        filled.refs.set("best", "absent")
    filled.drop("a")
    with pytest.raises(CheckpointDropped):
        filled.refs.set("best", "a")
    assert "best" not in filled.refs


def test_an_absent_ref_is_told_with_those_that_are_there(filled: Store) -> None:
    with pytest.raises(RefNotFound, match="There is none at all"):
        filled.refs["best"]
    filled.refs.set("latest", "a")
    with pytest.raises(RefNotFound, match=r"There are 'latest'") as caught:
        filled.refs["best"]
    assert isinstance(caught.value, KeyError)
    assert filled.refs.get("best") is None
    assert 7 not in filled.refs


def test_a_deleted_ref_is_gone_and_may_be_made_anew(filled: Store) -> None:
    old = filled.refs.set("best", "a")
    filled.refs.delete("best")
    filled.refs.delete("best")
    assert "best" not in filled.refs
    assert list(filled.refs) == []
    with pytest.raises(RefMoved, match="not there"):
        filled.refs.swap("best", "b", expected=old)
    assert filled.refs.swap("best", "b", expected=None).number == 3


@pytest.mark.parametrize("name", ["", "../x", "a b", "a//b", "x" * 300])
def test_a_ref_s_name_is_checked(filled: Store, name: str) -> None:
    with pytest.raises(InvalidName, match="Ref"):
        filled.refs.set(name, "a")
    assert name not in filled.refs


@pytest.mark.parametrize("name", [".hidden", "é", "a/b/c", "%2F"])
def test_unusual_names_are_kept_apart(filled: Store, name: str) -> None:
    filled.refs.set(name, "a")
    assert list(filled.refs) == [name]
    assert filled.refs[name].name == name


def test_of_many_threads_none_loses_a_move(filled: Store) -> None:
    """Each reads, moves, and tries again if it was too late: a counter that loses no step."""
    num_threads, num_moves = 4, 10
    start = threading.Barrier(num_threads)

    def move(_thread: int) -> int:
        start.wait()
        num_refused = 0
        done = 0
        while done < num_moves:
            try:
                filled.refs.swap("shared", "a", expected=filled.refs.get("shared"))
                done += 1
            except RefMoved:
                num_refused += 1
        return num_refused

    with ThreadPoolExecutor(num_threads) as pool:
        list(pool.map(move, range(num_threads)))
    assert filled.refs["shared"].number == num_threads * num_moves


def test_a_collection_trims_old_numbers_and_not_young_ones(root: Path) -> None:
    store = open_store(root)
    store.put("a", {})
    for _ in range(5):
        store.refs.set("best", "a")
    store.collect(grace=timedelta(0))
    assert len(list((root / "refs/best").iterdir())) == 5
    store.refs.trim(before=store._backend.now())
    assert [file.name for file in (root / "refs/best").iterdir()] == ["000000000005"]
    assert store.refs.set("best", "a").number == 6


def test_a_writer_that_slept_over_the_trimming_is_told_that_it_lost(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number fills a gap far below the newest, where it counts for nothing."""
    store, sleeper = open_store(root), open_store(root)
    store.put("a", {})
    store.put("b", {})
    seen = store.refs.set("best", "a")
    backend = sleeper._backend
    put_once = backend.put_once

    def late(
        name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        for _ in range(3):
            store.refs.set("best", "a")
        store.refs.trim(before=backend.now())
        monkeypatch.setattr(refs, "seconds_since_boot", lambda: 2 * refs.LEAST_TRIM_SECONDS)
        return put_once(name, content, before_commit=before_commit)

    monkeypatch.setattr(refs, "seconds_since_boot", lambda: 0.0)
    backend.put_once = late  # type: ignore[method-assign]  # others come first
    with pytest.raises(RefMoved):
        sleeper.refs.swap("best", "b", expected=seen)
    assert store.refs["best"].key == "a"


def test_a_move_whose_reply_was_lost_is_a_move(root: Path) -> None:
    store = open_store(root)
    store.put("a", {})
    backend = store._backend
    put_once = backend.put_once

    def twice(
        name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        put_once(name, content)
        return put_once(name, content)

    backend.put_once = twice  # type: ignore[method-assign]  # a repeated request
    assert store.refs.swap("best", "a", expected=None).number == 1
    assert store.refs["best"].key == "a"


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"version":2}', b'{"version":1,"key":"a"}'])
def test_a_damaged_ref_is_an_error_that_names_it(root: Path, damage: bytes) -> None:
    store = open_store(root)
    store.put("a", {})
    store.refs.set("best", "a")
    file = root / "refs/best/000000000001"
    file.chmod(0o644)
    file.write_bytes(damage)
    with pytest.raises(CorruptData, match="'best' is damaged"):
        store.refs["best"]
