"""New blocks of all shapes that add nothing at first: parallel branches, other shapes, tables, no bias."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.transfer import apply, measure_difference, plan_transfer, trace

torch.set_num_threads(1)
WIDTH = 4
Block = Callable[[], nn.Module]


class Parallel(nn.Module):
    """Two branches beside each other (GPT-J)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.one = nn.Sequential(nn.Linear(WIDTH, 6), nn.GELU(), nn.Linear(6, WIDTH))
        self.other = nn.Sequential(nn.Linear(WIDTH, 5), nn.Tanh(), nn.Linear(5, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm(x)
        result: torch.Tensor = self.one(h) + self.other(h) + x
        return result


class Flattened(nn.Module):
    """Works on rows, and gives them their shape again (OPT)."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 6), nn.ReLU(), nn.Linear(6, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows: torch.Tensor = x.reshape(-1, WIDTH)
        rows = rows + self.branch(rows)
        return rows.view(x.shape)


class Transposed(nn.Module):
    """Multiplies by transposed weights (Falcon)."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Parameter(torch.randn(6, WIDTH)), nn.Parameter(torch.randn(WIDTH, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + torch.relu(x @ self.up.T) @ self.down.T
        return result


class Chosen(nn.Module):
    """Multiplies by a matrix that is looked up (experts)."""

    def __init__(self) -> None:
        super().__init__()
        self.router, self.experts = nn.Linear(WIDTH, 3), nn.Parameter(torch.randn(3, WIDTH, WIDTH))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, WIDTH)
        experts = self.experts[self.router(rows).argmax(-1)]
        mixed: torch.Tensor = torch.bmm(experts, rows.unsqueeze(-1)).squeeze(-1).view(x.shape)
        return x + mixed


@pytest.mark.parametrize("block", [Parallel, Flattened, Transposed, Chosen])
def test_a_deeper_child_is_exact(block: Block) -> None:
    torch.manual_seed(0)

    def make(depth: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(3, WIDTH), *(block() for _ in range(depth)), nn.Linear(WIDTH, 2)
        ).double()

    x = torch.randn(5, 2, 3, dtype=torch.float64)
    father, child = make(2), make(4)
    plan = plan_transfer(trace(father, (x,)), trace(child, (x,)))
    assert plan.certificate.is_exact_in_training, plan.certificate.reason
    grown = copy.deepcopy(child)
    apply(plan, father.state_dict(), grown)
    assert measure_difference(father, grown, (x,), dtype=torch.float64).in_eval < 1e-12


def test_a_new_norm_behind_a_sum_is_refused() -> None:
    """Post-normalization: the norm that comes next has normalized the sum with its own factors already."""

    class Post(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.norm(x + self.linear(x))
            return result

    x = torch.randn(5, WIDTH)
    one, two = (nn.Sequential(*(Post() for _ in range(depth))) for depth in (1, 2))
    certificate = plan_transfer(trace(one, (x,)), trace(two, (x,))).certificate
    assert "a new aten.layer_norm.default changes what comes in" in certificate.reason


class Decoder(nn.Module):
    """Each layer reads what it has made so far, and what an encoder has made for all."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.encoder, self.begin = nn.Linear(3, WIDTH), nn.Linear(3, WIDTH)
        self.keys = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(depth))
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 6), nn.GELU(), nn.Linear(6, WIDTH), nn.GELU(),
                          nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH))
            for _ in range(depth)
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        memory = torch.tanh(self.encoder(x))
        y: torch.Tensor = self.begin(x)
        for keys, layer in zip(self.keys, self.layers, strict=True):
            y = y + layer(y) * torch.sigmoid(keys(memory))
        return y


def test_more_layers_that_all_read_one_value_are_exact() -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 3)
    certificate = plan_transfer(trace(Decoder(1), (x,)), trace(Decoder(3), (x,))).certificate
    assert certificate.is_exact_in_training, certificate.reason


def test_layers_that_join_all_before_them_are_exact() -> None:
    """A denser network, whose layers each join the same pieces anew (DenseNet: Huang et al., 2017)."""

    class Dense(nn.Module):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(3 + 2 * i, 2) for i in range(depth))
            self.last = nn.Linear(3 + 2 * depth, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            pieces = [x]
            for layer in self.layers:
                pieces.append(layer(torch.tanh(torch.cat(pieces, 1))))
            result: torch.Tensor = self.last(torch.cat(pieces, 1))
            return result

    torch.manual_seed(0)
    x = torch.randn(5, 3, dtype=torch.float64)
    father, child = Dense(2).double(), Dense(4).double()
    plan = plan_transfer(trace(father, (x,)), trace(child, (x,)))
    assert plan.certificate.is_exact_in_training, plan.certificate.reason
    apply(plan, father.state_dict(), child)
    assert measure_difference(father, child, (x,), dtype=torch.float64).in_eval < 1e-12
