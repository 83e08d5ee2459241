"""Networks that go through time or along edges: LSTM, GRU, selective state spaces, graphs, sets."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from heredity.testing.architectures.kinds import Style, features, kind, steps
from heredity.testing.architectures.layers import RMSNorm, Sum, Tensor, activation, run


class _Recurrent(nn.Module):
    def __init__(self, body: nn.RNNBase, *, reads: str) -> None:
        super().__init__()
        self.body = body
        self.reads = reads
        size = body.hidden_size * (2 if body.bidirectional else 1)
        self.head = nn.Linear(size, 2)

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor = self.body(x)[0]
        return run(self.head, states[:, -1] if self.reads == "last" else states)


_RECURRENT_SIZES = {"hidden": (3, 4, 6), "layers": (1, 2)}
_RECURRENT_STYLES: Mapping[str, tuple[Style, ...]] = {
    "bidirectional": (False, True),
    "reads": ("last", "all"),
    "dropout": (False, True),
}


@kind(steps, sizes=_RECURRENT_SIZES, styles=_RECURRENT_STYLES)
def lstm(*, hidden: int, layers: int, bidirectional: bool, reads: str, dropout: bool) -> nn.Module:
    """Torch's LSTM."""
    rate = 0.1 if dropout and layers > 1 else 0.0
    body = nn.LSTM(3, hidden, layers, batch_first=True, bidirectional=bidirectional, dropout=rate)
    return _Recurrent(body, reads=reads)


@kind(steps, sizes=_RECURRENT_SIZES, styles=_RECURRENT_STYLES)
def gru(*, hidden: int, layers: int, bidirectional: bool, reads: str, dropout: bool) -> nn.Module:
    """Torch's GRU."""
    rate = 0.1 if dropout and layers > 1 else 0.0
    body = nn.GRU(3, hidden, layers, batch_first=True, bidirectional=bidirectional, dropout=rate)
    return _Recurrent(body, reads=reads)


@kind(steps, sizes=_RECURRENT_SIZES, styles={**_RECURRENT_STYLES, "act": ("tanh", "relu")})
def elman(*, hidden: int, layers: int, bidirectional: bool, reads: str, dropout: bool, act: str) -> nn.Module:
    """Torch's plain recurrent network."""
    rate = 0.1 if dropout and layers > 1 else 0.0
    body = nn.RNN(
        3, hidden, layers, nonlinearity=act, batch_first=True, bidirectional=bidirectional, dropout=rate
    )
    return _Recurrent(body, reads=reads)


class _Unrolled(nn.Module):
    """A cell that is called once a step."""

    def __init__(self, hidden: int, *, cell: str) -> None:
        super().__init__()
        self.hidden = hidden
        self.has_memory = cell == "lstm"
        self.cell: nn.Module = nn.LSTMCell(3, hidden) if self.has_memory else nn.GRUCell(3, hidden)
        self.head = nn.Linear(hidden, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = memory = x.new_zeros(x.shape[0], self.hidden)
        for step in x.unbind(1):
            if self.has_memory:
                state, memory = self.cell(step, (state, memory))
            else:
                state = run(self.cell, step, state)
        return run(self.head, state)


@kind(steps, sizes={"hidden": (3, 4, 6)}, styles={"cell": ("lstm", "gru")})
def unrolled(*, hidden: int, cell: str) -> nn.Module:
    """A recurrent cell in a loop."""
    return _Unrolled(hidden, cell=cell)


class _StateSpace(nn.Module):
    """A selective state space with its scan unrolled, as in Mamba. Input and result BTC."""

    def __init__(self, width: int, *, inner: int, state: int, rank: int) -> None:
        super().__init__()
        self.state, self.rank = state, rank
        self.entry = nn.Linear(width, 2 * inner, bias=False)
        self.conv = nn.Conv1d(inner, inner, 3, groups=inner, padding=2)
        self.select = nn.Linear(inner, rank + 2 * state, bias=False)
        self.step = nn.Linear(rank, inner)
        self.decay = nn.Parameter(torch.randn(inner, state))
        self.direct = nn.Parameter(torch.ones(inner))
        self.exit = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        x, gate = run(self.entry, x).chunk(2, -1)
        x = functional.silu(run(self.conv, x.transpose(1, 2))[..., :length].transpose(1, 2))
        rank, write, read = torch.split(run(self.select, x), [self.rank, self.state, self.state], -1)
        step = functional.softplus(run(self.step, rank))
        keeps = torch.exp(step.unsqueeze(-1) * -torch.exp(self.decay))
        writes = (step * x).unsqueeze(-1) * write.unsqueeze(2)
        state = torch.zeros_like(writes[:, 0])
        results = []
        for number in range(length):
            state = keeps[:, number] * state + writes[:, number]
            results.append((state * read[:, number].unsqueeze(1)).sum(-1))
        y = torch.stack(results, 1) + self.direct * x
        return run(self.exit, y * functional.silu(gate))


@kind(steps, sizes={"width": (4, 6), "inner": (4, 6, 8), "state": (2, 3), "rank": (1, 2), "depth": (1, 2)})
def state_space(*, width: int, inner: int, state: int, rank: int, depth: int) -> nn.Module:
    """Selective state spaces, as Mamba."""
    layers = [
        Sum(nn.Sequential(RMSNorm(width), _StateSpace(width, inner=inner, state=state, rank=rank)))
        for _ in range(depth)
    ]
    return nn.Sequential(nn.Linear(3, width), *layers, RMSNorm(width), nn.Linear(width, 2))


class _Graph(nn.Module):
    """Each place takes the mean of its neighbours on a ring. Input BTC."""

    neighbours: Tensor

    def __init__(self, *, hidden: int, depth: int, act: str, is_summed: bool) -> None:
        super().__init__()
        sizes = [3] + [hidden] * depth
        self.own = nn.ModuleList(nn.Linear(a, hidden) for a in sizes[:depth])
        self.others = nn.ModuleList(nn.Linear(a, hidden, bias=False) for a in sizes[:depth])
        self.head = nn.Linear(hidden, 2)
        self.act = activation(act)
        self.is_summed = is_summed
        ring = torch.eye(5).roll(1, 0) + torch.eye(5).roll(-1, 0)
        self.register_buffer("neighbours", ring / 2, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        for own, others in zip(self.own, self.others, strict=True):
            x = run(self.act, run(own, x) + run(others, self.neighbours @ x))
        return run(self.head, x.sum(1) if self.is_summed else x.amax(1))


@kind(
    steps,
    sizes={"hidden": (3, 4, 6), "depth": (1, 2)},
    styles={"act": ("relu", "silu"), "is_summed": (True, False)},
)
def graph_network(*, hidden: int, depth: int, act: str, is_summed: bool) -> nn.Module:
    """Messages along the edges of a ring, read by the sum or the largest of all places."""
    return _Graph(hidden=hidden, depth=depth, act=act, is_summed=is_summed)


class _Modulated(nn.Module):
    def __init__(self, *, hidden: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Linear(7, hidden)
        self.condition = nn.Sequential(nn.Linear(7, condition), nn.SiLU(), nn.Linear(condition, 2 * hidden))
        self.norm = nn.LayerNorm(hidden, elementwise_affine=False)
        self.head = nn.Linear(hidden, 3)

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = run(self.condition, x).chunk(2, -1)
        hidden = run(self.norm, run(self.first, x)) * (1 + scale) + shift
        return run(self.head, functional.gelu(hidden))


@kind(features, sizes={"hidden": (4, 6, 8), "condition": (3, 5)})
def modulated(*, hidden: int, condition: int) -> nn.Module:
    """One branch scales and shifts the other, as FiLM and diffusion transformers do."""
    return _Modulated(hidden=hidden, condition=condition)
