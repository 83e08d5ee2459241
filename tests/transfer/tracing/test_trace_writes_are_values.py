"""Whatever views are taken of a tensor, and however they are written: the graph computes the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from heredity.transfer import StoredNetwork, trace

Step = Callable[[list[torch.Tensor], int, int], None]


def reshaped(values: list[torch.Tensor], i: int, k: int) -> None:
    values.append(values[i].reshape(-1) if k % 2 else values[i].unsqueeze(0))


def sliced(values: list[torch.Tensor], i: int, k: int) -> None:
    axis = k % values[i].dim()
    values.append(values[i].narrow(axis, 0, max(1, values[i].shape[axis] // 2)))


def selected(values: list[torch.Tensor], i: int, k: int) -> None:
    if values[i].dim() > 1:
        values.append(values[i].select(k % values[i].dim(), -1))


def turned(values: list[torch.Tensor], i: int, _: int) -> None:
    values.append(values[i].transpose(0, -1))


def cut(values: list[torch.Tensor], i: int, k: int) -> None:
    values.extend(values[i].chunk(2, k % values[i].dim()))


def copied(values: list[torch.Tensor], i: int, k: int) -> None:
    values.append(values[i].contiguous() if k % 2 else values[i].clone())


def dropped(values: list[torch.Tensor], i: int, _: int) -> None:
    values.append(nn.functional.dropout(values[i], 0.5, training=False))


def scaled(values: list[torch.Tensor], i: int, k: int) -> None:
    values[i].mul_(k + 2)


def rectified(values: list[torch.Tensor], i: int, _: int) -> None:
    values[i].relu_()


def overwritten(values: list[torch.Tensor], i: int, k: int) -> None:
    values[i].copy_(values[k % len(values)].sum().expand_as(values[i]))


STEPS: list[Step] = [
    reshaped, sliced, selected, turned, cut, copied, dropped, scaled, rectified, overwritten,
]  # fmt: skip


class Program(nn.Module):
    """Views and writes in a given order, of which all values are returned at the end."""

    def __init__(self, steps: list[tuple[Step, int, int]]) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        values = [x + 1]
        for step, i, k in self.steps:
            step(values, i % len(values), k)
        return values


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.integers(0, 9)), max_size=9))
@settings(max_examples=60, deadline=None)
def test_a_program_of_views_and_writes_runs_from_its_graph(steps: list[tuple[Step, int, int]]) -> None:
    x = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    program = Program(steps)
    found = StoredNetwork(trace(program, (x,)), {})(x)
    ours = found if isinstance(found, tuple) else (found,)
    for a, b in zip(ours, program(x), strict=True):
        # Sums are rounded otherwise where a copy lies in memory in another order.
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-9)
