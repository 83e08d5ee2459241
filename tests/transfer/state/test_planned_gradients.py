"""What plans say of gradients is so: in networks of many kinds the child's is the parent's, mapped."""

from __future__ import annotations

import copy
import random
from typing import Any, Literal

import pytest
import torch
from torch import nn, optim

from heredity.testing.architectures import KINDS, Pair, random_pair
from heredity.transfer import TransferPlan, apply, plan_transfer, trace
from heredity.transfer.state import carry_optimizer_state, named_optimizer_state

torch.set_num_threads(1)

GROWTHS: tuple[Literal["copy", "fresh"], ...] = ("copy", "fresh")
FEW = ("plain", "residual", "inverted", "grouped", "dense", "gpt")


def learned(module: nn.Module, pair: Pair) -> optim.Optimizer:
    """A step with a rate of zero: its momentum is the gradient, and the weights stay."""
    optimizer = optim.SGD(module.parameters(), lr=0.0, momentum=0.9)
    output: Any = module.eval()(*pair.inputs)
    while not isinstance(output, torch.Tensor):
        output = next(iter(output.values())) if isinstance(output, dict) else output[0]
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(output.shape, generator=generator, dtype=output.dtype)
    torch.autograd.backward((output * weights).sum())
    optimizer.step()
    return optimizer


def has_means(plan: TransferPlan) -> bool:
    """Then a layer norm's gradient depends on more than the parent's: what is carried is near, not equal."""
    return any(-3 in axis.sources for step in plan.steps for axis in step.axes)


def check(pair: Pair, known: Any) -> int:
    """Compare what is carried with the child's own, by both ways to grow; in how many there was anything."""
    parent_graph, child_graph = (trace(module, pair.inputs) for module in (pair.parent, pair.child))
    state = named_optimizer_state(pair.parent, learned(pair.parent, pair))
    num_checked = 0
    for growth in GROWTHS:
        # Noise is a part of weights through which the gradient of what lies before them flows back.
        plan = plan_transfer(parent_graph, child_graph, growth=growth, noise=0.0)
        if plan.certificate.is_exact and not has_means(plan):
            child = copy.deepcopy(pair.child)
            apply(plan, pair.parent.state_dict(), child)
            optimizer = optim.SGD(child.parameters(), lr=0.0, momentum=0.9)
            report = carry_optimizer_state(plan, state, child, optimizer)
            own = learned(child, pair)
            for name in report.carried:
                parameter, step = child.get_parameter(name), plan.by_tensor[name]
                found, expected = (each.state[parameter]["momentum_buffer"] for each in (optimizer, own))
                difference = (found - expected)[known(step)].abs().max()
                # A bias of keys has no gradient but rounding.
                assert difference <= 1e-9 * expected.abs().max() + 1e-12, (str(pair), growth, name, str(step))
            num_checked += bool(report.carried)
    return num_checked


@pytest.mark.parametrize("kind", FEW)
def test_the_childs_gradient_is_the_parents_mapped(kind: str, known: Any) -> None:
    rng = random.Random(1)
    assert sum(check(random_pair(rng, kinds=[kind]), known) for _ in range(3)) >= 2


def test_noise_parts_the_gradients_of_copies_and_leaves_their_sum() -> None:
    torch.manual_seed(0)
    parent, child = (nn.Sequential(nn.Linear(3, n), nn.Tanh(), nn.Linear(n, 2)).double() for n in (2, 4))
    inputs = (torch.randn(5, 3, dtype=torch.float64),)
    pair = Pair("mlp", {}, parent, child, inputs, {})
    plan = plan_transfer(trace(parent, inputs), trace(child, inputs), growth="copy", noise=0.5)
    apply(plan, parent.state_dict(), child)
    learned(parent, pair)
    learned(child, pair)
    theirs, ours = (module.get_parameter("0.weight").grad for module in (parent, child))
    assert theirs is not None
    assert ours is not None
    sources = torch.tensor(plan.by_tensor["0.weight"].axes[0].sources)
    torch.testing.assert_close(torch.zeros_like(theirs).index_add(0, sources, ours), theirs)
    assert not torch.allclose(ours, theirs[sources] / 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_so_it_is_in_every_kind_of_network(kind: str, known: Any) -> None:
    for seed in range(3):
        check(random_pair(random.Random(seed), kinds=[kind]), known)
