"""Plans, read without torch."""

from __future__ import annotations

import torch
from torch import nn

import heredity as hd
from heredity.dashboard.reading.plans import plan_rows


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        moved: torch.Tensor = self.inner(torch.relu(x))
        return x + moved


def _build(width: int, depth: int) -> nn.Module:
    blocks = [_Residual(width) for _ in range(depth)]
    return nn.Sequential(nn.Linear(8, width), *blocks, nn.Linear(width, 3))


def test_a_stored_plan_is_told_in_the_plan_s_own_words() -> None:
    """Wider and deeper: gathered entries, fresh ones, zeros, and tensors that are filled."""
    store, x = hd.open_store("memory://told"), torch.ones(2, 8)
    parent = hd.save(store, _build(4, 1), key="parent", example_inputs=x)
    plan = hd.inherit(_build(6, 2), parent, example_inputs=x).plan
    told = {tensor: how for tensor, _, _, how, _ in plan_rows(plan.to_json())}
    assert told == {step.tensor: str(step) for step in plan.steps}
    assert {"gather [4 of 4, 2 fresh] [:]", "gather [:] [4 of 4, 2 zero]", "all 0"} <= set(told.values())
