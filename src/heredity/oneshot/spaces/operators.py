"""The operators of the published spaces, as their authors' code has them."""

from __future__ import annotations

import torch
from torch import nn


def relu_conv_norm(
    num_in: int, num_out: int, *, kernel: int, stride: int = 1, affine: bool = True
) -> nn.Sequential:
    """ReLU, convolution, batch normalization."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(num_in, num_out, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(num_out, affine=affine),
    )


def separable(num: int, *, kernel: int, stride: int, affine: bool) -> nn.Sequential:
    """Two separable convolutions; the first has the stride."""
    first = dilated(num, kernel=kernel, stride=stride, dilation=1, affine=affine)
    return nn.Sequential(*first, *dilated(num, kernel=kernel, stride=1, dilation=1, affine=affine))


def dilated(num: int, *, kernel: int, stride: int, dilation: int = 2, affine: bool) -> nn.Sequential:
    """A separable convolution with holes: each channel for itself, then all channels of each place."""
    padding = dilation * (kernel - 1) // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(
            num, num, kernel, stride=stride, padding=padding, dilation=dilation, groups=num, bias=False
        ),
        nn.Conv2d(num, num, 1, bias=False),
        nn.BatchNorm2d(num, affine=affine),
    )


def pool(kind: str, num: int, *, stride: int, affine: bool | None) -> nn.Module:
    """A pooling of three by three places.

    Args:
        kind: ``max`` or ``avg``.
        num: The number of channels.
        stride: As torch's.
        affine: Whether the batch normalization after it has factors; None for no normalization.
    """
    made = nn.MaxPool2d if kind == "max" else nn.AvgPool2d
    keywords = {} if kind == "max" else {"count_include_pad": False}
    pooling = made(3, stride=stride, padding=1, **keywords)
    return pooling if affine is None else nn.Sequential(pooling, nn.BatchNorm2d(num, affine=affine))


class FactorizedReduce(nn.Module):
    """Half the size, without losing a place: two strided convolutions, one of them shifted by one place.

    Args:
        num_in: How many channels it reads.
        num_out: How many it gives; even.
        affine: Whether the batch normalization has factors.
    """

    def __init__(self, num_in: int, num_out: int, *, affine: bool = True) -> None:
        super().__init__()
        self.even = nn.Conv2d(num_in, num_out // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(num_in, num_out // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(num_out, affine=affine)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Reduce."""
        value = torch.relu(value)
        output: torch.Tensor = self.norm(torch.cat([self.even(value), self.odd(value[:, :, 1:, 1:])], dim=1))
        return output


class Zero(nn.Module):
    """Nothing: zeros of the size that a stride leaves.

    Args:
        stride: As a convolution's.
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Give zeros."""
        return value[:, :, :: self.stride, :: self.stride] * 0.0


class MeanPlaces(nn.Module):
    """The mean over all places, channel by channel."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Take the mean."""
        return value.mean(dim=(2, 3))
