"""What a store promises its users, on every kind of place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heredity.encoding import Json
from heredity.errors import (
    CheckpointNotFound,
    CorruptCheckpoint,
    InputError,
    InvalidName,
    InvalidTensor,
    KeyTaken,
)
from heredity.ids import parse_checkpoint_key
from heredity.store import LocalBackend, MemoryBackend, Store, TensorData, open_store
from heredity.store.files.layout import key_of, name_of

WEIGHT = np.arange(5000, dtype=np.float32)


def same(one: Mapping[str, np.ndarray[Any, Any]], other: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_what_was_put_is_found(store: Store) -> None:
    tensors: dict[str, np.ndarray[Any, Any]] = {"w": WEIGHT, "zero": np.zeros((0, 3)), "number": np.array(7)}
    put = store.put(
        "run/father", tensors, score=np.float32(0.5).item(), metadata={"lr": [0.1, None]}, graph=[1, "é"]
    )
    got = store["run/father"]
    assert got == put
    assert same(got.tensors(), tensors)
    assert (got.key, got.parents, got.score, got.metadata, got.graph) == (
        "run/father",
        (),
        0.5,
        {"lr": [0.1, None]},
        [1, "é"],
    )
    assert got.tensor_names == ("number", "w", "zero")
    assert got.size_bytes == sum(array.nbytes for array in tensors.values())
    assert abs(datetime.now(UTC) - got.created) < timedelta(minutes=1)
    assert put.created == got.created


def test_nan_is_content_like_any_other(store: Store) -> None:
    tensors = {"w": np.array([np.nan, np.inf, -0.0])}
    store.put("a", tensors)
    assert store["a"].tensors()["w"].tobytes() == tensors["w"].tobytes()
    assert store.put("a", tensors) == store["a"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_diverged_is_refused_on_demand(store: Store, value: float) -> None:
    with pytest.raises(InvalidTensor, match="'w' holds NaN or infinity"):
        store.put("a", {"w": np.array([1.0, value])}, finite_only=True)
    assert "a" not in store
    assert store.put("a", {"w": np.array([1.0, 2.0])}, finite_only=True).key == "a"


def test_a_file_is_not_kept_for_the_sake_of_next_to_nothing(store: Store) -> None:
    """Not even a parent's: it would stay on the disk as a whole."""
    large = np.arange(300_000, dtype=np.float32)
    store.put("father", {"large": large, "small": WEIGHT[:2000]})
    child = store.put("child", {"large": large + 1, "small": WEIGHT[:2000]}, parents=["father"])
    assert child.manifest.owners == ("child",)
    heir = store.put("heir", {"large": large, "small": WEIGHT[:2000] + 1}, parents=["father"])
    assert heir.manifest.owners == ("father", "heir")


def test_raw_tensors_of_any_dtype_come_back(store: Store) -> None:
    tensors = {"b": TensorData("BF16", (3,), b"123456"), "f": TensorData("F8_E4M3", (2, 1), b"ab")}
    store.put("a", tensors)
    assert store["a"].read() == tensors
    assert {name: array.tobytes() for name, array in store["a"].tensors().items()} == {
        name: tensor.data.tobytes() for name, tensor in tensors.items()
    }


def test_a_dtype_that_numpy_has_not_is_refused_with_a_way_out(store: Store) -> None:
    store.put("a", {"f": TensorData("F6_E2M3", (4,), b"abc")})
    assert store["a"].read()["f"].data.tobytes() == b"abc"
    with pytest.raises(InvalidTensor, match=r"F6_E2M3.*read\(\)"):
        store["a"].tensors()


def test_a_checkpoint_may_be_empty(store: Store) -> None:
    assert store.put("a", {}).tensors() == {}


def test_some_tensors_can_be_loaded_by_name(store: Store) -> None:
    checkpoint = store.put("a", {"x": WEIGHT, "y": WEIGHT + 1, "z": WEIGHT + 2})
    assert list(checkpoint.tensors(["z", "x"])) == ["z", "x"]
    with pytest.raises(InputError, match=r"'xx'.*'x'"):
        checkpoint.tensors(["xx"])
    with pytest.raises(InputError, match="one text"):
        checkpoint.tensors("x")


def test_loaded_arrays_may_be_written_to(store: Store) -> None:
    store.put("a", {"x": WEIGHT})
    store["a"].tensors()["x"][:] = -1
    assert same(store["a"].tensors(), {"x": WEIGHT})


def test_two_names_of_one_content_share_the_disk_but_never_memory(store: Store) -> None:
    checkpoint = store.put("a", {"x": WEIGHT, "tied": WEIGHT})
    assert checkpoint.own_bytes == WEIGHT.nbytes
    assert checkpoint.size_bytes == 2 * WEIGHT.nbytes
    loaded = checkpoint.tensors()
    loaded["x"][:] = -1
    assert np.array_equal(loaded["tied"], WEIGHT)


def test_a_child_stores_only_what_is_new(store: Store) -> None:
    father = store.put("father", {"x": WEIGHT, "y": WEIGHT + 1, "s": np.zeros(2)}, graph={"same": True})
    child = store.put(
        "child", {"x": WEIGHT, "y": WEIGHT + 2, "s": np.zeros(2)}, parents=[father], graph={"same": True}
    )
    assert child.own_bytes == WEIGHT.nbytes
    assert child.graph == {"same": True}
    grandchild = store.put("grandchild", {"x": WEIGHT, "y": WEIGHT + 2}, parents=["child"])
    assert grandchild.own_bytes == 0
    assert {name: entry.owner for name, entry in grandchild.manifest.tensors.items()} == {
        "x": "father",
        "y": "child",
    }
    assert same(grandchild.tensors(), {"x": WEIGHT, "y": WEIGHT + 2})


def test_another_process_shares_with_the_parents_too(root: Path) -> None:
    open_store(root).put("father", {"x": WEIGHT})
    child = open_store(root).put("child", {"x": WEIGHT}, parents=["father"])
    assert (root / name_of(child.key)).stat().st_size < 1000


def test_what_this_process_has_seen_is_shared_without_being_a_parent(store: Store) -> None:
    store.put("a", {"x": WEIGHT, "small": np.zeros(2)})
    assert store.put("b", {"x": WEIGHT, "small": np.zeros(2)}).own_bytes == 16  # too small to be worth a file


def test_an_owner_that_has_vanished_is_replaced_by_the_bytes_at_hand(root: Path) -> None:
    store = open_store(root)
    store.put("a", {"x": WEIGHT})
    (root / name_of(parse_checkpoint_key("a"))).unlink()
    child = store.put("b", {"x": WEIGHT})
    assert same(child.tensors(), {"x": WEIGHT})


def test_an_owner_that_vanishes_later_is_a_typed_error(root: Path) -> None:
    store = open_store(root)
    store.put("a", {"x": WEIGHT})
    child = store.put("b", {"x": WEIGHT}, parents=["a"])
    (root / name_of(parse_checkpoint_key("a"))).unlink()
    with pytest.raises(CorruptCheckpoint, match=r"'b': tensor .*'a', is missing"):
        child.tensors()


def test_the_same_put_again_changes_nothing(store: Store) -> None:
    arguments: dict[str, Any] = {"parents": ["p"], "score": 1, "metadata": {"a": (1,)}, "graph": {"n": 1}}
    store.put("p", {})
    first = store.put("a", {"x": WEIGHT}, **arguments)
    again = store.put("a", {"x": WEIGHT.copy()}, **arguments)
    assert (again, again.created) == (first, first.created)


@pytest.mark.parametrize(
    "other",
    [{"tensors": {"y": WEIGHT}}, {"parents": ()}, {"score": 2.0}, {"metadata": {"a": 2}}, {"graph": None}],
    ids=lambda other: str(*other),
)
def test_a_key_belongs_to_one_content(store: Store, other: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {
        "tensors": {"x": WEIGHT},
        "parents": ["p"],
        "score": 1.0,
        "metadata": {"a": 1},
        "graph": {"n": 1},
    }
    store.put("p", {})
    store.put("a", **arguments)
    with pytest.raises(KeyTaken, match=r"'a'.*used once"):
        store.put("a", **(arguments | other))
    assert same(store["a"].tensors(), {"x": WEIGHT})


@pytest.mark.parametrize(
    "key",
    [
        "",
        "..",
        "../../etc/passwd",
        "a/../b",
        "/a",
        "a//b",
        "a b",
        "a\0b",
        "a\\b",
        "e\u0301",
        "x" * 201,
        "é" * 34,
    ],
)
def test_a_key_that_could_escape_or_confuse_is_refused(store: Store, key: str) -> None:
    with pytest.raises(InvalidName):
        store.put(key, {})
    with pytest.raises(InvalidName):
        store[key]


@pytest.mark.parametrize("key", [".nfs123", ".hidden/x", "é/ü@~1", "%2F", "a%2Fb", "CON", "x" * 200, "日本"])
def test_any_other_key_is_a_file_of_its_own(store: Store, key: str) -> None:
    store.put(key, {"x": WEIGHT})
    assert [checkpoint.key for checkpoint in store.checkpoints()] == [key]
    name = name_of(parse_checkpoint_key(key))
    assert key_of(name) == key
    assert name.count("/") == 2
    assert "/." not in name


class Fancy:
    def __repr__(self) -> str:
        return "Fancy()"


@pytest.mark.parametrize(
    "bad",
    [
        {"tensors": {"": WEIGHT}},
        {"tensors": {"a\n": WEIGHT}},
        {"tensors": {1: WEIGHT}},
        {"tensors": {"a": Fancy()}},
        {"score": float("nan")},
        {"score": float("inf")},
        {"score": "0.5"},
        {"score": True},
        {"score": 10**400},
        {"tensors": [WEIGHT[:1]]},
        {"metadata": {"a": float("nan")}},
        {"metadata": {"a": Fancy()}},
        {"metadata": {"a": {1: "number as a key"}}},
        {"metadata": ["list"]},
        {"metadata": {"a": "\ud800"}},
        {"graph": {"a": {1, 2}}},
        {"parents": "father"},
        {"parents": ["a"]},
        {"parents": ["../father"]},
    ],
    ids=str,
)
def test_what_cannot_be_stored_is_refused_before_a_byte_is_written(root: Path, bad: dict[str, Any]) -> None:
    store = open_store(root)
    with pytest.raises(InputError):
        store.put("a", **({"tensors": {}} | bad))
    assert store.checkpoints() == []


def test_metadata_that_contains_itself_is_refused(store: Store) -> None:
    loop: list[Json] = []
    loop.append(loop)
    with pytest.raises(InputError, match="JSON"):
        store.put("a", {}, metadata={"loop": loop})


def test_metadata_too_long_for_a_header_is_refused() -> None:
    store = open_store("memory://long")
    with pytest.raises(InputError, match="header"):
        store.put("a", {}, metadata={"text": "x" * 100_000_000})
    assert "a" not in store


def test_a_parent_must_be_there(store: Store) -> None:
    store.put("father", {})
    with pytest.raises(CheckpointNotFound, match=r"'fathr'.*'father'"):
        store.put("child", {}, parents=["father", "fathr"])
    assert "child" not in store


def test_a_parent_from_another_store_is_refused(store: Store, tmp_path: Path) -> None:
    stranger = open_store(tmp_path / "other").put("father", {})
    store.put("father", {})
    with pytest.raises(InputError, match="another store"):
        store.put("child", {}, parents=[stranger])


def test_a_parent_named_twice_counts_once(store: Store) -> None:
    father = store.put("father", {})
    assert store.put("child", {}, parents=["father", father]).parents == ("father",)


def test_a_tensor_that_changes_while_it_is_saved_is_an_error_and_nothing_is_saved(tmp_path: Path) -> None:
    weight = WEIGHT.copy()

    class Meddling(MemoryBackend):
        def put_once(self, name: str, content: Any, *, before_commit: Any = None) -> bool:
            pieces = iter(content)
            first = next(pieces)
            weight[0] += 1
            return super().put_once(name, [first, *pieces])

    store = Store(Meddling(url="memory://meddling"), store_id="x")
    with pytest.raises(InvalidTensor, match="'w' changed while"):
        store.put("a", {"w": weight})
    assert "a" not in store


def test_an_absent_key_is_told_with_its_neighbours(store: Store) -> None:
    for key in ("run/father", "run/mother", "other"):
        store.put(key, {})
    with pytest.raises(CheckpointNotFound, match=r"'run/fathe'.*Similar names are 'run/father'") as caught:
        store["run/fathe"]
    assert isinstance(caught.value, KeyError)
    with pytest.raises(CheckpointNotFound, match="It holds 3 others"):
        store["zzz"]
    assert "run/fathe" not in store
    assert 7 not in store
    assert "no key at all" not in store


def ticking() -> Any:
    moments = iter(range(100))
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(moments) // 2)


def test_checkpoints_are_listed_by_age_then_key() -> None:
    store = Store(MemoryBackend(url="memory://x"), store_id="x", now=ticking())
    for key in ("r/b", "r/a", "z", "r/c"):
        store.put(key, {})
    assert [checkpoint.key for checkpoint in store.checkpoints()] == ["r/a", "r/b", "r/c", "z"]
    assert [checkpoint.key for checkpoint in store.checkpoints("r/")] == ["r/a", "r/b", "r/c"]


def test_listing_reads_each_header_once_and_no_tensors(root: Path) -> None:
    for key in ("a", "b"):
        open_store(root).put(key, {"x": WEIGHT})
    opened: list[str] = []

    class Counting(LocalBackend):
        def open(self, name: str) -> Any:
            opened.append(name)
            return super().open(name)

    store = Store(Counting(root), store_id="x")
    store.checkpoints()
    store.checkpoints()
    assert len(opened) == 2


def test_lineage_is_walked_nearest_first_and_each_once(store: Store) -> None:
    for key, parents in {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["d", "a"]}.items():
        store.put(key, {}, parents=parents)
    assert [checkpoint.key for checkpoint in store.ancestors("e")] == ["d", "a", "b", "c"]
    assert [checkpoint.key for checkpoint in store.descendants(store["a"])] == ["b", "c", "e", "d"]
    assert store.ancestors("a") == store.descendants("e") == []
    with pytest.raises(CheckpointNotFound):
        store.ancestors("z")


def test_a_missing_ancestor_is_skipped_but_still_named(root: Path) -> None:
    store = open_store(root)
    store.put("a", {})
    store.put("b", {}, parents=["a"])
    (root / name_of(parse_checkpoint_key("a"))).unlink()
    fresh = open_store(root)
    assert fresh.ancestors("b") == []
    assert fresh["b"].parents == ("a",)


def test_a_store_and_its_checkpoints_say_what_they_are(root: Path) -> None:
    store = open_store(root)
    checkpoint = store.put("a", {}, score=0.5)
    assert repr(store) == f"<Store {root.as_uri()}>"
    assert repr(checkpoint) == "<Checkpoint 'a', score 0.5, parents []>"
    assert checkpoint != "a"


def test_a_checkpoint_whose_file_is_gone_says_so(root: Path) -> None:
    open_store(root).put("a", {})
    (checkpoint,) = open_store(root).checkpoints()
    checkpoint._reader._packs._items.clear()
    (root / name_of(checkpoint.key)).unlink()
    with pytest.raises(CheckpointNotFound, match="is gone"):
        checkpoint.tensors()


def test_metadata_of_a_checkpoint_cannot_be_changed_from_outside(store: Store) -> None:
    checkpoint = store.put("a", {}, metadata={"list": [1]})
    checkpoint.metadata["list"] = json.loads("[2]")
    assert store["a"].metadata == {"list": [1]}
