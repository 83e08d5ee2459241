"""The parent's tensors are read a few at a time, whole or not at all, into the child's own memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import heredity as hd
from heredity.errors import CorruptCheckpoint
from heredity.inheritance import reading
from heredity.inheritance.reading import StoredTensors
from heredity.store import Checkpoint

NAMES = [f"t{number}" for number in range(10)]


@pytest.fixture(scope="module")
def father() -> Checkpoint:
    store = hd.open_store(f"memory://{uuid.uuid4().hex}")
    return store.put("father", {name: torch.full((4,), float(i)) for i, name in enumerate(NAMES)})


@given(asked=st.lists(st.sampled_from(NAMES)), at_once=st.integers(1, 200))
def test_whatever_is_asked_in_whatever_order_comes(
    father: Checkpoint, asked: list[str], at_once: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_AT_ONCE_BYTES", at_once)
        tensors = StoredTensors(father, NAMES)
        assert [float(tensors[name][0]) for name in asked] == [float(name[1:]) for name in asked]


def test_no_more_is_read_at_once_than_a_lot(father: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    lots: list[list[str]] = []
    original = Checkpoint.tensors

    def watched(self: Checkpoint, names: Iterable[str] | None = None, **keywords: Any) -> Any:
        lots.append(list(names or []))
        return original(self, names, **keywords)

    monkeypatch.setattr(reading, "_AT_ONCE_BYTES", 3 * 16)
    monkeypatch.setattr(Checkpoint, "tensors", watched)
    tensors = StoredTensors(father, NAMES[:7])
    assert [name for name in tensors if tensors[name] is not None] == NAMES[:7]
    assert lots == [NAMES[0:3], NAMES[3:6], NAMES[6:7]]


def test_a_name_that_was_not_announced_is_not_there(father: Checkpoint) -> None:
    tensors = StoredTensors(father, NAMES[:2])
    assert "t5" not in tensors
    assert len(tensors) == 2


def test_a_damaged_tensor_changes_nothing_of_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the others came in an earlier lot."""
    monkeypatch.setattr(reading, "_AT_ONCE_BYTES", 1)
    store = hd.open_store(tmp_path / "weights")
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    hd.save(store, network, key="father", example_inputs=torch.randn(4, 3))
    (path,) = tmp_path.rglob("*father*")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-4] + bytes(4))
    child = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    before = [parameter.clone() for parameter in child.parameters()]
    with pytest.raises(CorruptCheckpoint):
        hd.inherit(child, hd.open_store(tmp_path / "weights")["father"])
    assert all(torch.equal(a, b) for a, b in zip(before, child.parameters(), strict=True))
