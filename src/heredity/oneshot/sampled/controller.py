"""A controller that draws architectures: an LSTM, one choice after the other (Pham et al. 2018, ENAS).

What is random hangs on a seed and the step's number; the baseline is a buffer. So its state dict and its
optimizer's are all that a checkpoint needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from heredity.oneshot.walking import as_positions, choices, space_of

if TYPE_CHECKING:
    from heredity.encoding import Json

_TEMPERATURE = 5.0
_TANH = 2.5
"""Logits are 2.5 tanh(logits / 5), as in ENAS, so that none is certain before it was tried."""


@dataclass(frozen=True)
class Draw:
    """An architecture, and how likely it was.

    Attributes:
        architecture: What was drawn.
        log_probability: With gradients.
        entropy: The sum over its choices, with gradients.
    """

    architecture: Mapping[str, Json]
    log_probability: torch.Tensor
    entropy: torch.Tensor


class Controller(nn.Module):
    """Draws architectures of a supernet; `ControllerTraining` teaches it by their rewards.

    Args:
        supernet: What is searched; not kept.
        num_hidden: How wide the LSTM is.
    """

    baseline: torch.Tensor

    def __init__(self, supernet: nn.Module, *, num_hidden: int = 64) -> None:
        super().__init__()
        self.points = choices(supernet)
        self._space = space_of(supernet)
        self._numbers = {label: number for number, label in enumerate(self._space.order)}
        sizes = [len(self.points[label].values) for label in self._space.order]
        self.start = nn.Parameter(torch.zeros(1, num_hidden))
        self.cell = nn.LSTMCell(num_hidden, num_hidden)
        self.heads = nn.ModuleList(nn.Linear(num_hidden, size) for size in sizes)
        self.embeddings = nn.ModuleList(nn.Embedding(size, num_hidden) for size in sizes)
        self.register_buffer("baseline", torch.full((), torch.nan))

    def draw(self, *, seed: int) -> Draw:
        """Draw an architecture; what does not run is not decided."""
        generator = torch.Generator().manual_seed(seed)
        architecture: dict[str, Json] = {}
        value, state = self.start, None
        total = entropy = torch.zeros(())
        for label in self._space.order:
            if not self._space.is_active(label, architecture):
                continue
            number = self._numbers[label]
            state = self.cell(value, state)
            logits = _TANH * torch.tanh(self.heads[number](state[0]) / _TEMPERATURE)
            logs = logits.log_softmax(dim=1)[0]
            drawn = torch.multinomial(logs.detach().exp(), 1, generator=generator)
            architecture[label] = self.points[label].values[int(drawn)]
            total = total + logs[drawn[0]]
            entropy = entropy - (logs.exp() * logs).sum()
            value = self.embeddings[number](drawn)
        ordered = {label: architecture[label] for label in self.points if label in architecture}
        return Draw(ordered, total, entropy)


@dataclass(frozen=True)
class ControlledPaths:
    """One architecture a step, as a controller draws it; a `Sampler`.

    Attributes:
        controller: What draws; the same step gives another architecture when it has learned.
        seed: Which random numbers.
    """

    controller: Controller
    seed: int

    def draw(self, step: int) -> list[dict[str, int]]:
        """See `Sampler.draw`."""
        with torch.no_grad():
            drawn = self.controller.draw(seed=(self.seed * 1_000_003 + step) % 2**63)
        return [as_positions(self.controller.points, drawn.architecture)]
