"""Networks in which one layer follows the other: convolutions over one, two and three axes, dense layers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from heredity.testing.architectures.kinds import features, image, kind, series, volume
from heredity.testing.architectures.layers import Apply, Tensor, activation, conv, norm, pooled, run

_ACTIVATIONS = ("relu", "leaky_relu", "gelu", "silu", "hardswish", "relu6", "tanh", "elu", "mish")


@kind(
    image,
    sizes={"width": (3, 4, 6, 9), "inner": (4, 5, 8), "kernel": (1, 3, 5), "classes": (3, 5)},
    styles={
        "act": _ACTIVATIONS,
        "normed": ("none", "batch", "batch"),
        "bias": (True, False),
        "pool": ("mean", "adaptive", "max", "flatten"),
        "down": ("max", "avg", "stride"),
    },
)
def plain(  # noqa: PLR0913  # one for each size and style
    *,
    width: int,
    inner: int,
    kernel: int,
    classes: int,
    act: str,
    normed: str,
    bias: bool,
    pool: str,
    down: str,
) -> nn.Module:
    """Three convolutions, as in VGG."""
    pools: dict[str, list[nn.Module]] = {"max": [nn.MaxPool2d(2)], "avg": [nn.AvgPool2d(3, 2, 1)]}
    shrink = pools.get(down, [])
    return nn.Sequential(
        conv(2, width, bias=bias), *norm(normed, width), activation(act),
        conv(width, inner, kernel, bias=bias, stride=1 if shrink else 2), *norm(normed, inner),
        activation(act), *shrink,
        conv(inner, width, bias=bias), *norm(normed, width), activation(act),
        pooled(pool), nn.Linear(width * 16 if pool == "flatten" else width, classes),
    )  # fmt: skip


@kind(
    image,
    sizes={"depth": (1, 2, 3), "width": (4, 6)},
    styles={"act": ("relu", "leaky_relu", "gelu"), "normed": ("none", "batch")},
)
def deep_chain(*, depth: int, width: int, act: str, normed: str) -> nn.Module:
    """Layers that can be added by being the identity only."""
    layers: list[nn.Module] = [conv(2, width), activation(act)]
    for _ in range(depth):
        layers += [conv(width, width), *norm(normed, width), activation(act)]
    return nn.Sequential(*layers, pooled(), nn.Linear(width, 3))


@kind(
    image,
    sizes={"width": (4, 6, 8, 12), "kernel": (3, 5)},
    styles={"normed": ("group", "instance", "layer"), "act": ("relu", "silu")},
)
def group_normed(*, width: int, kernel: int, normed: str, act: str) -> nn.Module:
    """Normalizations that look at one image only."""
    return nn.Sequential(
        conv(2, width), *norm(normed, width), activation(act),
        conv(width, width, kernel, stride=2), *norm(normed, width), activation(act),
        pooled(), nn.Linear(width, 3),
    )  # fmt: skip


@kind(
    series,
    sizes={"width": (3, 4, 6), "kernel": (3, 5), "classes": (2, 4)},
    styles={"act": ("relu", "gelu"), "normed": ("none", "batch")},
)
def plain_1d(*, width: int, kernel: int, classes: int, act: str, normed: str) -> nn.Module:
    """Convolutions over time."""
    return nn.Sequential(
        conv(2, width, kernel, axes=1), *norm(normed, width, axes=1), activation(act), nn.MaxPool1d(2),
        conv(width, 2 * width, axes=1), *norm(normed, 2 * width, axes=1), activation(act),
        pooled(), nn.Linear(2 * width, classes),
    )  # fmt: skip


@kind(
    volume,
    sizes={"width": (2, 3, 4), "kernel": (1, 3)},
    styles={"act": ("relu", "silu"), "normed": ("none", "batch", "instance")},
)
def plain_3d(*, width: int, kernel: int, act: str, normed: str) -> nn.Module:
    """Convolutions over volumes."""
    bias = normed != "instance"  # which would take it away again
    return nn.Sequential(
        conv(2, width, kernel, axes=3, bias=bias), *norm(normed, width, axes=3), activation(act),
        nn.AvgPool3d(2), conv(width, width, axes=3, bias=bias), *norm(normed, width, axes=3), activation(act),
        pooled(), nn.Linear(width, 3),
    )  # fmt: skip


@kind(
    series,
    sizes={"width": (3, 4, 6), "skip": (4, 6), "depth": (1, 2)},
)
def gated_waves(*, width: int, skip: int, depth: int) -> nn.Module:
    """Dilated causal convolutions with gates and sums of skips, as in WaveNet."""
    return _Waves(width=width, skip=skip, depth=depth)


class _Waves(nn.Module):
    def __init__(self, *, width: int, skip: int, depth: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(2, width, 1)
        pads = [2**number for number in range(depth)]
        self.gates = nn.ModuleList(nn.Conv1d(width, 2 * width, 2, dilation=pad) for pad in pads)
        self.stays = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in pads)
        self.skips = nn.ModuleList(nn.Conv1d(width, skip, 1) for _ in pads)
        self.rest = nn.Conv1d(width, skip, 1)
        self.head = nn.Conv1d(skip, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        total: Tensor | None = None
        for number, (gate, stay, skip) in enumerate(zip(self.gates, self.stays, self.skips, strict=True)):
            a, b = gate(nn.functional.pad(x, (2**number, 0))).chunk(2, 1)
            inner = torch.tanh(a) * torch.sigmoid(b)
            x = x + stay(inner)
            total = run(skip, inner) if total is None else total + run(skip, inner)
        rest = run(self.rest, x)
        return run(self.head, torch.relu(rest if total is None else total + rest))


@kind(
    features,
    sizes={"width": (4, 6, 9), "bottleneck": (3, 4), "classes": (2, 5)},
    styles={"act": ("relu", "tanh", "gelu"), "dropout": (False, True)},
)
def wide_and_narrow(*, width: int, bottleneck: int, classes: int, act: str, dropout: bool) -> nn.Module:
    """Dense layers with a narrow one between them."""
    return nn.Sequential(
        nn.Linear(7, width), activation(act), nn.Dropout(0.2 if dropout else 0.0),
        nn.Linear(width, bottleneck), nn.LayerNorm(bottleneck), activation(act), nn.Linear(bottleneck, width),
        activation(act), nn.Linear(width, classes),
    )  # fmt: skip


@kind(features, sizes={"width": (4, 6, 8), "inner": (5, 7)}, styles={"act": ("relu", "tanh")})
def weight_normed(*, width: int, inner: int, act: str) -> nn.Module:
    """Weights made of a direction and a length."""
    return nn.Sequential(
        weight_norm(nn.Linear(7, width)), activation(act),
        weight_norm(nn.Linear(width, inner)), activation(act),
        Apply(lambda x: x.unsqueeze(2)), weight_norm(nn.Conv1d(inner, width, 1)), nn.Flatten(),
        nn.Linear(width, 3),
    )  # fmt: skip
