"""A small residual network whose width and depth are free."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualNetwork(nn.Module):
    """A stem, two stages of ``depth`` residual blocks at one ``width``, and a linear classifier.

    Takes images of one channel, (N, 1, H, W), and returns logits, (N, num_classes).
    """

    def __init__(self, width: int, depth: int, num_classes: int) -> None:
        super().__init__()
        self.stem = _convolution(1, width)
        self.fine = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))
        self.reduce = _convolution(width, width, stride=2)
        self.coarse = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))
        self.classify = nn.Linear(width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.fine(self.stem(images))
        x = self.coarse(self.reduce(x))
        x = functional.adaptive_avg_pool2d(x, 1).flatten(1)
        logits: Tensor = self.classify(x)
        return logits


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and the way around them, in the order of He et al. 2016: add, then ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.norm(self.second(self.first(x))))


def _convolution(num_in: int, num_out: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(num_in, num_out, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(num_out),
        nn.ReLU(),
    )
