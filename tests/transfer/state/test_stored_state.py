"""An optimizer's state in a store: what comes back makes the same next step, bit by bit."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn, optim

from heredity.checkpoints import load, optimizer_state, optimizer_tensors, save_module
from heredity.errors import CorruptCheckpoint, InputError, InvalidTensor
from heredity.store import Store, open_store
from heredity.transfer.state import named_optimizer_state, restore_optimizer_state

torch.set_num_threads(1)

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "ASGD": optim.ASGD,
    "Adadelta": optim.Adadelta,
    "Adafactor": optim.Adafactor,
    "Adagrad": optim.Adagrad,
    "Adam": optim.Adam,
    "Adam, fused": partial(optim.Adam, fused=True),
    "AMSGrad": partial(optim.AdamW, amsgrad=True),
    "Adamax": optim.Adamax,
    "NAdam": optim.NAdam,
    "RAdam": optim.RAdam,
    "RMSprop": partial(optim.RMSprop, momentum=0.9, centered=True),
    "Rprop": optim.Rprop,
    "SGD": partial(optim.SGD, lr=0.1, momentum=0.9),
    "SGD without momentum": partial(optim.SGD, lr=0.1),
}

NUMBERS = itertools.count()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2))


def step(module: nn.Module, optimizer: optim.Optimizer, *, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    optimizer.zero_grad()
    torch.autograd.backward(module(torch.randn(4, 1, 4, 4, generator=generator)).square().sum())
    optimizer.step()


def trained(make: Callable[..., optim.Optimizer]) -> tuple[nn.Module, optim.Optimizer]:
    module = network()
    optimizer = make(module.parameters())
    for seed in range(3):
        step(module, optimizer, seed=seed)
    return module, optimizer


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One for all tests, on a disk, where tensors are mapped: to clear it away takes longer than a test."""
    return open_store(tmp_path_factory.mktemp("optimizers") / "store")


@pytest.fixture
def key() -> str:
    return f"test-{next(NUMBERS)}"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_next_step_is_the_same_bit_by_bit(name: str, store: Store, key: str) -> None:
    module, optimizer = trained(OPTIMIZERS[name])
    save_module(store, module, key=key, optimizer_state=named_optimizer_state(module, optimizer))
    again = network()
    optimizer_again = OPTIMIZERS[name](again.parameters())
    reopened = open_store(store.url)
    load(again, reopened[key])
    restore_optimizer_state(again, optimizer_again, optimizer_state(reopened[key]))
    step(module, optimizer, seed=9)
    step(again, optimizer_again, seed=9)
    torch.testing.assert_close(again.state_dict(), module.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(
        named_optimizer_state(again, optimizer_again),
        named_optimizer_state(module, optimizer),
        rtol=0,
        atol=0,
    )


def test_it_goes_by_names_whatever_the_groups_and_their_order(store: Store, key: str) -> None:
    module, optimizer = trained(optim.Adam)
    save_module(store, module, key=key, optimizer_state=named_optimizer_state(module, optimizer))
    again = network()
    load(again, store[key])
    first, *rest = again.parameters()
    groups: list[dict[str, Any]] = [{"params": rest}, {"params": [first], "lr": 1e-3}]
    regrouped = optim.Adam(groups)
    restore_optimizer_state(again, regrouped, optimizer_state(store[key]))
    step(module, optimizer, seed=9)
    step(again, regrouped, seed=9)
    torch.testing.assert_close(again.state_dict(), module.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("value", [3, 0.1, True, torch.tensor(7), torch.tensor(2.5)])
def test_numbers_come_back_as_what_they_were(value: float | torch.Tensor, store: Store, key: str) -> None:
    store.put(key, optimizer_tensors({"layer.weight": {"step": value}}))
    found = optimizer_state(store[key])["layer.weight"]["step"]
    assert (type(found), found) == (type(value), value)
    if isinstance(value, torch.Tensor) and isinstance(found, torch.Tensor):
        assert found.dtype == value.dtype


def test_the_state_shares_no_memory_with_what_was_given(store: Store, key: str) -> None:
    module, optimizer = trained(optim.Adam)
    state = named_optimizer_state(module, optimizer)
    again = network()
    optimizer_again = optim.Adam(again.parameters())
    restore_optimizer_state(again, optimizer_again, state)
    before = state["3.weight"]["exp_avg"]
    assert isinstance(before, torch.Tensor)
    kept = before.clone()
    step(again, optimizer_again, seed=1)
    assert torch.equal(before, kept)


def test_a_checkpoint_without_it_has_none(store: Store, key: str) -> None:
    assert optimizer_state(save_module(store, network(), key=key)) == {}


@pytest.mark.parametrize("slot", ["", "a/b", "a:int"])
def test_a_slot_that_could_not_be_found_again_is_refused(slot: str) -> None:
    with pytest.raises(InvalidTensor, match="slot's name"):
        optimizer_tensors({"w": {slot: 1}})


def test_what_is_no_number_is_refused() -> None:
    wrong: Any = {"w": {"history": [1, 2]}}
    with pytest.raises(InvalidTensor, match="expected a tensor or a number, got list"):
        optimizer_tensors(wrong)


@pytest.mark.parametrize("name", ["optimizer/step", "optimizer/w/", "optimizer/w/step:text"])
def test_a_name_that_no_slot_has_is_damage(name: str, store: Store, key: str) -> None:
    store.put(key, {name: torch.zeros(())})
    with pytest.raises(CorruptCheckpoint, match="no slot of an optimizer"):
        optimizer_state(store[key])


@pytest.mark.parametrize(
    ("make", "state", "problem"),
    [
        (optim.Adam, {"other": {}}, "trains no parameter of this name"),
        (optim.SGD, {"3.bias": {"exp_avg": torch.zeros(2)}}, "exp_avg is not kept by SGD"),
        (optim.Adam, {"3.bias": {"exp_avg": torch.zeros(2)}}, "Adam needs exp_avg_sq, step as well"),
        (optim.Adagrad, {"3.bias": {"step": 1, "sum": torch.zeros(3)}}, r"sum has the shape \(3,\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_before_anything_changes(
    make: Callable[..., optim.Optimizer], state: dict[str, Any], problem: str
) -> None:
    module, optimizer = trained(make)
    before = {name: dict(slots) for name, slots in named_optimizer_state(module, optimizer).items()}
    with pytest.raises(InputError, match=problem):
        restore_optimizer_state(module, optimizer, state)
    torch.testing.assert_close(named_optimizer_state(module, optimizer), before)
