"""Networks whose branches meet side by side or cross over: dense blocks, cells, shuffles, U-Nets."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from heredity.testing.architectures.kinds import features, image, kind, tokens
from heredity.testing.architectures.layers import (
    Apply,
    Concat,
    Sum,
    Tensor,
    activation,
    conv,
    norm,
    pooled,
    run,
)


@kind(
    image,
    sizes={"growth": (2, 3, 4), "depth": (1, 2, 3), "width": (4, 6), "bottleneck": (4, 6)},
    styles={"act": ("relu", "silu"), "is_narrow": (True, False)},
)
def dense(*, growth: int, depth: int, width: int, bottleneck: int, act: str, is_narrow: bool) -> nn.Module:
    """Each layer reads all before it, as in DenseNet."""
    layers: list[nn.Module] = [conv(2, width)]
    size = width
    for _ in range(depth):
        entry = bottleneck if is_narrow else size
        narrow = [conv(size, entry, 1), *norm("batch", entry), activation(act)] if is_narrow else []
        layers.append(
            Concat(
                nn.Identity(),
                nn.Sequential(
                    *norm("batch", size), activation(act), *narrow, conv(entry, growth, bias=False)
                ),
            )
        )
        size += growth
    layers += [*norm("batch", size), activation(act), conv(size, width, 1), nn.AvgPool2d(2)]
    return nn.Sequential(*layers, activation(act), pooled(), nn.Linear(width, 3))


@kind(
    image,
    sizes={"small": (2, 3, 4), "large": (2, 4), "pooled_width": (2, 3), "width": (4, 6)},
    styles={"act": ("relu", "gelu"), "joined": ("concat", "sum")},
)
def inception(*, small: int, large: int, pooled_width: int, width: int, act: str, joined: str) -> nn.Module:
    """Branches of different kernels, side by side or added."""
    sizes = (small, large, pooled_width) if joined == "concat" else (width, width, width)
    branches = (
        conv(width, sizes[0], 1),
        nn.Sequential(conv(width, large, 1), activation(act), conv(large, sizes[1])),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), conv(width, sizes[2], 1)),
    )
    both = Concat(*branches) if joined == "concat" else Sum(*branches, keeps_input=False)
    return nn.Sequential(
        conv(2, width), activation(act), both, *norm("batch", sum(sizes) if joined == "concat" else width),
        activation(act), pooled("max"), nn.Linear(sum(sizes) if joined == "concat" else width, 3),
    )  # fmt: skip


@kind(image, sizes={"width": (3, 4, 6), "inner": (3, 4), "rates": (1, 2)}, styles={"act": ("relu", "silu")})
def dilated(*, width: int, inner: int, rates: int, act: str) -> nn.Module:
    """Dilated convolutions side by side with the mean of the image, as in DeepLab."""
    branches = [conv(width, inner, dilation=rate + 1) for rate in range(rates)]
    whole = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(width, inner, 1),
        activation(act),
        Apply(lambda x: x.expand(-1, -1, 8, 8)),
    )
    return nn.Sequential(
        conv(2, width),
        activation(act),
        Concat(*branches, whole),
        activation(act),
        conv((rates + 1) * inner, 3, 1),
    )


def _shuffled(x: Tensor) -> Tensor:
    """Channels of two groups in turn. Input and result BCHW."""
    batch, channels, height, width = x.shape
    return (
        x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)
    )


class _ShuffleUnit(nn.Module):
    def __init__(self, half: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(half, half, 1), *norm("batch", half), nn.ReLU(),
            conv(half, half, groups=half), *norm("batch", half), conv(half, half, 1), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        return _shuffled(torch.cat([first, run(self.body, second)], 1))


@kind(image, sizes={"half": (2, 3, 4), "depth": (1, 2)}, styles={"is_split": (True, False)})
def shuffled(*, half: int, depth: int, is_split: bool) -> nn.Module:
    """Grouped convolutions between which channels are shuffled, as in ShuffleNet."""
    width = 2 * half
    layers: list[nn.Module] = [conv(2, width), nn.ReLU()]
    for _ in range(depth):
        first, second = conv(width, width, 1, groups=2), conv(width, width, 1, groups=2)
        old = Sum(nn.Sequential(first, nn.ReLU(), Apply(_shuffled), second))
        layers += [_ShuffleUnit(half)] if is_split else [old, nn.ReLU()]
    return nn.Sequential(*layers, pooled(), nn.Linear(width, 3))


class _UNet(nn.Module):
    def __init__(self, *, width: int, inner: int, up: str, joined: str, act: str) -> None:
        super().__init__()
        joint = 2 * width if joined == "concat" else width
        self.down = nn.Sequential(conv(2, width), *norm("batch", width), activation(act))
        self.middle = nn.Sequential(
            nn.MaxPool2d(2), conv(width, inner), *norm("batch", inner), activation(act)
        )
        self.up = nn.Sequential(*_upsampling(up, inner, width))
        self.head = nn.Sequential(conv(joint, width), activation(act), nn.Conv2d(width, 3, 1))
        self.joined = joined

    def forward(self, x: Tensor) -> Tensor:
        skip = run(self.down, x)
        wide = run(self.up, run(self.middle, skip))
        return run(self.head, torch.cat([skip, wide], 1) if self.joined == "concat" else skip + wide)


def _upsampling(name: str, num_in: int, num_out: int) -> list[nn.Module]:
    if name == "transposed":
        return [nn.ConvTranspose2d(num_in, num_out, 2, 2)]
    if name == "overlapping":
        return [nn.ConvTranspose2d(num_in, num_out, 3, 2, padding=1, output_padding=1)]
    if name == "shuffle":
        return [conv(num_in, 4 * num_out, 1), nn.PixelShuffle(2)]
    grow: dict[str, str | bool] = {"mode": "bilinear", "align_corners": False} if name == "bilinear" else {}
    return [
        Apply(lambda x: functional.interpolate(x, scale_factor=2, **grow)),  # type: ignore[arg-type]  # by name
        conv(num_in, num_out),
    ]


@kind(
    image,
    sizes={"width": (3, 4, 6), "inner": (4, 6, 8)},
    styles={
        "up": ("transposed", "overlapping", "nearest", "bilinear", "shuffle"),
        "joined": ("concat", "sum"),
        "act": ("relu", "silu"),
    },
)
def unet(*, width: int, inner: int, up: str, joined: str, act: str) -> nn.Module:
    """Down and up again, with the image carried across."""
    return _UNet(width=width, inner=inner, up=up, joined=joined, act=act)


class _TwoHeads(nn.Module):
    def __init__(self, *, width: int, hidden: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(7, width), nn.ReLU())
        self.label = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 3))
        self.value = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = run(self.trunk, x)
        return {"label": run(self.label, x), "value": torch.sigmoid(run(self.value, x)).squeeze(-1)}


@kind(features, sizes={"width": (4, 6), "hidden": (3, 5)})
def two_heads(*, width: int, hidden: int) -> nn.Module:
    """One trunk, two outputs, in a dictionary."""
    return _TwoHeads(width=width, hidden=hidden)


class _Siamese(nn.Module):
    def __init__(self, *, width: int, features: int, is_symmetric: bool) -> None:
        super().__init__()
        self.tower = nn.Sequential(nn.Linear(7, width), nn.ReLU(), nn.Linear(width, features))
        self.is_symmetric = is_symmetric

    def forward(self, x: Tensor) -> Tensor:
        first, second = run(self.tower, x), run(self.tower, x.flip(0))
        if self.is_symmetric:
            return (first * second).sum(-1)
        return functional.normalize(first, dim=-1) @ functional.normalize(second, dim=-1).T


@kind(features, sizes={"width": (4, 6), "features": (3, 4, 6)}, styles={"is_symmetric": (True, False)})
def siamese(*, width: int, features: int, is_symmetric: bool) -> nn.Module:
    """One tower that reads two things, and how alike they are."""
    return _Siamese(width=width, features=features, is_symmetric=is_symmetric)


class _TextCNN(nn.Module):
    def __init__(self, *, width: int, filters: int, vocabulary: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.filters = nn.ModuleList(nn.Conv1d(width, filters, size) for size in (2, 3))
        self.head = nn.Linear(2 * filters, 3)

    def forward(self, words: Tensor) -> Tensor:
        x = run(self.words, words).transpose(1, 2)
        peaks = [torch.relu(run(each, x)).amax(2) for each in self.filters]
        return run(self.head, torch.cat(peaks, 1))


@kind(tokens, sizes={"width": (3, 4), "filters": (2, 3, 4), "vocabulary": (11, 13)})
def text_cnn(*, width: int, filters: int, vocabulary: int) -> nn.Module:
    """Words, filters of several lengths, and the largest answer of each."""
    return _TextCNN(width=width, filters=filters, vocabulary=vocabulary)
