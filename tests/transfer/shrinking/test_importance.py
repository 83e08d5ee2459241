"""A narrower child keeps what its parent's weights make most of, and nothing lost is called exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from heredity.transfer import TransferPlan, Verdict, apply, measure_difference, plan_transfer, trace
from heredity.transfer.shrinking import by_importance, recalibrate

torch.set_num_threads(1)


def planned(
    parent: nn.Module, child: nn.Module, x: torch.Tensor, **options: Any
) -> TransferPlan:  # handed on
    keep = by_importance(parent.state_dict())
    return plan_transfer(trace(parent, (x,)), trace(child, (x,)), keep=keep)


def two_layers(width: int) -> Any:  # the parts of a sequence have no types
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


def test_the_units_with_the_largest_weights_are_kept_in_order() -> None:
    parent = two_layers(6)
    with torch.no_grad():
        parent[0].weight[[4, 1]] *= 100
        parent[2].weight[:, [4, 1]] *= 100
    plan = planned(parent, two_layers(2), torch.zeros(5, 3))
    assert plan.by_tensor["0.weight"].axes[0].sources == (1, 4)
    assert plan.by_tensor["0.bias"].axes[0].sources == (1, 4)
    assert plan.by_tensor["2.weight"].axes[1].sources == (1, 4)


def test_units_that_do_nothing_are_lost_without_a_loss() -> None:
    """Measured to be equal; still not called exact, since a proof does not look at values."""
    torch.manual_seed(0)
    parent, child = two_layers(6), two_layers(4)
    with torch.no_grad():
        for dead in (0, 3):
            parent[0].weight[dead] = parent[0].bias[dead] = 0.0
            parent[2].weight[:, dead] = 0.0
    x = torch.randn(5, 3)
    plan = planned(parent, child, x)
    apply(plan, parent.state_dict(), child)
    assert measure_difference(parent, child, (x,), dtype=torch.float64).in_eval < 1e-12
    assert not plan.certificate.is_exact


def test_a_head_is_kept_or_lost_as_a_whole() -> None:
    class Heads(nn.Module):
        def __init__(self, heads: int) -> None:
            super().__init__()
            self.heads = heads
            self.qkv, self.out = nn.Linear(8, heads * 12), nn.Linear(heads * 4, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            q, k, v = (
                part.unflatten(-1, (self.heads, 4)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1)
            )
            mixed = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            result: torch.Tensor = self.out(mixed)
            return result

    parent = Heads(3)
    with torch.no_grad():
        parent.out.weight[:, :4] = 0.01
    plan = planned(parent, Heads(2), torch.zeros(2, 5, 8))
    assert plan.by_tensor["out.weight"].axes[1].sources == tuple(range(4, 12))
    expected = [*range(4, 12), *range(16, 24), *range(28, 36)]
    assert plan.by_tensor["qkv.weight"].axes[0].sources == tuple(expected)


def test_classes_keep_their_numbers() -> None:
    parent, child = nn.Linear(3, 6), nn.Linear(3, 4)
    with torch.no_grad():
        parent.weight[5] *= 100
    assert planned(parent, child, torch.zeros(2, 3)).by_tensor["weight"].axes[0].sources == (0, 1, 2, 3)


def test_a_vocabulary_keeps_its_first_words() -> None:
    def network(words: int) -> Any:  # the parts of a sequence have no types
        return nn.Sequential(nn.Embedding(words, 3), nn.Linear(3, 2))

    parent = network(6)
    with torch.no_grad():
        parent[0].weight[5] *= 100
    plan = planned(parent, network(4), torch.zeros(2, 3, dtype=torch.long))
    assert plan.by_tensor["0.weight"].axes[0].sources == (0, 1, 2, 3)
    assert plan.certificate.tensors["0.weight"].verdict is Verdict.APPROXIMATE


def test_growth_is_as_without() -> None:
    parent, child = two_layers(4), two_layers(6)
    graphs = trace(parent, (torch.zeros(5, 3),)), trace(child, (torch.zeros(5, 3),))
    assert planned(parent, child, torch.zeros(5, 3)) == plan_transfer(*graphs)


def test_it_is_better_than_the_first_entries(digits: Any, convolutional: Any) -> None:  # of the conftest
    """Over three widths of the child; a single one may go either way."""

    def accuracy(keep: Callable[..., Any] | None) -> float:
        total = 0.0
        for width in (10, 8, 6):
            child, graph = convolutional.child(width)
            plan = plan_transfer(convolutional.graph, graph, keep=keep)
            apply(plan, convolutional.tensors, child)
            recalibrate(child, [digits.probe], plan=plan)
            total += digits.accuracy(child)
        return total / 3

    assert accuracy(by_importance(convolutional.tensors)) > accuracy(None) + 0.02
