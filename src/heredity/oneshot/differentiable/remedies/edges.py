"""Edges that keep a search from collapsing: partial channels (PC-DARTS), a skip beside the mixture (DARTS-).

Both wrap whatever lies on the edge and know nothing of it, so that they go with any space.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from heredity.errors import InputError
from heredity.oneshot.blocks import Cell, Choice
from heredity.oneshot.choosing import ChoicePoint, Choosing, Condition, Copy

if TYPE_CHECKING:
    from heredity.oneshot.origins import Origins

_BETA: ContextVar[float] = ContextVar("beta of DARTS-", default=0.0)


def channel_shuffle(x_NCHW: Tensor, groups: int) -> Tensor:  # noqa: N803  # shapes beside tensors
    """Take one channel of each group in turn: a permutation of the channels.

    Raises:
        InputError: The channels cannot be divided into so many equal groups.
    """
    num_channels = x_NCHW.shape[1]
    if num_channels % groups:
        raise InputError(f"channel_shuffle: {num_channels} channels cannot be divided into {groups} groups.")
    num_rows, _, *image = x_NCHW.shape
    grouped = x_NCHW.reshape(num_rows, groups, num_channels // groups, *image)
    return grouped.transpose(1, 2).flatten(1, 2)


class PartialChannels(nn.Module):
    """An edge that works on a part of the channels and hands on the rest (Xu et al. 2020, "PC-DARTS").

    The rest passes by maximum pooling where the edge halves the image; a shuffle then lets every channel take
    its turn. A search needs about ``proportion`` times less memory, and skips no longer win by being free.
    """

    def __init__(self, edge: nn.Module, *, proportion: int = 4) -> None:
        """Wrap an edge.

        Args:
            edge: What works on ``num_channels // proportion`` channels.
            proportion: Of so many channels one passes through the edge; 4 as published.
        """
        super().__init__()
        self.edge = edge
        self.proportion = proportion

    def forward(self, x_NCHW: Tensor) -> Tensor:  # noqa: N803
        """All channels, of which the first part went through the edge."""
        if x_NCHW.shape[1] % self.proportion:
            raise InputError(
                f"PartialChannels: {x_NCHW.shape[1]} channels, of which 1 in {self.proportion} should pass."
            )
        num_inside = x_NCHW.shape[1] // self.proportion
        inside = self.edge(x_NCHW[:, :num_inside])
        beside = x_NCHW[:, num_inside:]
        if inside.shape[2:] != beside.shape[2:]:
            beside = functional.max_pool2d(beside, 2, 2)
        return channel_shuffle(torch.cat([inside, beside], dim=1), self.proportion)


class AuxiliarySkip(Choosing):
    """An edge with a skip beside it, whose share fades during the search (Chu et al. 2021, "DARTS-").

    Early in a search a skip wins since it carries gradients, not since it is a good operator. The auxiliary
    skip carries them in its stead: ``edge(x) + beta * skip(x)``, with beta falling from 1 to 0. What is
    derived has no such skip, and at beta = 0 it is not computed.
    """

    def __init__(self, edge: nn.Module, *, skip: nn.Module | None = None) -> None:
        """Wrap an edge.

        Args:
            edge: The mixture, or whatever lies on the edge.
            skip: What goes beside it; the identity by default. An edge that halves the image needs one that
                does so too.
        """
        super().__init__()
        self.edge = edge
        self.skip = nn.Identity() if skip is None else skip

    @classmethod
    def like_the_candidate(cls, edge: nn.Module, *, name: str = "skip_connect") -> AuxiliarySkip:
        """Beside the choice on an edge goes a copy of its own skip, which halves the image if the edge does.

        Raises:
            InputError: There is no choice, or it has no such candidate.
        """
        for choice in edge.modules():
            if isinstance(choice, Choice) and name in choice.candidates:
                return cls(edge, skip=copy.deepcopy(choice.candidates[name]))
        raise InputError(f"AuxiliarySkip: expected a choice with a candidate {name!r} on the edge.")

    def points(self) -> Iterator[ChoicePoint]:
        """It decides nothing."""
        return iter(())

    def branches(self) -> Iterator[tuple[nn.Module, tuple[Condition, ...]]]:
        """The edge; the skip has no choices."""
        yield self.edge, ()

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> nn.Module:  # noqa: ARG002  # nothing to decide
        """The edge alone: what is derived has no auxiliary skip."""
        return copy(self.edge)

    def forward(self, x: Tensor) -> Tensor:
        """The edge, and as much of the skip as `auxiliary_skips` says."""
        beta = _BETA.get()
        y: Tensor = self.edge(x)
        return y + beta * self.skip(x) if beta else y


@contextmanager
def auxiliary_skips(beta: float) -> Iterator[None]:
    """Within it, and in this thread alone, every `AuxiliarySkip` adds so much of its skip."""
    token = _BETA.set(beta)
    try:
        yield
    finally:
        _BETA.reset(token)


def wrap_edges(supernet: nn.Module, wrap: Callable[[nn.Module], nn.Module]) -> None:
    """Put something around each edge of each cell of a supernet, in place.

    Example:
        ``wrap_edges(supernet, PartialChannels)``, where the candidates were made for a quarter of the
        channels; ``wrap_edges(supernet, AuxiliarySkip.like_the_candidate)`` for DARTS-.

    Args:
        supernet: Its cells are changed.
        wrap: What to put around an edge.

    Raises:
        InputError: There is no cell.
    """
    cells = [module for module in supernet.modules() if isinstance(module, Cell)]
    if not cells:
        raise InputError(
            "wrap_edges: the supernet has no cell.", hint="Wrap its choices where they are made."
        )
    for cell in cells:
        for name, edge in list(cell.edges.items()):
            cell.edges[name] = wrap(edge)
