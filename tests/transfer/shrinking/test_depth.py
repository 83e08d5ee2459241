"""A shallower child keeps the first blocks of each stage, of which trained networks make most."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from heredity.transfer import TransferPlan, Verdict, plan_transfer, trace

torch.set_num_threads(1)


class Block(nn.Module):
    """A pre-norm block of two branches, as transformers have; or one of convolutions."""

    def __init__(self, width: int, *, is_convolution: bool) -> None:
        super().__init__()
        self.is_convolution = is_convolution
        self.norm = nn.BatchNorm1d(width) if is_convolution else nn.LayerNorm(width)
        self.one = nn.Conv1d(width, width, 3, padding=1) if is_convolution else nn.Linear(width, width)
        self.two = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.one(self.norm(x).relu())
        return x if self.is_convolution else x + self.two(x.tanh())


def stages(depths: tuple[int, ...], *, is_convolution: bool) -> nn.Module:
    parts: list[nn.Module] = [nn.Conv1d(4, 4, 1) if is_convolution else nn.Linear(4, 4)]
    for depth in depths:
        parts += [Block(4, is_convolution=is_convolution) for _ in range(depth)]
        parts += [nn.AvgPool1d(2)] if is_convolution else []
    return nn.Sequential(*parts)


def planned(theirs: tuple[int, ...], ours: tuple[int, ...], *, is_convolution: bool) -> TransferPlan:
    x = torch.zeros(2, 4, 4) if not is_convolution else torch.zeros(2, 4, 16)
    graphs = [trace(stages(depths, is_convolution=is_convolution), (x,)) for depths in (theirs, ours)]
    return plan_transfer(*graphs)


def sources(plan: TransferPlan) -> dict[str, str]:
    return {step.tensor: step.source for step in plan.steps if step.tensor.endswith("one.weight")}


def test_the_first_blocks_of_a_transformer_are_kept() -> None:
    plan = planned((5,), (3,), is_convolution=False)
    assert sources(plan) == {f"{i}.one.weight": f"{i}.one.weight" for i in (1, 2, 3)}
    assert plan.by_tensor["3.two.weight"].source == "3.two.weight"


def test_the_first_blocks_of_each_stage_are_kept() -> None:
    found = sources(planned((3, 4), (2, 2), is_convolution=True))
    expected = {1: 1, 2: 2, 4: 5, 5: 6}
    assert found == {f"{ours}.one.weight": f"{theirs}.one.weight" for ours, theirs in expected.items()}


def test_what_is_behind_a_lost_block_is_approximate() -> None:
    """And so is the whole; what is before it is still the parent's."""
    plan = planned((3, 2), (2, 2), is_convolution=True)
    assert not plan.certificate.is_exact
    verdicts = plan.certificate.tensors
    assert verdicts["2.one.weight"].verdict is Verdict.EXACT
    assert verdicts["4.one.weight"].verdict is Verdict.APPROXIMATE


class Attending(nn.Module):
    """A block of attention and a feed-forward block, which lengthy attention would be mistaken for."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(8) for _ in range(2))
        self.one, self.out, self.two = nn.Linear(8, 24), nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = (
            part.unflatten(-1, (2, 4)).transpose(1, 2) for part in self.one(self.norms[0](x)).chunk(3, -1)
        )
        mixed = nn.functional.scaled_dot_product_attention(*parts)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        result: torch.Tensor = x + self.two(nn.functional.gelu(self.norms[1](x)))
        return result


class Reading(nn.Sequential):
    """Blocks behind an embedding to which places are added, as in a vision transformer."""

    def __init__(self, depth: int) -> None:
        super().__init__(nn.Linear(8, 8), *(Attending() for _ in range(depth)), nn.LayerNorm(8))
        self.places = nn.Parameter(torch.zeros(4, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *others = self
        x = first(x) + self.places
        for each in others:
            x = each(x)
        return x


@pytest.mark.parametrize(("theirs", "ours"), [(4, 2), (6, 4), (6, 3), (5, 1)])
def test_whole_blocks_are_left_out(theirs: int, ours: int) -> None:
    graphs = [trace(Reading(depth), (torch.zeros(2, 4, 8),)) for depth in (theirs, ours)]
    for step in plan_transfer(*graphs).steps:
        number = int(step.tensor.split(".")[0]) if step.tensor != "places" else 0
        expected = step.tensor if number <= ours else f"{theirs + 1}.{step.tensor.split('.')[1]}"
        assert step.source == expected
