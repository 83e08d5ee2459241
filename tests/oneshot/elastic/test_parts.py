"""Parts of parameters are trained as if they were a network of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from tests.oneshot.supernets import elastic, images

from heredity.errors import InputError
from heredity.oneshot import Elastic, ElasticLinear, Parts, freeze, selecting, selection_of, separate_parts
from heredity.oneshot.elastic.parts import part_of
from heredity.oneshot.freezing import freeze_with_origins

ARCHITECTURE = {"width": 4, "narrow": 3, "kernel": 3}
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "adam": lambda p: torch.optim.AdamW(p, lr=0.1),
    "foreach": lambda p: torch.optim.Adam(p, lr=0.1, foreach=True),
    "fused": lambda p: torch.optim.AdamW(p, lr=0.1, fused=True),
    "fused sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, fused=True),
    "adagrad": lambda p: torch.optim.RMSprop(p, lr=0.1, centered=True),
}


def _steps(
    supernet: torch.nn.Module, optimizer: torch.optim.Optimizer, parts: Parts, num: int, *, kernel: int = 3
) -> None:
    for seed in range(num):
        optimizer.zero_grad()
        torch.manual_seed(seed)
        with separate_parts(parts), selecting(selection_of(supernet, {**ARCHITECTURE, "kernel": kernel})):
            supernet(images().to(next(supernet.parameters()))).square().mean().backward()
        parts.step(optimizer)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parts_are_trained_as_the_frozen_network_is(name: str) -> None:
    torch.manual_seed(0)
    supernet = elastic().double()
    alone = freeze(supernet, ARCHITECTURE)
    _steps_alone(alone, OPTIMIZERS[name](alone.parameters()), 4)
    optimizer = OPTIMIZERS[name](supernet.parameters())
    _steps(supernet, optimizer, Parts(), 4)
    for ours, theirs in zip(freeze(supernet, ARCHITECTURE).parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def _steps_alone(module: torch.nn.Module, optimizer: torch.optim.Optimizer, num: int) -> None:
    for seed in range(num):
        optimizer.zero_grad()
        torch.manual_seed(seed)
        module(images().double()).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("name", ["momentum", "adam", "fused"])
def test_what_lies_outside_of_a_part_stays_as_it_is(name: str) -> None:
    supernet = elastic()
    before = copy.deepcopy(supernet)
    _steps(supernet, OPTIMIZERS[name](supernet.parameters()), Parts(), 2)
    frozen = freeze_with_origins(supernet, ARCHITECTURE)
    for source, origin in frozen.origins.values():
        outside = torch.ones(origin.tensor.shape, dtype=torch.bool)
        outside[origin.slices or ...] = False
        assert torch.equal(origin.tensor[outside], before.state_dict()[source][outside])


def test_an_optimizers_state_is_by_whole_parameter_after_a_step() -> None:
    supernet = elastic()
    optimizer = OPTIMIZERS["adam"](supernet.parameters())
    _steps(supernet, optimizer, Parts(), 1)
    assert set(optimizer.state) <= set(supernet.parameters())
    assert all(state["exp_avg"].shape == p.shape for p, state in optimizer.state.items())


@pytest.mark.parametrize("name", ["momentum", "adam", "fused"])
def test_parts_that_are_kept_are_as_good_as_new_ones(name: str) -> None:
    torch.manual_seed(0)
    first = elastic()
    second, kept = copy.deepcopy(first), Parts()
    ours, theirs = (OPTIMIZERS[name](each.parameters()) for each in (first, second))
    for _ in range(3):
        _steps(first, ours, kept, 1)
        _steps(second, theirs, Parts(), 1)
        ours.load_state_dict(copy.deepcopy(ours.state_dict()))  # new tensors in the place of those kept
    _assert_same(first, second)


def test_parts_that_are_kept_take_the_values_that_were_trained_since() -> None:
    """The centre of a kernel is a copy; in between another architecture moves the same entries."""
    torch.manual_seed(0)
    first = elastic()
    second, kept = copy.deepcopy(first), Parts()
    ours, theirs = (OPTIMIZERS["momentum"](each.parameters()) for each in (first, second))
    for kernel in (3, 5, 3, 1, 3):
        _steps(first, ours, kept, 1, kernel=kernel)
        _steps(second, theirs, Parts(), 1, kernel=kernel)
    _assert_same(first, second)


@pytest.mark.parametrize("is_dense", [True, False])
def test_a_copied_part_is_the_slice_whatever_its_strides(is_dense: bool) -> None:
    """A tensor that is not dense, such as one with its channels last, is copied along its strides."""
    whole = torch.arange(4 * 3 * 5 * 5.0).reshape(4, 3, 5, 5)
    parameter = torch.nn.Parameter(whole if is_dense else whole.to(memory_format=torch.channels_last))
    slices = (slice(3), slice(2), slice(1, 4), slice(1, 4))
    with separate_parts() as parts:
        leaf = part_of(parameter, (3, 2, 3, 3))
        torch.autograd.backward(leaf.square().sum())
    parts.step(torch.optim.SGD([parameter], lr=0.5))  # x - 0.5 * 2 x = 0
    expected = whole.clone()
    expected[slices] = 0.0
    assert leaf.is_contiguous()
    assert torch.equal(parameter, expected)


def test_a_step_with_parts_leaves_the_optimizers_groups_as_they_were() -> None:
    supernet = elastic()
    optimizer = OPTIMIZERS["adam"](supernet.parameters())
    before = optimizer.param_groups[0]["params"]
    _steps(supernet, optimizer, Parts(), 1)
    assert optimizer.param_groups[0]["params"] is before


def test_an_entrys_moments_wait_while_other_parts_run() -> None:
    """Adam neither decays nor applies the moments of what did not run; only the count of steps goes on."""
    layer = ElasticLinear(4, Elastic((1, 3), label="width"), bias=False)
    optimizer, parts = torch.optim.Adam(layer.parameters(), lr=0.1), Parts()
    seen = []
    for position in (1, 0, 0):
        optimizer.zero_grad()
        with separate_parts(parts), selecting({"width": position}):
            layer(torch.ones(2, 4)).sum().backward()
        parts.step(optimizer)
        seen.append((layer.weight[1:].detach().clone(), optimizer.state[layer.weight]["exp_avg"][1:].clone()))
    assert all(torch.equal(now, first) for later in seen for now, first in zip(later, seen[0], strict=True))
    assert optimizer.state[layer.weight]["step"].item() == 3


def test_a_new_optimizer_begins_without_the_slots_of_the_one_before() -> None:
    torch.manual_seed(0)
    first = elastic()
    kept = Parts()
    _steps(first, OPTIMIZERS["momentum"](first.parameters()), kept, 2)
    second = copy.deepcopy(first)
    _steps(first, OPTIMIZERS["momentum"](first.parameters()), kept, 2)
    _steps(second, OPTIMIZERS["momentum"](second.parameters()), Parts(), 2)
    _assert_same(first, second)


@pytest.mark.parametrize("name", ["momentum", "fused sgd"])
@pytest.mark.parametrize("kernel", [3, 5])
def test_parts_follow_tensors_whose_memory_is_another(kernel: int, name: str) -> None:
    torch.manual_seed(0)
    first = elastic()
    kept, ours = Parts(), OPTIMIZERS[name](first.parameters())
    _steps(first, ours, kept, 1, kernel=kernel)
    for tensor in (*first.parameters(), *first.buffers()):
        tensor.data = tensor.data.clone()
    second = copy.deepcopy(first)
    theirs = OPTIMIZERS[name](second.parameters())
    theirs.load_state_dict(copy.deepcopy(ours.state_dict()))
    _steps(first, ours, kept, 1, kernel=kernel)
    _steps(second, theirs, Parts(), 1, kernel=kernel)
    _assert_same(first, second)


def test_an_optimizer_may_become_fused_and_be_plain_again() -> None:
    torch.manual_seed(0)
    first = elastic()
    second, kept = copy.deepcopy(first), Parts()
    ours, theirs = (OPTIMIZERS["momentum"](each.parameters()) for each in (first, second))
    for is_fused in (False, True, False, True):
        ours.param_groups[0]["fused"] = is_fused
        _steps(first, ours, kept, 1)
        _steps(second, theirs, Parts(), 1)
    for mine, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def _assert_same(first: torch.nn.Module, second: torch.nn.Module) -> None:
    other = second.state_dict()
    assert all(torch.equal(tensor, other[name]) for name, tensor in first.state_dict().items())


def test_what_is_not_trained_is_changed_in_place_whatever_its_strides() -> None:
    """Running statistics are changed by the forward itself; nothing would write a copy of them back."""
    statistics = torch.zeros(8, 3)[:, 0]
    with separate_parts():
        part_of(statistics, (4,)).add_(1.0)
    assert statistics.tolist() == [1.0] * 4 + [0.0] * 4


def test_gradients_of_parts_add_up_to_those_of_autograd() -> None:
    supernet = elastic().eval()
    x, selections = images(), [{"width": 1, "narrow": 0, "kernel": 1}, {"width": 2, "narrow": 1, "kernel": 2}]
    for selection in selections:
        with separate_parts() as parts, selecting(selection):
            supernet(x).sum().backward()
        parts.accumulate()
    ours = [parameter.grad for parameter in supernet.parameters()]
    supernet.zero_grad()
    for selection in selections:
        with selecting(selection):
            supernet(x).sum().backward()
    for mine, parameter in zip(ours, supernet.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad)


def test_two_parts_of_one_parameter_in_one_step_are_refused() -> None:
    layer = ElasticLinear(4, Elastic((1, 2, 3), label="width"))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    with separate_parts() as parts:
        for position in (0, 1):
            with selecting({"width": position}):
                layer(torch.ones(2, 4)).sum().backward()
    with pytest.raises(InputError, match="two parts in one step"):
        parts.step(optimizer)


@pytest.mark.parametrize("fused", [True, False])
def test_a_step_that_is_refused_loses_no_gradient(fused: bool) -> None:
    first, second = (ElasticLinear(Elastic((32, 64), label=name), 4, bias=False) for name in ("a", "b"))
    optimizer = torch.optim.SGD([*first.parameters(), *second.parameters()], lr=0.1, fused=fused)
    with separate_parts() as parts:
        for position in (0, 1):
            with selecting({"a": 0, "b": position}):
                width = (32, 64)[position]
                (first(torch.ones(3, 32)).sum() + second(torch.ones(3, width)).sum()).backward()
    with pytest.raises(InputError, match="two parts in one step"):
        parts.step(optimizer)
    parts.accumulate()
    assert first.weight.grad is not None
    assert first.weight.grad[:, :32].eq(6.0).all()
