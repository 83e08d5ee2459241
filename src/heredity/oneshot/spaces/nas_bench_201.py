"""NAS-Bench-201's space: one cell of six edges, 15,625 architectures (Dong and Yang, arXiv:2001.00326)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import nn

from heredity.errors import InputError
from heredity.oneshot.blocks import Cell, Edge
from heredity.oneshot.spaces.operators import MeanPlaces, Zero, relu_conv_norm

if TYPE_CHECKING:
    from heredity.encoding import Json

LABEL = "cell"
NUM_NODES = 3
_EDGE = re.compile(r"(\w+)~(\d)")


class NasBench201(nn.Module):
    """The network of NAS-Bench-201 as a model space; each node adds what comes from all before it.

    The labels are ``cell/<node>/<source>``; the benchmark counts its nodes from 1.

    Args:
        channels: Of the first stage; doubled twice.
        num_cells: How many cells each of the three stages has.
        num_classes: How many classes there are.
        affine: Whether batch normalizations have factors.
    """

    def __init__(
        self, *, channels: int = 16, num_cells: int = 5, num_classes: int = 10, affine: bool = True
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        stages: list[nn.Module] = []
        for stage in range(3):
            if stage:
                stages.append(_Reduction(channels, affine=affine))
                channels *= 2
            stages += [_cell(channels, affine=affine) for _ in range(num_cells)]
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), MeanPlaces(), nn.Linear(channels, num_classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Classify."""
        logits: torch.Tensor = self.head(self.stages(self.stem(images)))
        return logits


def nas_bench_201_architecture(text: str) -> dict[str, Json]:
    """Read an architecture as the benchmark writes it.

    Example:
        >>> text = "|none~0|+|none~0|skip_connect~1|+|nor_conv_3x3~0|none~1|none~2|"
        >>> nas_bench_201_architecture(text)["cell/2/0"]
        'nor_conv_3x3'

    Raises:
        InputError: It is none.
    """
    nodes = text.split("+")
    architecture: dict[str, Json] = {}
    for node, part in enumerate(nodes):
        edges = _EDGE.findall(part)
        if [int(source) for _, source in edges] != list(range(node + 1)) or len(nodes) != NUM_NODES:
            raise InputError(
                f"expected an architecture such as |none~0|+|none~0|none~1|+…, got {text!r:.200}."
            )
        architecture |= {f"{LABEL}/{node}/{source}": operator for operator, source in edges}
    return architecture


def _cell(num: int, *, affine: bool) -> Cell:
    candidates: dict[str, Callable[[Edge], nn.Module]] = {
        "none": lambda _: Zero(),
        "skip_connect": lambda _: nn.Identity(),
        "nor_conv_1x1": lambda _: relu_conv_norm(num, num, kernel=1, affine=affine),
        "nor_conv_3x3": lambda _: relu_conv_norm(num, num, kernel=3, affine=affine),
        "avg_pool_3x3": lambda _: nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
    }
    return Cell(candidates, num_nodes=NUM_NODES, num_inputs=1, num_chosen=None, merge="last", label=LABEL)


class _Reduction(nn.Module):
    """A residual block that halves the size and doubles the channels."""

    def __init__(self, num: int, *, affine: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            relu_conv_norm(num, 2 * num, kernel=3, stride=2, affine=affine),
            relu_conv_norm(2 * num, 2 * num, kernel=3, affine=affine),
        )
        self.short = nn.Sequential(nn.AvgPool2d(2, stride=2), nn.Conv2d(num, 2 * num, 1, bias=False))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.short(value) + self.body(value)
        return output
