"""Stores of earlier versions stay readable. Each lies in tests/data, as that version wrote it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from heredity.errors import CheckpointDropped
from heredity.store import Fingerprints, Store, open_store
from heredity.store.files.layout import name_of

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def old() -> Store:
    """The store of the first format, kept as only those files that are not empty directories."""
    return open_store(DATA / "store-v1", create=False, verify="always")


def test_version_1_is_read(old: Store) -> None:
    father, child = old["run-1/father"], old["run-1/kind-é@2"]
    assert (father.score, father.parents, father.metadata) == (0.75, (), {"epochs": 3, "note": "grüße"})
    assert (child.score, child.parents) == (None, ("run-1/father",))
    assert father.created == datetime(2026, 1, 1, tzinfo=UTC)
    assert father.graph == child.graph == {"nodes": ["conv", "relu"]}
    assert child.own_bytes == 12


def test_version_1_tensors_are_bit_for_bit_what_they_were(old: Store) -> None:
    tensors = old["run-1/kind-é@2"].read()
    assert {name: (each.dtype, each.shape) for name, each in tensors.items()} == {
        "conv.weight": ("F32", (2, 3)),
        "conv.bias": ("F16", (2,)),
        "steps": ("I64", ()),
        "half": ("BF16", (2,)),
        "mask": ("BOOL", (3,)),
        "none": ("F64", (0, 4)),
    }
    arrays = old["run-1/father"].tensors(["conv.weight", "conv.bias", "steps", "mask"])
    assert np.array_equal(arrays["conv.weight"], np.arange(6, dtype=np.float32).reshape(2, 3))
    assert np.array_equal(arrays["conv.bias"], np.array([0.5, -1], dtype=np.float16))
    assert arrays["steps"] == 100
    assert arrays["mask"].tolist() == [True, False, True]


def test_version_1_names_files_as_we_do(old: Store) -> None:
    assert all((DATA / "store-v1" / name_of(checkpoint.key)).is_file() for checkpoint in old.checkpoints())


@pytest.fixture
def with_deletion(tmp_path: Path) -> Store:
    """A copy of the store with a file of every kind that deletion has brought; collecting writes to it."""
    shutil.copytree(DATA / "store-v1-deletion", tmp_path / "store")
    return open_store(tmp_path / "store", verify="always")


def test_tombstones_of_version_1_are_read(with_deletion: Store) -> None:
    assert list(with_deletion) == ["run/child-é", "run/grandfather"]
    with pytest.raises(CheckpointDropped, match=r"dropped .* at 2026-11-25T00:00:03\+00:00: aged out"):
        with_deletion["run/father"]
    with pytest.raises(CheckpointDropped, match=r"never come.*diverged"):
        with_deletion["run/never"]
    assert [each.key for each in with_deletion.ancestors("run/child-é")] == ["run/grandfather"]
    assert with_deletion.verify() == []


def test_refs_of_version_1_are_read(with_deletion: Store) -> None:
    refs = with_deletion.refs
    assert {name: (refs[name].key, refs[name].number) for name in refs} == {
        "best": ("run/child-é", 2),
        "super/net": ("run/grandfather", 1),
    }
    assert refs.swap("best", "run/grandfather", expected=refs["best"]).number == 3


def test_leases_of_version_1_are_kept(with_deletion: Store) -> None:
    with_deletion.refs.delete("super/net")
    with_deletion.drop("run/grandfather")
    assert with_deletion.collect(grace=timedelta(0)).num_pinned == 1


def test_fingerprints_of_version_1_are_found(with_deletion: Store) -> None:
    wanted = Fingerprints("0123456789abcdef", ("00000000000000aa", "00000000000000cc"))
    ((checkpoint, match),) = with_deletion.find(wanted)
    assert (checkpoint.key, match.num_shared, match.has_same_outline) == ("run/grandfather", 1, True)
