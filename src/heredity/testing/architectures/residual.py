"""Networks of branches that are added: residual blocks of all sorts, squeeze and excitation, ConvNeXt."""

from __future__ import annotations

import torch
from torch import nn

from heredity.testing.architectures.kinds import features, image, kind
from heredity.testing.architectures.layers import (
    Apply,
    ChannelsLast,
    Product,
    Sum,
    Tensor,
    activation,
    conv,
    norm,
    pooled,
)
from heredity.testing.generators import Family, Member, build

_FAMILY_STYLES = {
    "transition": ("max", "avg", "conv", "shortcut"),
    "is_preactivated": (False, False, True),
    "has_norm": (True, True, False),
    "has_bias": (True, False),
    "dropout": (False, True),
    "head": ("adaptive", "mean", "flatten"),
    "num_stages": (1, 2),
}
_FAMILY_SIZES = {"width": (3, 4, 6), "second": (4, 6, 9), "depth": (1, 2), "second_depth": (1, 2, 3)}


def _family(family: str, *, sizes: dict[str, int], styles: dict[str, str | bool | int]) -> nn.Module:
    has_one_width = styles["transition"] in {"max", "avg"}
    widths = (sizes["width"], sizes["width"] if has_one_width else sizes["second"])
    stages = int(styles["num_stages"])
    depths = (sizes["depth"], sizes["second_depth"])
    return build(
        Member(
            Family(
                kind=family,
                transition=str(styles["transition"]),
                is_preactivated=bool(styles["is_preactivated"]),
                has_norm=bool(styles["has_norm"]),
                has_bias=bool(styles["has_bias"]),
                dropout=0.2 if styles["dropout"] else 0.0,
                head=str(styles["head"]),
                num_stages=stages,
                num_classes=3,
            ),
            widths[:stages],
            depths[:stages],
        )
    )


@kind(image, sizes=_FAMILY_SIZES, styles=_FAMILY_STYLES)
def residual(
    *, width: int, second: int, depth: int, second_depth: int, **styles: str | bool | int
) -> nn.Module:
    """Stages of basic residual blocks, in all combinations of their options."""
    sizes = {"width": width, "second": second, "depth": depth, "second_depth": second_depth}
    return _family("convolutional", sizes=sizes, styles=styles)


@kind(features, sizes=_FAMILY_SIZES, styles=_FAMILY_STYLES)
def residual_mlp(
    *, width: int, second: int, depth: int, second_depth: int, **styles: str | bool | int
) -> nn.Module:
    """The same with dense layers."""
    sizes = {"width": width, "second": second, "depth": depth, "second_depth": second_depth}
    return _family("mlp", sizes=sizes, styles=styles)


@kind(
    image,
    sizes={"width": (4, 6, 8), "inner": (2, 3, 4), "kernel": (3, 5), "depth": (1, 2), "classes": (3, 5)},
    styles={"act": ("relu", "silu"), "order": ("after", "before")},
)
def bottleneck(  # noqa: PLR0913  # one for each size and style
    *, width: int, inner: int, kernel: int, depth: int, classes: int, act: str, order: str
) -> nn.Module:
    """Narrow residual blocks, with the activation behind the sum or before the branch."""
    layers: list[nn.Module] = [conv(2, width), *norm("batch", width), activation(act)]
    for _ in range(depth):
        path = [(width, inner, 1), (inner, inner, kernel), (inner, width, 1)]
        if order == "before":
            steps = [[*norm("batch", a), activation(act), conv(a, b, k, bias=False)] for a, b, k in path]
            layers.append(Sum(nn.Sequential(*(part for step in steps for part in step))))
        else:
            steps = [[conv(a, b, k, bias=False), *norm("batch", b), activation(act)] for a, b, k in path]
            layers += [Sum(nn.Sequential(*[part for step in steps for part in step][:-1])), activation(act)]
    return nn.Sequential(*layers, pooled("adaptive"), nn.Linear(width, classes))


@kind(
    image,
    sizes={"first": (4, 6), "second": (4, 6, 8)},
    styles={"act": ("relu", "hardswish")},
)
def shortcut_or_not(*, first: int, second: int, act: str) -> nn.Module:
    """A shortcut that is the identity where the widths are equal, and a convolution where they are not."""
    body = nn.Sequential(
        conv(first, second),
        *norm("batch", second),
        activation(act),
        conv(second, second),
        *norm("batch", second),
    )
    bridge = nn.Sequential(conv(first, second, 1), *norm("batch", second))
    block = Sum(body) if first == second else Sum(body, bridge, keeps_input=False)
    return nn.Sequential(
        conv(2, first), activation(act), block, activation(act), pooled(), nn.Linear(second, 3)
    )


def squeeze_excite(width: int, squeezed: int, *, act: str = "relu", gate: str = "hard") -> nn.Module:
    """Scale each channel by what the means of all channels say."""
    last: nn.Module = nn.Hardsigmoid() if gate == "hard" else nn.Sigmoid()
    scale = nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(width, squeezed, 1),
        activation(act),
        nn.Conv2d(squeezed, width, 1),
        last,
    )
    return Product(nn.Identity(), scale)


@kind(
    image,
    sizes={
        "width": (3, 4, 6),
        "expanded": (6, 8, 12),
        "squeezed": (2, 3),
        "kernel": (3, 5),
        "depth": (1, 2, 3),
    },
    styles={"act": ("relu6", "hardswish", "silu"), "gate": ("none", "hard", "sigmoid")},
)
def inverted(  # noqa: PLR0913  # one for each size and style
    *, width: int, expanded: int, squeezed: int, kernel: int, depth: int, act: str, gate: str
) -> nn.Module:
    """Inverted bottlenecks with depthwise convolutions, as in MobileNet and EfficientNet."""
    layers: list[nn.Module] = [conv(2, width, stride=2, bias=False), *norm("batch", width), activation(act)]
    for _ in range(depth):
        middle = [] if gate == "none" else [squeeze_excite(expanded, squeezed, gate=gate)]
        layers.append(Sum(nn.Sequential(
            conv(width, expanded, 1, bias=False), *norm("batch", expanded), activation(act),
            conv(expanded, expanded, kernel, groups=expanded, bias=False), *norm("batch", expanded),
            activation(act), *middle, conv(expanded, width, 1, bias=False), *norm("batch", width),
        )))  # fmt: skip
    return nn.Sequential(
        *layers, conv(width, 2 * width, 1), activation(act), pooled("adaptive"), nn.Linear(2 * width, 3)
    )


@kind(image, sizes={"groups": (2, 3, 4), "group_width": (2, 3, 4), "width": (4, 6, 8), "depth": (1, 2)})
def grouped(*, groups: int, group_width: int, width: int, depth: int) -> nn.Module:
    """Residual blocks with grouped convolutions, as in ResNeXt and RegNet."""
    inner = groups * group_width
    layers: list[nn.Module] = [conv(2, width), *norm("batch", width), nn.ReLU()]
    for _ in range(depth):
        branch = nn.Sequential(
            conv(width, inner, 1), *norm("batch", inner), nn.ReLU(),
            conv(inner, inner, groups=groups), *norm("batch", inner), nn.ReLU(), conv(inner, width, 1),
        )  # fmt: skip
        layers += [Sum(branch), nn.ReLU()]
    return nn.Sequential(*layers, pooled(), nn.Linear(width, 3))


class _LayerScale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


@kind(
    image,
    sizes={"width": (4, 6, 8), "inner": (6, 8, 12), "kernel": (3, 5), "depth": (1, 2)},
    styles={"is_scaled": (True, False), "has_response_norm": (False, False, True)},
)
def convnext(
    *, width: int, inner: int, kernel: int, depth: int, is_scaled: bool, has_response_norm: bool
) -> nn.Module:
    """Depthwise convolutions and a perceptron over channels, as in ConvNeXt."""
    layers: list[nn.Module] = [nn.Conv2d(2, width, 2, 2), ChannelsLast(nn.LayerNorm(width))]
    for _ in range(depth):
        response = [_ResponseNorm(inner)] if has_response_norm else []
        scale = [_LayerScale(width)] if is_scaled else []
        perceptron = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, inner),
            nn.GELU(),
            *response,
            nn.Linear(inner, width),
            *scale,
        )
        layers.append(Sum(nn.Sequential(conv(width, width, kernel, groups=width), ChannelsLast(perceptron))))
    return nn.Sequential(*layers, pooled(), nn.LayerNorm(width), nn.Linear(width, 3))


class _ResponseNorm(nn.Module):
    """Global response normalization of ConvNeXt V2. Input BHWC."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        size: Tensor = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
        return x + self.bias + self.weight * (x * (size / (size.mean(-1, keepdim=True) + 1e-6)))


@kind(image, sizes={"width": (4, 6), "places": (4, 6), "channels": (5, 8), "depth": (1, 2)})
def mixer(*, width: int, places: int, channels: int, depth: int) -> nn.Module:
    """Perceptrons over places and over channels in turn, as in MLP-Mixer."""
    layers: list[nn.Module] = [nn.Conv2d(2, width, 2, 2), Apply(lambda x: x.flatten(2).transpose(1, 2))]
    for _ in range(depth):
        over_places = nn.Sequential(
            nn.LayerNorm(width), Apply(lambda x: x.transpose(1, 2)),
            nn.Linear(16, places), nn.GELU(), nn.Linear(places, 16), Apply(lambda x: x.transpose(1, 2)),
        )  # fmt: skip
        over_channels = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, channels), nn.GELU(), nn.Linear(channels, width)
        )
        layers += [Sum(over_places), Sum(over_channels)]
    return nn.Sequential(*layers, nn.LayerNorm(width), Apply(lambda x: x.mean(1)), nn.Linear(width, 3))
