"""Running statistics are taken anew, and nothing else of a network changes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from heredity.errors import InputError
from heredity.transfer import apply, plan_transfer, trace
from heredity.transfer.shrinking import recalibrate

torch.set_num_threads(1)


def network(kind: type[nn.Module] = nn.BatchNorm1d) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), kind(4, momentum=0.3), nn.Dropout(0.5), nn.Linear(4, 2))


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.SyncBatchNorm])
def test_statistics_become_the_mean_over_the_batches(kind: type[nn.Module]) -> None:
    module, batches = network(kind).eval(), [torch.randn(8, 3), torch.randn(8, 3) + 1]
    assert recalibrate(module, batches) == ("1",)
    read = [module[0](batch) for batch in batches]
    torch.testing.assert_close(module[1].running_mean, sum(each.mean(0) for each in read) / 2)
    torch.testing.assert_close(module[1].running_var, sum(each.var(0) for each in read) / 2)


@pytest.mark.parametrize("is_training", [False, True])
def test_all_else_is_as_before(is_training: bool) -> None:
    module = network().train(is_training)
    module[3].eval()
    before = copy.deepcopy(module)
    recalibrate(module, [torch.randn(8, 3)])
    changed = {
        name for name, value in module.state_dict().items() if not value.equal(before.state_dict()[name])
    }
    assert changed == {"1.running_mean", "1.running_var"}
    assert [each.training for each in module.modules()] == [each.training for each in before.modules()]
    assert module[1].momentum == 0.3
    assert all(parameter.grad is None for parameter in module.parameters())


def test_without_a_batch_nothing_changes() -> None:
    module = network()
    module(torch.randn(8, 3))
    before = copy.deepcopy(module.state_dict())
    with pytest.raises(InputError, match="not one batch"):
        recalibrate(module, [])
    assert all(value.equal(before[name]) for name, value in module.state_dict().items())


def test_a_batch_that_fails_leaves_everything_as_it_was() -> None:
    module = network().train()
    before = copy.deepcopy(module.state_dict())
    with pytest.raises(RuntimeError, match="shapes"):
        recalibrate(module, [torch.randn(8, 3), torch.randn(8, 5)])
    assert all(value.equal(before[name]) for name, value in module.state_dict().items())
    assert module.training


def test_statistics_that_are_proven_stay() -> None:
    parent, child, x = network(), network(), torch.randn(8, 3)
    parent(x)
    plan = plan_transfer(trace(parent, (x,)), trace(child, (x,)))
    apply(plan, parent.state_dict(), child)
    assert recalibrate(child, [x + 1], plan=plan) == ()
    means = [each.state_dict()["1.running_mean"] for each in (child, parent)]
    assert torch.equal(*means)
