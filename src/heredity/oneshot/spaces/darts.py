"""DARTS' space for CIFAR: two kinds of cells, each repeated (Liu et al. 2019, arXiv:1806.09055)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from heredity.oneshot.blocks import Cell, Edge
from heredity.oneshot.spaces.operators import (
    FactorizedReduce,
    MeanPlaces,
    Zero,
    dilated,
    pool,
    relu_conv_norm,
    separable,
)

if TYPE_CHECKING:
    from heredity.encoding import Json

NUM_NODES = 4
_STEM_FACTOR = 3


class DartsNetwork(nn.Module):
    """The network of DARTS as a model space; by default the one that is searched.

    The labels are ``normal/<node>/<source>`` and ``reduce/…``, and ``…/inputs`` for the two edges that a node
    keeps. ``none`` only mixes. In a search that mixes, a node adds all its edges: their weights are 1.

    For the published evaluation, freeze one with ``channels=36, num_cells=20, affine=True,
    normalized_pools=False`` to an architecture. There is no auxiliary head and no drop path.

    Args:
        channels: Of the first cells; doubled at each reduction.
        num_cells: How many there are; those at one and two thirds reduce.
        num_classes: How many classes there are.
        affine: Whether batch normalizations in cells have factors.
        normalized_pools: Whether a batch normalization follows each pooling.
    """

    def __init__(
        self,
        *,
        channels: int = 16,
        num_cells: int = 8,
        num_classes: int = 10,
        affine: bool = False,
        normalized_pools: bool = True,
    ) -> None:
        super().__init__()
        num_before_last = num_last = _STEM_FACTOR * channels
        self.stem = nn.Sequential(nn.Conv2d(3, num_last, 3, padding=1, bias=False), nn.BatchNorm2d(num_last))
        self.cells = nn.ModuleList()
        pool_affine = affine if normalized_pools else None
        was_reduced = False
        for number in range(num_cells):
            is_reducing = number in {num_cells // 3, 2 * num_cells // 3}
            channels *= 2 if is_reducing else 1
            before = (
                FactorizedReduce(num_before_last, channels, affine=affine)
                if was_reduced
                else relu_conv_norm(num_before_last, channels, kernel=1, affine=affine)
            )
            last = relu_conv_norm(num_last, channels, kernel=1, affine=affine)
            operators = _operators(channels, is_reducing=is_reducing, affine=affine, pool_affine=pool_affine)
            self.cells.append(
                _DartsCell(before, last, operators, label="reduce" if is_reducing else "normal")
            )
            num_before_last, num_last, was_reduced = num_last, NUM_NODES * channels, is_reducing
        self.head = nn.Sequential(MeanPlaces(), nn.Linear(num_last, num_classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Classify."""
        before_last = last = self.stem(images)
        for cell in self.cells:
            before_last, last = last, cell(before_last, last)
        logits: torch.Tensor = self.head(last)
        return logits


class _DartsCell(nn.Module):
    """A cell, after both its inputs were brought to one size."""

    def __init__(
        self,
        before: nn.Module,
        last: nn.Module,
        operators: Mapping[str, Callable[[Edge], nn.Module]],
        *,
        label: str,
    ) -> None:
        super().__init__()
        self.before_last = before
        self.last = last
        self.cell = Cell(operators, num_nodes=NUM_NODES, label=label, mixed_only=("none",))

    def forward(self, before_last: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.cell(self.before_last(before_last), self.last(last))
        return output


def _operators(
    num: int, *, is_reducing: bool, affine: bool, pool_affine: bool | None
) -> dict[str, Callable[[Edge], nn.Module]]:
    def stride(edge: Edge) -> int:
        return 2 if is_reducing and edge.is_from_input else 1

    def skip(edge: Edge) -> nn.Module:
        return nn.Identity() if stride(edge) == 1 else FactorizedReduce(num, num, affine=affine)

    return {
        "none": lambda edge: Zero(stride(edge)),
        "max_pool_3x3": lambda edge: pool("max", num, stride=stride(edge), affine=pool_affine),
        "avg_pool_3x3": lambda edge: pool("avg", num, stride=stride(edge), affine=pool_affine),
        "skip_connect": skip,
        "sep_conv_3x3": lambda edge: separable(num, kernel=3, stride=stride(edge), affine=affine),
        "sep_conv_5x5": lambda edge: separable(num, kernel=5, stride=stride(edge), affine=affine),
        "dil_conv_3x3": lambda edge: dilated(num, kernel=3, stride=stride(edge), affine=affine),
        "dil_conv_5x5": lambda edge: dilated(num, kernel=5, stride=stride(edge), affine=affine),
    }


def genotype(label: str, edges: Sequence[tuple[str, int]]) -> dict[str, Json]:
    """Turn one cell of a genotype as the paper's code prints it into a part of an architecture.

    Args:
        label: ``normal`` or ``reduce``.
        edges: Two for each node: the operator and the source.
    """
    architecture: dict[str, Json] = {}
    for node in range(len(edges) // 2):
        pair = sorted(edges[2 * node : 2 * node + 2], key=lambda edge: edge[1])
        if node > 0:
            architecture[f"{label}/{node}/inputs"] = [source for _, source in pair]
        architecture |= {f"{label}/{node}/{source}": operator for operator, source in pair}
    return architecture


DARTS_V2: Mapping[str, Json] = {
    **genotype(
        "normal",
        [
            ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
        ],
    ),
    **genotype(
        "reduce",
        [
            ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
            ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
        ],
    ),
}  # fmt: skip
"""The cells that the paper found by the second-order search, as its code has them."""
