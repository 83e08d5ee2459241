"""A mirror has all that its source has, adds only what is missing, and can be broken off."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from heredity.errors import CheckpointDropped, InputError, StoreFull
from heredity.ids import parse_checkpoint_key
from heredity.store import LocalBackend, Store, open_store
from heredity.store.backends.posix import SystemCalls
from heredity.store.files.layout import name_of
from heredity.testing.faults import failing

WEIGHT = np.arange(5000, dtype=np.float32)


@pytest.fixture
def target(tmp_path: Path) -> Store:
    """An empty store."""
    return open_store(tmp_path / "target")


@pytest.fixture
def source(store: Store) -> Store:
    """Three generations, of which the middle one was dropped and collected as far as may be."""
    store.put("z/grandfather", {"x": WEIGHT, "y": WEIGHT + 1}, score=0.5, metadata={"n": 1}, graph={"g": 1})
    store.put("m/father", {"x": WEIGHT, "y": WEIGHT + 2}, parents=["z/grandfather"], graph={"g": 1})
    store.put("a/child", {"x": WEIGHT, "y": WEIGHT + 2, "z": WEIGHT + 3}, parents=["m/father"])
    store.drop("m/father", reason="aged out")
    store.collect(grace=timedelta(0))
    return store


def everything(store: Store) -> list[tuple[object, ...]]:
    return [
        (
            (each.key, each.parents, each.score, each.metadata, each.graph, each.created),
            {name: tensor.data.tobytes() for name, tensor in each.read().items()},
        )
        for each in store.checkpoints()
    ]


def test_a_mirror_has_what_its_source_has(source: Store, target: Store) -> None:
    done = source.mirror_to(target)
    assert everything(target) == everything(source)
    assert set(done.copied) == {"z/grandfather", "a/child"}
    assert (done.num_present, done.skipped) == (0, {})
    assert target.verify() == []


def test_tombstones_come_along_with_their_lineage(source: Store, target: Store) -> None:
    source.mirror_to(target)
    with pytest.raises(CheckpointDropped, match="aged out"):
        target["m/father"]


def test_what_is_shared_in_the_source_is_shared_in_the_mirror(store: Store, target: Store) -> None:
    store.put("father", {"x": WEIGHT, "y": WEIGHT + 1})
    store.put("child", {"x": WEIGHT, "y": WEIGHT + 2}, parents=["father"])
    store.mirror_to(target)
    assert target["child"].own_bytes == WEIGHT.nbytes


def test_repeating_copies_nothing_again(source: Store, target: Store) -> None:
    source.mirror_to(target)
    again = source.mirror_to(target)
    assert (again.copied, again.num_present, again.refs) == ((), 2, ())


def test_parents_come_before_their_children(source: Store, target: Store) -> None:
    seen: list[tuple[int, int]] = []
    done = source.mirror_to(target, on_progress=lambda number, total: seen.append((number, total)))
    assert done.copied[-1] == "z/grandfather" or done.copied.index("z/grandfather") < done.copied.index(
        "a/child"
    )
    assert seen == [(1, 2), (2, 2)]


def test_a_chain_is_copied_from_its_beginning(store: Store, target: Store) -> None:
    names = ["d", "b", "c", "a"]
    for number, name in enumerate(names):
        store.put(name, {}, parents=names[max(0, number - 1) : number])
    assert list(store.mirror_to(target).copied) == names


def test_other_content_under_a_name_is_left_alone_and_named(source: Store, target: Store) -> None:
    target.put("z/grandfather", {"mine": WEIGHT})
    done = source.mirror_to(target)
    assert "other content" in done.skipped["z/grandfather"]
    assert list(target["z/grandfather"].tensors()) == ["mine"]
    assert "a/child" in target


def test_what_the_target_has_dropped_stays_dropped(source: Store, target: Store) -> None:
    target.put("a/child", {})
    target.drop("a/child")
    assert "dropped in the target" in source.mirror_to(target).skipped["a/child"]
    assert "a/child" not in target


def test_refs_follow_the_source(source: Store, target: Store) -> None:
    source.refs.set("best", "a/child")
    assert source.mirror_to(target).refs == ("best",)
    assert target.refs["best"].key == "a/child"
    source.refs.set("best", "z/grandfather")
    assert source.mirror_to(target).refs == ("best",)
    assert target.refs["best"].key == "z/grandfather"


def test_a_damaged_checkpoint_is_skipped_and_named(root: Path, target: Store) -> None:
    store = open_store(root)
    store.put("whole", {"x": WEIGHT})
    store.put("broken", {"x": WEIGHT + 1})
    file = root / name_of(parse_checkpoint_key("broken"))
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    done = open_store(root).mirror_to(target)
    assert list(done.copied) == ["whole"]
    assert "broken" in done.skipped
    assert "broken" not in target


def test_a_mirroring_that_broke_off_goes_on(source: Store, tmp_path: Path) -> None:
    target = open_store(tmp_path / "target")
    full = SystemCalls(fsync=failing(SystemCalls().fsync, 28, times=1))
    broken = Store(LocalBackend(tmp_path / "target", system=full), store_id=target.store_id)
    with pytest.raises(StoreFull):
        source.mirror_to(broken)
    source.mirror_to(target)
    assert everything(target) == everything(source)


def test_a_store_is_no_mirror_of_itself(source: Store) -> None:
    with pytest.raises(InputError, match="same store"):
        source.mirror_to(source)
