"""Averages of weights, carried by the plan of the weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn, optim
from torch.optim.swa_utils import AveragedModel

from heredity.errors import InvalidTensor
from heredity.transfer import AxisMap, How, Step, TransferPlan
from heredity.transfer.state import carry_average, carry_averaged_model

torch.set_num_threads(1)
few = settings(deadline=None, max_examples=20)


def halfway(average: torch.Tensor, weight: torch.Tensor, _count: torch.Tensor | int) -> torch.Tensor:
    return average.lerp(weight, 0.5)


def averaged(growth: Any, batches: Any) -> AveragedModel:
    """The parent's average over three steps; the child has the parent's last weights."""
    average = AveragedModel(growth.parent, avg_fn=halfway)
    optimizer = optim.SGD(growth.parent.parameters(), lr=0.5)
    for batch in batches(3):
        growth.learn(growth.parent, optimizer, [batch])
        average.update_parameters(growth.parent)
    return average


def relative(x: torch.Tensor, y: torch.Tensor) -> float:
    return float(((x - y).abs().max() / y.abs().max()).detach())


@few
@given(seed=st.integers(0, 2**16), num_fresh=st.integers(0, 2))
def test_the_childs_average_computes_what_the_parents_does(
    seed: int, num_fresh: int, grow: Any, batches: Any
) -> None:
    growth = grow(seed, num_fresh=num_fresh)
    average = averaged(growth, batches)
    of_child = copy.deepcopy(growth.child)
    of_child.load_state_dict(carry_average(growth.plan, average.module.state_dict(), growth.child))
    ((x, _),) = batches(1)
    assert relative(of_child(x), average(x)) < 1e-12


@few
@given(seed=st.integers(0, 2**16))
def test_so_does_an_averaged_model_which_keeps_its_count(seed: int, grow: Any, batches: Any) -> None:
    growth = grow(seed, num_fresh=1)
    average = averaged(growth, batches)
    of_child = AveragedModel(growth.child, avg_fn=halfway)
    carry_averaged_model(growth.plan, average.state_dict(), of_child)
    ((x, _),) = batches(1)
    assert relative(of_child(x), average(x)) < 1e-12
    assert int(of_child.n_averaged) == 3


def test_what_is_new_begins_with_its_present_value_and_the_child_stays(grow: Any, batches: Any) -> None:
    growth = grow(1, num_fresh=2)
    before = copy.deepcopy(growth.child.state_dict())
    found = carry_average(growth.plan, averaged(growth, batches).module.state_dict(), growth.child)
    assert torch.equal(found["0.weight"][-2:], before["0.weight"][-2:])
    torch.testing.assert_close(growth.child.state_dict(), before, rtol=0, atol=0)


def _normed(make_plan: Callable[..., TransferPlan]) -> TransferPlan:
    names = {"weight": True, "bias": True, "running_mean": False}
    axes = (AxisMap((0, 1, 1)),)
    return make_plan(
        *(Step(n, (3,), How.GATHER, n, (2,), axes, is_parameter=is_par) for n, is_par in names.items())
    )


def test_buffers_may_be_left_out_of_an_average(make_plan: Callable[..., TransferPlan]) -> None:
    child = nn.BatchNorm1d(3)
    child.running_mean = torch.full((3,), 9.0)
    found = carry_average(_normed(make_plan), {"weight": torch.ones(2), "bias": torch.zeros(2)}, child)
    assert found["running_mean"].tolist() == [9, 9, 9]


def test_parameters_may_not(make_plan: Callable[..., TransferPlan]) -> None:
    with pytest.raises(InvalidTensor, match="bias"):
        carry_average(_normed(make_plan), {"weight": torch.ones(2)}, nn.BatchNorm1d(3))


def test_a_plain_state_dict_is_no_averaged_models(grow: Any) -> None:
    growth = grow(1)
    with pytest.raises(InvalidTensor, match="n_averaged"):
        carry_averaged_model(growth.plan, growth.parent.state_dict(), AveragedModel(growth.child))
