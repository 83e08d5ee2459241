"""A network of cells as in DARTS, small: what lies on each edge of a cell is to be searched."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from heredity.oneshot import Cell, Edge


class Supernet(nn.Module):
    """A stem, three cells of which the second halves the image, and a linear classifier."""

    def __init__(self, num_channels: int, *, num_nodes: int = 3, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, num_channels, 3, padding=1, bias=False), nn.BatchNorm2d(num_channels)
        )
        self.cells = nn.ModuleList()
        before = now = num_channels
        was_halved = False
        for halves in (False, True, False):
            width = 2 * num_channels if halves or was_halved else num_channels
            self.cells.append(
                SearchedCell(before, now, width, num_nodes, halves=halves, was_halved=was_halved)
            )
            before, now, was_halved = now, num_nodes * width, halves
        self.classify = nn.Linear(now, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        before = now = self.stem(images)
        for cell in self.cells:
            before, now = now, cell(before, now)
        logits: Tensor = self.classify(now.mean(dim=(2, 3)))
        return logits


class SearchedCell(nn.Module):
    """A cell with what brings its two inputs to one width and size."""

    def __init__(
        self, before: int, now: int, width: int, num_nodes: int, *, halves: bool, was_halved: bool
    ) -> None:
        super().__init__()
        self.bring_before = Halve(before, width) if was_halved else convolution(before, width, 1)
        self.bring_now = convolution(now, width, 1)

        def stride(edge: Edge) -> int:
            return 2 if halves and edge.is_from_input else 1

        self.cell = Cell(
            {
                "none": lambda edge: Zero(stride(edge)),
                "max_pool_3x3": lambda edge: nn.Sequential(
                    nn.MaxPool2d(3, stride(edge), padding=1), nn.BatchNorm2d(width, affine=False)
                ),
                "skip_connect": lambda edge: nn.Identity() if stride(edge) == 1 else Halve(width, width),
                "sep_conv_3x3": lambda edge: separable(width, 3, stride(edge)),
                "sep_conv_5x5": lambda edge: separable(width, 5, stride(edge)),
            },
            num_nodes=num_nodes,
            label="reduce" if halves else "normal",
            mixed_only={"none"},
        )

    def forward(self, before: Tensor, now: Tensor) -> Tensor:
        nodes: Tensor = self.cell(self.bring_before(before), self.bring_now(now))
        return nodes


class Zero(nn.Module):
    """No connection, which takes part in mixtures only."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


class Halve(nn.Module):
    """Half of the channels from the even pixels, half from the odd ones."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(num_in, num_out // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(num_in, num_out - num_out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(num_out, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        # One pixel further, and one line of zeros at the end, so that images of odd sizes come out alike.
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        halved: Tensor = self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))
        return halved


def convolution(num_in: int, num_out: int, kernel: int) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(num_in, num_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(num_out, affine=False),
    )


def separable(width: int, kernel: int, stride: int) -> nn.Module:
    """A convolution of each channel for itself, then of all channels at each pixel; once, to save time."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(width, width, kernel, stride=stride, padding=kernel // 2, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width, affine=False),
    )
