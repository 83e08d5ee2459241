"""Recurrent layers: a unit goes with its gates, and new ones are not listened to at first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn

from heredity.transfer import Certificate

STEPS = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
KINDS: Mapping[str, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "elman": nn.RNN}


class Reading(nn.Module):
    """A linear layer, a recurrent one, and one that reads its states, or the last one."""

    def __init__(
        self, kind: str, hidden: int, *, width: int = 4, reads: str = "all", **settings: object
    ) -> None:
        super().__init__()
        self.first = nn.Linear(3, width)
        self.body = KINDS[kind](width, hidden, batch_first=True, **settings)  # type: ignore[arg-type]
        directions = 2 if settings.get("bidirectional") and reads == "all" else 1
        self.last, self.reads = nn.Linear(directions * hidden, 2), reads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, last = self.body(self.first(x))
        last = last[0] if isinstance(last, tuple) else last
        result: torch.Tensor = self.last(states if self.reads == "all" else last[-1])
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("reads", ["all", "last"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_wider_states_are_exact(  # one for each property
    kind: str,
    layers: int,
    bidirectional: bool,
    reads: str,
    growth: str,
    grow: Callable[..., Certificate],
) -> None:
    father, child = (
        Reading(kind, hidden, width=width, reads=reads, num_layers=layers, bidirectional=bidirectional)
        for hidden, width in ((3, 4), (5, 6))
    )
    certificate = grow(father, child, STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize("growth", ["fresh", "copy"])
def test_a_layer_without_biases_is_exact(growth: str, grow: Callable[..., Certificate]) -> None:
    father, child = (Reading("gru", hidden, bias=False) for hidden in (3, 6))
    assert grow(father, child, STEPS, growth=growth).is_exact_in_training


def test_a_relu_network_is_exact(grow: Callable[..., Certificate]) -> None:
    father, child = (Reading("elman", hidden, nonlinearity="relu") for hidden in (3, 6))
    assert grow(father, child, STEPS).is_exact_in_training


class _Unrolled(nn.Module):
    """A cell in a loop, that begins with zeros or with a state that is learned."""

    def __init__(self, cell: type[nn.Module], hidden: int, *, is_learned: bool) -> None:
        super().__init__()
        self.cell = cell(3, hidden)
        self.start = nn.Parameter(torch.randn(1, hidden)) if is_learned else None
        self.hidden, self.last = hidden, nn.Linear(hidden, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        start = x.new_zeros(x.shape[0], self.hidden)
        state = start if self.start is None else self.start.expand(x.shape[0], -1)
        memory = start
        for step in x.unbind(1):
            if isinstance(self.cell, nn.LSTMCell):
                state, memory = self.cell(step, (state, memory))
            else:
                state = self.cell(step, state)
        result: torch.Tensor = self.last(state)
        return result


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_a_cell_in_a_loop_is_exact(
    cell: type[nn.Module], growth: str, grow: Callable[..., Certificate]
) -> None:
    father, child = (_Unrolled(cell, hidden, is_learned=False) for hidden in (3, 5))
    certificate = grow(father, child, STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize("growth", ["fresh", "copy"])
def test_a_state_that_is_learned_grows_too(growth: str, grow: Callable[..., Certificate]) -> None:
    father, child = (_Unrolled(nn.GRUCell, hidden, is_learned=True) for hidden in (3, 5))
    certificate = grow(father, child, STEPS, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize(
    ("ours", "theirs", "reason"),
    [
        ({"num_layers": 2}, {}, "there are 2 layers and directions, in the parent 1"),
        ({"bias": False}, {}, "has_biases is False, in the parent True"),
        ({"proj_size": 2}, {"proj_size": 2}, "its hidden states are projected"),
    ],
)
def test_what_recurrent_layers_refuse_is_named(
    ours: dict[str, object], theirs: dict[str, object], reason: str, grow: Callable[..., Certificate]
) -> None:
    class Plain(nn.Module):
        def __init__(self, hidden: int, settings: dict[str, object]) -> None:
            super().__init__()
            self.body = nn.LSTM(3, hidden, **settings)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.body(x)[0].mean(-1)
            return result

    assert reason in grow(Plain(3, theirs), Plain(4, ours), STEPS).reason


def test_narrower_states_are_approximate(grow: Callable[..., Certificate]) -> None:
    assert "are left out" in grow(Reading("lstm", 5), Reading("lstm", 3), STEPS).reason
