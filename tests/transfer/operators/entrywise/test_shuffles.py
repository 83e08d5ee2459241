"""Shuffles: channels keep to their blocks of places, or to their groups."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from heredity.transfer import Certificate

IMAGES = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def upsampling(width: int, factor: int = 2) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, width * factor**2, 1), nn.PixelShuffle(factor), nn.ReLU(), nn.Conv2d(width, 2, 1)
    )


def downsampling(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 1), nn.PixelUnshuffle(2), nn.ReLU(), nn.Conv2d(4 * width, 2, 1))


def shuffling(width: int, groups: int = 2) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, width, 1), nn.ChannelShuffle(groups), nn.ReLU(), nn.Conv2d(width, 2, 1, groups=1)
    )


@pytest.mark.parametrize("growth", ["fresh", "copy"])
@pytest.mark.parametrize("make", [upsampling, downsampling, shuffling])
def test_growth_through_a_shuffle_is_exact(
    make: Callable[[int], nn.Module], growth: str, grow: Callable[..., Certificate]
) -> None:
    certificate = grow(make(4), make(6), IMAGES, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


@pytest.mark.parametrize("growth", ["fresh", "copy"])
def test_groups_may_be_added(growth: str, grow: Callable[..., Certificate]) -> None:
    certificate = grow(shuffling(4, 2), shuffling(8, 4), IMAGES, growth=growth)
    assert certificate.is_exact_in_training, certificate.reason


def test_a_shuffle_of_other_groups_is_another_order(grow: Callable[..., Certificate]) -> None:
    assert (
        "2 of 6 entries of the parent's axis are left out"
        in grow(shuffling(6, 2), shuffling(6, 3), IMAGES).reason
    )


def test_channels_that_do_not_come_in_blocks_are_refused(grow: Callable[..., Certificate]) -> None:
    """A channel of its own joins those that make up blocks of four."""

    class Joined(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.small, self.large = nn.Conv2d(3, 2, 1), nn.Conv2d(3, width - 2, 1)
            self.last = nn.Conv2d(width // 4, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            joined = torch.cat([self.large(x), self.small(x)], 1)
            result: torch.Tensor = self.last(nn.functional.pixel_shuffle(joined, 2))
            return result

    assert "the channels are not taken over in blocks of 4" in grow(Joined(8), Joined(12), IMAGES).reason
