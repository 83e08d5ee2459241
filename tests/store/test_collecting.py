"""A collection frees exactly what no live checkpoint needs, and says so before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heredity.errors import CheckpointDropped, CorruptCheckpoint, CorruptData, InputError, StoreUnavailable
from heredity.ids import parse_checkpoint_key
from heredity.store import LocalBackend, MemoryBackend, Store, open_store
from heredity.store.backends import Capabilities
from heredity.store.backends.posix import SystemCalls
from heredity.store.files.layout import name_of
from heredity.store.tensors import Buffer
from heredity.testing.faults import failing

WEIGHT = np.arange(5000, dtype=np.float32)
NOW = timedelta(0)


def file_of(root: Path, key: str) -> Path:
    return root / name_of(parse_checkpoint_key(key))


def sizes(root: Path) -> int:
    return sum(file.stat().st_size for file in root.rglob("*") if file.is_file())


def freed(store: Store, *, grace: timedelta = NOW, dry_run: bool = False) -> list[str]:
    return [each.key for each in store.collect(grace=grace, dry_run=dry_run).freed]


def test_what_nobody_needs_is_freed(store: Store) -> None:
    store.put("father", {"x": WEIGHT})
    store.put("other", {"y": WEIGHT + 1})
    store.drop("father")
    assert freed(store) == ["father"]
    assert freed(store) == []
    assert np.array_equal(store["other"].tensors()["y"], WEIGHT + 1)


def test_nothing_is_freed_that_was_not_dropped(store: Store) -> None:
    store.put("father", {"x": WEIGHT})
    assert freed(store) == []
    assert "father" in store


def test_a_collection_frees_what_it_said_to_the_byte(root: Path) -> None:
    store = open_store(root)
    for number in range(5):
        store.put(f"t{number}", {"x": WEIGHT + number})
    for number in range(3):
        store.drop(f"t{number}")
    before = sizes(root)
    plan = store.collect(grace=NOW, dry_run=True)
    assert sizes(root) == before
    done = store.collect(grace=NOW)
    assert done.freed == plan.freed
    assert (plan.is_dry_run, done.is_dry_run) == (True, False)
    assert before - sizes(root) == done.size_bytes > 3 * WEIGHT.nbytes


def test_a_dropped_owner_stays_as_long_as_it_is_needed(store: Store) -> None:
    store.put("father", {"x": WEIGHT, "y": WEIGHT + 1})
    store.put("child", {"x": WEIGHT}, parents=["father"])
    store.drop("father")
    collection = store.collect(grace=NOW)
    assert (collection.freed, collection.num_needed) == ((), 1)
    assert np.array_equal(store["child"].tensors()["x"], WEIGHT)
    store.drop("child")
    assert freed(store) == ["child", "father"]


def test_what_was_dropped_within_the_grace_stays_with_all_it_needs(store: Store) -> None:
    store.put("father", {"x": WEIGHT})
    store.put("child", {"x": WEIGHT}, parents=["father"])
    store.drop("father")
    store.drop("child")
    collection = store.collect(grace=timedelta(hours=1))
    assert (collection.freed, collection.num_young) == ((), 2)


def test_a_young_one_that_is_needed_keeps_its_owners(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was dropped long ago who owns `y`; his child, whom `z` draws on, only now."""
    store = open_store(root)
    store.put("old", {"y": WEIGHT})
    store.put("young", {"y": WEIGHT, "x": WEIGHT + 1}, parents=["old"])
    store.put("z", {"x": WEIGHT + 1}, parents=["young"])
    store.drop("old")
    between = store._backend.now()
    store.drop("young")
    now = store._backend.now() + 1
    monkeypatch.setattr(store._backend, "now", lambda: now)
    collection = store.collect(grace=timedelta(seconds=now - between))
    assert (collection.freed, collection.num_young, collection.num_needed) == ((), 1, 1)
    assert np.array_equal(store["z"].tensors()["x"], WEIGHT + 1)


def test_a_graph_is_kept_like_any_tensor(store: Store) -> None:
    store.put("father", {}, graph={"n": 1})
    store.put("child", {}, graph={"n": 1}, parents=["father"])
    store.drop("father")
    assert freed(store) == []
    assert store["child"].graph == {"n": 1}


def test_who_still_has_a_collected_checkpoint_is_told_so(store: Store) -> None:
    father = store.put("father", {"x": WEIGHT})
    store.drop("father", reason="aged out")
    store.collect(grace=NOW)
    with pytest.raises(CheckpointDropped, match="aged out"):
        father.tensors()


def test_what_is_mapped_can_be_read_after_its_file_was_freed(root: Path) -> None:
    store = open_store(root)
    large = np.arange(1 << 19, dtype=np.float32)
    mapped = store.put("father", {"x": large}).tensors()["x"]
    store.drop("father")
    store.collect(grace=NOW)
    assert not list((root / "trash").iterdir())
    assert np.array_equal(mapped, large)


def test_a_file_rests_in_the_trash_for_another_grace(root: Path) -> None:
    store = open_store(root)
    store.put("father", {"x": WEIGHT})
    store.drop("father")
    tombstone = next(root.rglob("*%drop"))
    # Nothing but waiting makes a tombstone old: the time of the link counts, and only the kernel sets it.
    grace = timedelta(microseconds=1)
    while store.collect(grace=grace, dry_run=True).num_young:
        pass
    assert tombstone.exists()
    store.collect(grace=grace)
    assert not file_of(root, "father").exists()


def test_leftovers_of_dead_writers_are_swept(root: Path) -> None:
    store = open_store(root)
    (root / "tmp/dead").write_bytes(b"half a file")
    store.collect(grace=timedelta(hours=1))
    assert (root / "tmp/dead").exists()
    store.collect(grace=NOW)
    assert not (root / "tmp/dead").exists()


def test_a_damaged_live_checkpoint_stops_a_collection(root: Path) -> None:
    """Nobody knows which files it needs."""
    store = open_store(root)
    store.put("father", {"x": WEIGHT})
    store.put("child", {"x": WEIGHT}, parents=["father"])
    store.drop("father")
    file = file_of(root, "child")
    file.chmod(0o644)
    file.write_bytes(b"damaged!")
    again = open_store(root)
    with pytest.raises(CorruptCheckpoint, match=r"Nothing was collected.*'child'"):
        again.collect(grace=NOW)
    assert file_of(root, "father").exists()


def test_a_damaged_checkpoint_that_was_dropped_is_freed(root: Path) -> None:
    store = open_store(root)
    store.put("father", {"x": WEIGHT})
    store.drop("father")
    file = file_of(root, "father")
    file.chmod(0o644)
    file.write_bytes(b"damaged!")
    assert freed(open_store(root)) == ["father"]


@pytest.mark.parametrize("grace", [timedelta(seconds=-1), timedelta.min])
def test_a_negative_grace_is_refused(store: Store, grace: timedelta) -> None:
    with pytest.raises(InputError, match="grace"):
        store.collect(grace=grace)


@pytest.mark.parametrize("grace", [0, 3600.0, None, "24h"])
def test_a_grace_that_is_no_length_of_time_is_refused(store: Store, grace: Any) -> None:
    with pytest.raises(InputError, match="timedelta"):
        store.collect(grace=grace)


class Unfenced(MemoryBackend):
    """As an object store says of itself."""

    def __init__(self) -> None:
        super().__init__(url="memory://unfenced")
        self.capabilities = Capabilities(
            is_shared=True,
            is_durable=True,
            maps_files=False,
            fences_writers=False,
            first_pause_seconds=0.001,
            longest_pause_seconds=0.01,
        )


def test_where_late_writes_are_not_fenced_the_grace_has_a_least_length() -> None:
    store = Store(Unfenced(), store_id="x")
    with pytest.raises(InputError, match="expected 900 or more"):
        store.collect(grace=timedelta(minutes=14))
    assert store.collect(grace=timedelta(minutes=15)).freed == ()


def test_a_pinned_checkpoint_survives_its_dropping(store: Store) -> None:
    store.put("grandfather", {"x": WEIGHT})
    father = store.put("father", {"x": WEIGHT, "y": WEIGHT + 1}, parents=["grandfather"])
    with store.pin(["father"], owner="a reader") as lease:
        store.drop("grandfather")
        store.drop("father")
        collection = store.collect(grace=NOW)
        assert (collection.freed, collection.num_pinned, collection.num_needed) == ((), 1, 1)
        assert np.array_equal(father.tensors()["x"], WEIGHT)
        assert "father" in repr(lease)
    assert freed(store) == ["father", "grandfather"]


def test_a_lease_ends_by_itself_by_the_clock_of_the_place(store: Store) -> None:
    store.put("father", {"x": WEIGHT})
    store.pin(["father"], seconds=1e-9)
    store.drop("father")
    assert freed(store) == ["father"]


def test_a_renewed_lease_is_one_file(root: Path) -> None:
    store = open_store(root)
    store.put("father", {})
    lease = store.pin(["father"])
    for _ in range(3):
        lease.renew()
    assert len(list((root / "pin").iterdir())) == 1
    lease.release()
    lease.release()
    assert not list((root / "pin").iterdir())


def test_a_lease_that_was_over_says_what_it_has_lost(store: Store) -> None:
    store.put("father", {})
    lease = store.pin(["father"], seconds=1e-9)
    store.drop("father")
    store.collect(grace=NOW)
    with pytest.raises(CheckpointDropped):
        lease.renew()


def test_a_lease_that_ran_out_before_it_was_renewed_looks_again(store: Store) -> None:
    """Also if no collection has removed it yet: one may be about to free what it held."""
    store.put("father", {})
    lease = store.pin(["father"], seconds=1e-9)
    store.drop("father")
    with pytest.raises(CheckpointDropped):
        lease.renew()


def test_a_renewal_that_failed_may_be_repeated(root: Path) -> None:
    store = open_store(root)
    store.put("father", {})
    lease = store.pin(["father"])
    failing_backend = LocalBackend(root, system=SystemCalls(fsync=failing(SystemCalls().fsync, 5, times=1)))
    lease._reader.backend = failing_backend
    with pytest.raises(StoreUnavailable):
        lease.renew()
    seemed_to_fail = store._backend.now()
    lease.renew()
    (file,) = (root / "pin").iterdir()
    assert file.stat().st_ctime > seemed_to_fail
    lease.release()
    assert not list((root / "pin").iterdir())


def test_what_was_dropped_cannot_be_pinned(root: Path) -> None:
    store = open_store(root)
    store.put("father", {})
    store.drop("father")
    with pytest.raises(CheckpointDropped):
        store.pin(["father"])
    assert not list((root / "pin").iterdir())


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_lease_has_a_length(store: Store, seconds: float) -> None:
    store.put("father", {})
    with pytest.raises(InputError, match="not possible"):
        store.pin(["father"], seconds=seconds)


def test_one_key_is_no_list_of_keys(store: Store) -> None:
    store.put("father", {})
    with pytest.raises(InputError, match="must be a list"):
        store.pin("father")


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"version":1,"keys":["../x"],"seconds":1}'])
def test_a_damaged_lease_stops_a_collection(root: Path, damage: bytes) -> None:
    store = open_store(root)
    store.put("father", {})
    store.drop("father")
    (root / "pin/somebody.1").write_bytes(damage)
    with pytest.raises(CorruptData, match="somebody"):
        store.collect(grace=NOW)
    assert file_of(root, "father").exists()


class Dropping(MemoryBackend):
    """Drops and collects a father in the moment before a child's last look."""

    def __init__(self) -> None:
        super().__init__(url="memory://dropping")
        self.before_the_last_look: list[Callable[[], None]] = []

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        while self.before_the_last_look and before_commit is not None:
            self.before_the_last_look.pop()()
        return super().put_once(name, content, before_commit=before_commit)


def test_a_save_whose_father_is_dropped_meanwhile_writes_all_by_itself() -> None:
    backend = Dropping()
    store, other = Store(backend, store_id="x"), Store(backend, store_id="x")
    store.put("father", {"x": WEIGHT})

    def drop() -> None:
        other.drop("father")
        assert freed(other) == ["father"]

    backend.before_the_last_look.append(drop)
    child = store.put("child", {"x": WEIGHT}, parents=["father"])
    assert child.own_bytes == WEIGHT.nbytes
    assert np.array_equal(child.tensors()["x"], WEIGHT)


def test_a_writer_is_swept_in_mid_save_and_begins_again(root: Path) -> None:
    store, other = open_store(root), open_store(root)
    father = store.put("father", {"x": WEIGHT})

    backend = store._backend
    swept: list[str] = []
    put = backend.put_once

    def put_once(
        name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        def check_and_collect() -> None:
            if before_commit is not None:
                before_commit()
            if not swept:
                swept.append(name)
                other.collect(grace=NOW)

        return put(name, content, before_commit=check_and_collect)

    backend.put_once = put_once  # type: ignore[method-assign]  # an interposed collection
    child = store.put("child", {"x": WEIGHT, "y": WEIGHT + 1}, parents=[father])
    assert swept
    assert child.own_bytes == WEIGHT.nbytes
    assert open_store(root).verify() == []
