"""All that a search is at one moment, as one torch module: what is saved is enough to go on bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from heredity.oneshot.differentiable.relaxing import ArchitectureParameters
from heredity.oneshot.differentiable.settings import SearchSettings

OPEN = -1
"""In `SearchState.decided`: a choice that is not decided."""


class SearchState(nn.Module):
    """Supernet, architecture, both optimizers' slots, the generator and the history.

    The slots are buffers that the optimizers work on, so that whatever saves and loads a module (torch, a
    trial, a store) saves and loads a search, in place and without pickles.

    Attributes:
        supernet: The network with its choices.
        architecture: The architecture parameters.
        step: How many steps lie behind.
        randomness: The state of torch's generator within the search.
        history: The architecture parameters after each epoch, one row each.
        curvature: The dominant eigenvalue after each epoch, where it was measured.
        decided: For each choice the position that was decided for good, or `OPEN`.
    """

    step: Tensor
    randomness: Tensor
    history: Tensor
    curvature: Tensor
    decided: Tensor

    def __init__(
        self,
        supernet: nn.Module,
        architecture: ArchitectureParameters,
        *,
        settings: SearchSettings,
        seed: int,
    ) -> None:
        """Begin a search."""
        super().__init__()
        self.supernet = supernet
        self.architecture = architecture
        self.slots = nn.Module()
        generator = torch.Generator().manual_seed(seed)
        num_numbers = sum(vector.numel() for vector in architecture.vectors)
        num_choices = len(architecture.points) + len(architecture.added)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.register_buffer("randomness", generator.get_state())
        dtype = architecture.vectors[0].dtype
        self.register_buffer("history", torch.zeros(settings.num_epochs, num_numbers, dtype=dtype))
        self.register_buffer("curvature", torch.zeros(settings.num_epochs, dtype=torch.float64))
        self.register_buffer("decided", torch.full((num_choices,), OPEN))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Run the supernet, by what is selected: so it can be recorded for children."""
        outputs: Tensor = self.supernet(*inputs)
        return outputs

    def slot(self, kind: str, owner: str, like: Tensor) -> Tensor:
        """Make a slot of an optimizer, filled with zeros, under the name of its parameter."""
        name = f"{kind}:{owner.replace('.', ':')}"  # torch keeps dots for submodules
        self.slots.register_buffer(name, torch.zeros_like(like, requires_grad=False))
        return self.slots.get_buffer(name)

    def decisions(self) -> dict[str, int]:
        """What was decided for good, by label."""
        labels = [*self.architecture.points, *self.architecture.added]
        return {
            label: position
            for label, position in zip(labels, self.decided.tolist(), strict=True)
            if position != OPEN
        }

    def decide(self, label: str, position: int) -> None:
        """Decide a choice for good."""
        labels = [*self.architecture.points, *self.architecture.added]
        self.decided[labels.index(label)] = position

    @contextmanager
    def own_randomness(self) -> Iterator[None]:
        """Draw from the search's own sequence within, and leave torch's generator outside as it was.

        Torch has one generator for all threads of a process: others that draw at the same time disturb it.
        It is the host's: what dropout draws on an accelerator is not repeated.
        """
        with self.lent_randomness():
            try:
                yield
            finally:
                self.randomness.copy_(torch.get_rng_state())

    @contextmanager
    def lent_randomness(self) -> Iterator[None]:
        """As `own_randomness`, but what is drawn within will be drawn again: for measurements."""
        outside = torch.get_rng_state()
        torch.set_rng_state(self.randomness.cpu())
        try:
            yield
        finally:
            torch.set_rng_state(outside)


def sgd(state: SearchState, *, settings: SearchSettings) -> torch.optim.SGD:
    """The optimizer of the weights, whose momentum lies in the state."""
    named = dict(_trained(state.supernet))
    chosen = settings.weights
    optimizer = torch.optim.SGD(
        list(named.values()), lr=chosen.rate, momentum=chosen.momentum, weight_decay=chosen.weight_decay
    )
    # A momentum of zero makes the same first step as none.
    for name, weight in named.items():
        if chosen.momentum:
            optimizer.state[weight]["momentum_buffer"] = state.slot("momentum", name, weight)
    return optimizer


def adam(state: SearchState, *, settings: SearchSettings) -> torch.optim.Adam:
    """The optimizer of the architecture, whose moments lie in the state."""
    chosen = settings.architecture
    optimizer = torch.optim.Adam(
        state.architecture.parameters(), lr=chosen.rate, betas=chosen.betas, weight_decay=chosen.weight_decay
    )
    for name, vector in state.architecture.named_parameters():
        optimizer.state[vector].update(
            step=state.slot("step", name, torch.zeros((), dtype=torch.float32)),
            exp_avg=state.slot("exp_avg", name, vector),
            exp_avg_sq=state.slot("exp_avg_sq", name, vector),
        )
    return optimizer


def _trained(supernet: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, weight) for name, weight in supernet.named_parameters() if weight.requires_grad)


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies, for passes that must not leave traces in the originals."""
    return {name: tensor.clone() for name, tensor in tensors.items()}
