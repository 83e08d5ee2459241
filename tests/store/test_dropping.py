"""What was dropped is gone for everyone, its name for ever, and its lineage never."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from heredity.errors import (
    CheckpointDropped,
    CheckpointNotFound,
    CorruptCheckpoint,
    InputError,
    KeyTaken,
    UnsupportedFormat,
)
from heredity.ids import parse_checkpoint_key
from heredity.store import LocalBackend, Store, open_store
from heredity.store.backends.posix import SystemCalls
from heredity.store.files.layout import key_of, key_of_tombstone, name_of, tombstone_name_of

WEIGHT = np.arange(5000, dtype=np.float32)
FATHER = parse_checkpoint_key("father")


def tombstone_file(root: Path, key: str) -> Path:
    file = root / tombstone_name_of(parse_checkpoint_key(key))
    file.chmod(0o644)
    return file


def test_a_dropped_checkpoint_is_seen_by_nobody(store: Store) -> None:
    store.put("father", {"x": WEIGHT})
    store.put("other", {})
    store.drop("father", reason="too weak")
    assert "father" not in store
    assert list(store) == ["other"]
    assert [each.key for each in store.checkpoints()] == ["other"]
    with pytest.raises(CheckpointDropped, match=r"'father' was dropped.*too weak"):
        store["father"]


def test_dropping_may_be_repeated_and_the_first_reason_stays(store: Store) -> None:
    store.put("father", {})
    store.drop("father", reason="first")
    store.drop("father", reason="second")
    with pytest.raises(CheckpointDropped, match="first"):
        store["father"]


def test_what_never_was_cannot_be_dropped(store: Store) -> None:
    with pytest.raises(CheckpointNotFound):
        store.drop("father")
    assert store.put("father", {}).key == "father"


def test_a_dropped_name_is_never_used_again(store: Store) -> None:
    store.put("father", {"x": WEIGHT})
    store.drop("father")
    for tensors in ({"x": WEIGHT}, {"x": WEIGHT + 1}):
        with pytest.raises(KeyTaken, match="cannot be used again"):
            store.put("father", tensors)


def test_dropping_moving_and_pinning_go_on_under_a_collection(root: Path) -> None:
    """One that sweeps each of their small files once, as one without a grace may."""
    store, other = open_store(root), open_store(root)
    store.put("father", {})
    store.put("child", {})
    swept: list[object] = []

    def link(*args: object, **kwargs: object) -> None:
        if len(swept) % 2 == 0:
            other.collect(grace=timedelta(0))
        swept.append(args)
        os.link(*args, **kwargs)  # type: ignore[arg-type]  # whatever it is given

    busy = Store(LocalBackend(root, system=SystemCalls(link=link)), store_id=store.store_id)
    busy.drop("father")
    busy.refs.set("best", "child")
    with busy.pin(["child"]):
        assert len(swept) == 6
    assert "father" not in store
    assert store.refs["best"].key == "child"


def test_children_draw_on_a_dropped_father(store: Store) -> None:
    store.put("father", {"x": WEIGHT, "y": WEIGHT + 1})
    child = store.put("child", {"x": WEIGHT, "y": WEIGHT + 2}, parents=["father"])
    store.drop("father")
    assert child.own_bytes == WEIGHT.nbytes
    assert np.array_equal(store["child"].tensors()["x"], WEIGHT)
    assert store.verify() == []


def test_a_child_may_name_a_father_that_was_dropped_while_it_trained(store: Store) -> None:
    store.put("father", {"x": WEIGHT})
    store.drop("father")
    child = store.put("child", {"x": WEIGHT}, parents=["father"])
    assert child.parents == ("father",)
    assert child.own_bytes == WEIGHT.nbytes


def test_a_grandchild_shares_on_its_father_s_word_with_a_dropped_grandfather(store: Store) -> None:
    store.put("grandfather", {"x": WEIGHT})
    store.put("father", {"x": WEIGHT}, parents=["grandfather"])
    store.drop("grandfather")
    child = store.put("child", {"x": WEIGHT}, parents=["father"])
    assert child.own_bytes == 0
    assert child.manifest.tensors["x"].owner == "grandfather"


def test_a_stranger_shares_nothing_with_what_was_dropped(store: Store) -> None:
    store.put("one", {"x": WEIGHT})
    store.drop("one")
    assert store.put("two", {"x": WEIGHT}).own_bytes == WEIGHT.nbytes


def test_a_checkpoint_in_hand_is_readable_until_it_is_collected(store: Store) -> None:
    father = store.put("father", {"x": WEIGHT})
    store.drop("father")
    assert np.array_equal(father.tensors()["x"], WEIGHT)


def test_waiting_for_what_was_given_up_ends_at_once(store: Store) -> None:
    timer = threading.Timer(0.05, lambda: store.abandon("child", reason="loss is not a number"))
    timer.start()
    with pytest.raises(CheckpointDropped, match=r"never come.*loss is not a number"):
        store.wait("child", timeout=60)
    timer.join()


def test_a_name_that_was_given_up_is_never_used(store: Store) -> None:
    store.abandon("child", reason="crashed")
    store.abandon("child")
    with pytest.raises(KeyTaken, match="crashed"):
        store.put("child", {})
    with pytest.raises(CheckpointDropped, match="never come"):
        store.put("grandchild", {}, parents=["child"])


def test_what_is_there_cannot_be_given_up(store: Store) -> None:
    store.put("child", {})
    with pytest.raises(KeyTaken, match="Drop it instead"):
        store.abandon("child")
    assert "child" in store


def test_what_a_ref_points_to_is_not_dropped(store: Store) -> None:
    store.put("father", {})
    store.refs.set("best", "father")
    with pytest.raises(InputError, match="'best' points to it"):
        store.drop("father")
    store.refs.delete("best")
    store.drop("father")
    assert "father" not in store


def test_a_reason_is_short(store: Store) -> None:
    store.put("father", {})
    with pytest.raises(InputError, match="1001 characters"):
        store.drop("father", reason="x" * 1001)
    assert "father" in store


def test_a_dropped_parent_is_no_damage(store: Store) -> None:
    store.put("father", {})
    store.put("child", {}, parents=["father"])
    store.drop("father")
    assert store.verify() == []


@pytest.mark.parametrize("key", ["x%drop", "x.drop", "%drop", "a/b", ".hidden", "é"])
def test_no_key_s_file_is_another_s_tombstone(key: str) -> None:
    parsed = parse_checkpoint_key(key)
    assert key_of_tombstone(tombstone_name_of(parsed)) == parsed
    assert key_of(tombstone_name_of(parsed)) is None
    assert key_of_tombstone(name_of(parsed)) is None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"version":1}',
        b'{"version":1,"key":"mother","nonce":"","dropped_at":"2026-01-01T00:00:00+00:00","reason":"","lineage":null}',
        b'{"version":1,"key":"father","nonce":"","dropped_at":"2026-01-01T00:00:00","reason":"","lineage":null}',
        b'{"version":1,"key":"father","nonce":"","dropped_at":"2026-01-01T00:00:00+00:00","reason":"","lineage":{}}',
    ],
)
def test_a_damaged_tombstone_is_named_and_its_checkpoint_stays_dropped(root: Path, damage: bytes) -> None:
    store = open_store(root)
    store.put("father", {})
    store.drop("father")
    tombstone_file(root, "father").write_bytes(damage)
    assert "father" not in store
    assert list(store) == []
    with pytest.raises(CorruptCheckpoint, match="'father': its tombstone"):
        store["father"]
    (problem,) = store.verify()
    assert problem.key == "father"


def test_a_tombstone_of_a_newer_version_is_refused(root: Path) -> None:
    store = open_store(root)
    store.put("father", {})
    store.drop("father")
    file = tombstone_file(root, "father")
    file.write_bytes(file.read_bytes().replace(b'"version":1', b'"version":2'))
    with pytest.raises(UnsupportedFormat, match="version 2"):
        store["father"]
