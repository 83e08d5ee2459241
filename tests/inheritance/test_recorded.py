"""What a child's checkpoint says of how it began."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import CorruptCheckpoint, InputError
from heredity.inheritance import Inheritance, recorded, recorded_inheritance
from heredity.store import Store


def _network(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


@pytest.fixture
def store() -> Store:
    store = hd.open_store(f"memory://{uuid.uuid4().hex}")
    hd.save(store, _network(4), key="father", example_inputs=torch.randn(4, 3))
    return store


@pytest.fixture
def inheritance(store: Store) -> Inheritance:
    return hd.inherit(_network(6), store["father"])


def test_the_plan_can_be_read_from_the_childs_checkpoint(store: Store, inheritance: Inheritance) -> None:
    child = hd.save(store, inheritance.module, key="child", inherited=inheritance, metadata={"note": "a"})
    found = recorded_inheritance(child)
    assert found is not None
    assert found.plan == inheritance.plan
    assert found.store_id == store.store_id
    assert found.summary == inheritance.summary()
    assert child.metadata["note"] == "a"


def test_the_parent_is_named_without_being_given(store: Store, inheritance: Inheritance) -> None:
    hd.save(store, _network(2), key="mother")
    module, parents = inheritance.module, ["mother", "father"]
    child = hd.save(store, module, key="child", inherited=inheritance, parents=parents)
    assert child.parents == ("father", "mother")


def test_a_parent_in_another_store_is_recorded_only(inheritance: Inheritance) -> None:
    other = hd.open_store(f"memory://{uuid.uuid4().hex}")
    child = hd.save(other, inheritance.module, key="child", inherited=inheritance)
    assert child.parents == ()
    found = recorded_inheritance(child)
    assert found is not None
    assert found.store_id == inheritance.parent.store_id


def test_who_lost_to_his_fresh_twin_descends_from_nobody(store: Store) -> None:
    scores = iter([0.0, 1.0])
    race = hd.Race(lambda *_: next(scores), 1)
    inheritance = hd.inherit(_network(6), store["father"], policy=race)
    child = hd.save(store, inheritance.module, key="child", inherited=inheritance)
    assert child.parents == ()


def test_a_founder_says_nothing(store: Store) -> None:
    assert recorded_inheritance(store["father"]) is None
    other = hd.save(store, _network(2), key="other", metadata={"inheritance": "my own word"})
    assert recorded_inheritance(other) is None


def test_a_plan_that_is_too_long_is_left_out_and_its_length_said(
    store: Store, inheritance: Inheritance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "MOST_PLAN_BYTES", 100)
    child = hd.save(store, inheritance.module, key="child", inherited=inheritance)
    found = recorded_inheritance(child)
    assert found is not None
    assert found.plan is None
    left_out: Any = found.summary["plan_bytes_left_out"]
    assert left_out > 100


def test_an_entry_of_ones_own_is_not_overwritten(store: Store, inheritance: Inheritance) -> None:
    with pytest.raises(InputError, match="the entry 'inheritance' is for what `inherited` says"):
        hd.save(store, _network(6), key="child", inherited=inheritance, metadata={"inheritance": 1})


@pytest.mark.parametrize("packed", ["", "#", "AAAA", "eJwDAAAAAAE=", 5])
def test_a_damaged_plan_is_named(store: Store, packed: Any) -> None:
    child = store.put("child", {}, metadata={"inheritance": {"store": "s", "plan": packed}})
    with pytest.raises(CorruptCheckpoint, match="'child': its plan cannot be read"):
        recorded_inheritance(child)
