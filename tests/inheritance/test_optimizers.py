"""An optimizer's state goes along: into the store, out of it, and from a parent to a child."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import InputError
from heredity.store import Store


@pytest.fixture
def store() -> Store:
    return hd.open_store(f"memory://{uuid.uuid4().hex}")


def _network(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2)).double()


def _step(module: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    x = torch.randn(16, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    module(x).square().mean().backward()
    optimizer.step()


def _saved(store: Store, optimizer_of: Any) -> tuple[nn.Module, torch.optim.Optimizer]:
    father = _network(4)
    optimizer = optimizer_of(father.parameters())
    for seed in range(3):
        _step(father, optimizer, seed)
    rows = torch.randn(4, 3, dtype=torch.float64)
    hd.save(store, father, key="father", example_inputs=rows, optimizer=optimizer)
    return father, optimizer


@pytest.mark.parametrize(
    "optimizer_of",
    [
        lambda parameters: torch.optim.Adam(parameters, lr=0.01),
        lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
    ],
    ids=["adam", "momentum"],
)
def test_a_trial_that_was_saved_and_loaded_goes_on_as_if_it_had_not_been(
    store: Store, optimizer_of: Any
) -> None:
    father, optimizer = _saved(store, optimizer_of)
    again = _network(4)
    other = optimizer_of(again.parameters())
    hd.load(again, store["father"], optimizer=other)
    _step(father, optimizer, 9)
    _step(again, other, 9)
    assert all(torch.equal(a, b) for a, b in zip(father.parameters(), again.parameters(), strict=True))


def test_a_child_of_the_same_architecture_goes_on_as_its_father_does(store: Store) -> None:
    father, optimizer = _saved(store, torch.optim.Adam)
    child = _network(4)
    other = torch.optim.Adam(child.parameters())
    inheritance = hd.inherit(child, store["father"], optimizer=other)
    assert inheritance.optimizer is not None
    assert len(inheritance.optimizer.carried) == 4
    _step(father, optimizer, 9)
    _step(child, other, 9)
    assert all(torch.equal(a, b) for a, b in zip(father.parameters(), child.parameters(), strict=True))


def test_a_wider_child_has_its_fathers_moments_where_it_has_his_weights(store: Store) -> None:
    _, optimizer = _saved(store, torch.optim.Adam)
    child = _network(6)
    other = torch.optim.Adam(child.parameters())
    inheritance = hd.inherit(child, store["father"], optimizer=other)
    assert "optimizer: the state of 4 of 4 parameters goes on" in str(inheritance)
    theirs = optimizer.state[optimizer.param_groups[0]["params"][0]]["exp_avg"]
    ours = other.state[child.get_parameter("0.weight")]["exp_avg"]
    assert torch.equal(ours[:4], theirs)
    _step(child, other, 9)


def test_a_father_without_state_leaves_the_optimizer_as_it_is_and_says_so(store: Store) -> None:
    father = hd.save(store, _network(4), key="father", example_inputs=torch.randn(4, 3, dtype=torch.float64))
    child = _network(6)
    optimizer = torch.optim.Adam(child.parameters())
    inheritance = hd.inherit(child, father, optimizer=optimizer)
    assert "optimizer: the state of 0 of 4 parameters goes on" in str(inheritance)
    assert not optimizer.state
    with pytest.raises(InputError, match="father was saved without its optimizer's state"):
        hd.load(_network(4), father, optimizer=optimizer)


def test_an_optimizer_of_another_module_is_refused_before_anything_is_changed(store: Store) -> None:
    _saved(store, torch.optim.Adam)
    child = _network(6)
    before = [parameter.clone() for parameter in child.parameters()]
    optimizer = torch.optim.Adam(_network(6).parameters())
    with pytest.raises(InputError, match="not one of this Sequential's"):
        hd.inherit(child, store["father"], optimizer=optimizer)
    optimizer, policy = torch.optim.Adam(child.parameters()), hd.Race(lambda *_: 1.0, 1)
    with pytest.raises(InputError, match="a race takes no optimizer"):
        hd.inherit(child, store["father"], optimizer=optimizer, policy=policy)
    assert all(torch.equal(a, b) for a, b in zip(before, child.parameters(), strict=True))


def test_a_checkpoint_with_state_still_loads_and_is_run_from_its_graph(store: Store) -> None:
    _saved(store, torch.optim.Adam)
    hd.load(_network(4), store["father"])
    rows = torch.randn(4, 3, dtype=torch.float64)
    inheritance = hd.inherit(_network(6), store["father"], example_inputs=rows)
    assert inheritance.difference is not None
    assert inheritance.difference.in_eval < 1e-5


def test_an_optimizer_without_state_is_loaded_as_it_was_saved(store: Store) -> None:
    father = _network(4)
    plain = torch.optim.SGD(father.parameters(), lr=0.1)
    _step(father, plain, 1)
    saved = hd.save(store, father, key="plain", optimizer=plain)
    assert saved.metadata == {"optimizer": "SGD"}
    twin = _network(4)
    hd.load(twin, saved, optimizer=torch.optim.SGD(twin.parameters(), lr=0.1))
    assert torch.equal(twin.get_parameter("0.weight"), father.get_parameter("0.weight"))


def test_an_entry_of_the_metadata_with_our_name_is_refused(store: Store) -> None:
    father = _network(4)
    optimizer = torch.optim.SGD(father.parameters(), lr=0.1)
    with pytest.raises(InputError, match="metadata: the entry 'optimizer' is for the optimizer's kind"):
        hd.save(store, father, key="father", optimizer=optimizer, metadata={"optimizer": "mine"})
