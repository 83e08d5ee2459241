"""Transformers that look at images: patches, windows, and torch's own layers."""

from __future__ import annotations

import torch
from torch import nn

from heredity.testing.architectures.attention import RelativeBias, SelfAttention, TorchAttention
from heredity.testing.architectures.kinds import image, kind, steps
from heredity.testing.architectures.language import perceptron
from heredity.testing.architectures.layers import Apply, ChannelsLast, Sum, Tensor, run


class _Patches(nn.Module):
    """Patches of an image behind a token of their own, with learned places."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(2, width, 4, 4)
        self.first = nn.Parameter(torch.randn(1, 1, width))
        self.places = nn.Parameter(torch.randn(1, 5, width))

    def forward(self, x: Tensor) -> Tensor:
        patches = run(self.project, x).flatten(2).transpose(1, 2)
        return torch.cat([self.first.expand(x.shape[0], -1, -1), patches], 1) + self.places


@kind(
    image,
    sizes={"heads": (1, 2, 4), "head_size": (4, 8), "inner": (8, 12), "depth": (1, 2), "classes": (3, 3, 4)},
    styles={"way": ("torch", "fused", "matmul"), "reads": ("first", "mean")},
)
def vit(  # noqa: PLR0913  # one for each size and style
    *, heads: int, head_size: int, inner: int, depth: int, classes: int, way: str, reads: str
) -> nn.Module:
    """Patches as words, the width a multiple of the heads, as ViT."""
    width = heads * head_size
    layers: list[nn.Module] = [_Patches(width)]
    for _ in range(depth):
        attention: nn.Module = TorchAttention(width, heads=heads)
        if way != "torch":
            attention = SelfAttention(
                width,
                heads=heads,
                head_size=head_size,
                is_fused=way == "fused",
                way="sdpa" if way == "fused" else way,
            )
        layers.append(Sum(nn.Sequential(nn.LayerNorm(width), attention)))
        layers.append(Sum(nn.Sequential(nn.LayerNorm(width), perceptron(width, inner, act="gelu"))))
    read = Apply((lambda x: x[:, 0]) if reads == "first" else (lambda x: x.mean(1)))
    return nn.Sequential(*layers, nn.LayerNorm(width), read, nn.Linear(width, classes))


class _Window(nn.Module):
    """Attention within windows of two by two places, which may be shifted. Input and result BHWC."""

    def __init__(self, width: int, *, heads: int, shift: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.bias = RelativeBias(heads=heads, length=4)
        self.heads, self.shift = heads, shift

    def forward(self, x: Tensor) -> Tensor:
        batch, height, wide, width = x.shape
        x = torch.roll(x, (-self.shift, -self.shift), (1, 2)) if self.shift else x
        x = x.view(batch, height // 2, 2, wide // 2, 2, width).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, width)
        qkv = run(self.qkv, x).reshape(-1, 4, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        logits = (q * (width // self.heads) ** -0.5) @ k.transpose(-2, -1) + self.bias().unsqueeze(0)
        x = run(self.out, (logits.softmax(-1) @ v).transpose(1, 2).reshape(-1, 4, width))
        x = x.view(batch, height // 2, wide // 2, 2, 2, width).permute(0, 1, 3, 2, 4, 5)
        x = x.reshape(batch, height, wide, width)
        return torch.roll(x, (self.shift, self.shift), (1, 2)) if self.shift else x


def _merged(x: Tensor) -> Tensor:
    """Four neighbours side by side. Input BHWC, result BHWC with 4C."""
    corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
    return torch.cat(corners, -1)


@kind(image, sizes={"heads": (1, 2, 3), "head_size": (4, 6), "inner": (8, 12), "depth": (1, 2)})
def windows(*, heads: int, head_size: int, inner: int, depth: int) -> nn.Module:
    """Attention in shifted windows, and patches that merge, as Swin."""
    width = heads * head_size
    layers: list[nn.Module] = [nn.Conv2d(2, width, 2, 2), Apply(lambda x: x.permute(0, 2, 3, 1))]
    for _ in range(depth):
        for shift in (0, 1):
            layers.append(Sum(nn.Sequential(nn.LayerNorm(width), _Window(width, heads=heads, shift=shift))))
            layers.append(Sum(nn.Sequential(nn.LayerNorm(width), perceptron(width, inner, act="gelu"))))
    merge = [Apply(_merged), nn.LayerNorm(4 * width), nn.Linear(4 * width, 2 * width, bias=False)]
    return nn.Sequential(
        *layers, *merge, nn.LayerNorm(2 * width), Apply(lambda x: x.mean((1, 2))), nn.Linear(2 * width, 3)
    )


@kind(image, sizes={"width": (4, 6), "inner": (4, 8), "ratio": (2, 4)})
def mixed_stages(*, width: int, inner: int, ratio: int) -> nn.Module:
    """Convolutions first, attention over places later, as CoAtNet."""
    attention = nn.Sequential(
        nn.LayerNorm(inner), Apply(lambda x: x.flatten(1, 2)),
        SelfAttention(inner, heads=2, head_size=inner // 2), nn.Unflatten(1, (4, 4)),
    )  # fmt: skip
    return nn.Sequential(
        nn.Conv2d(2, width, 3, padding=1), nn.BatchNorm2d(width), nn.GELU(),
        nn.Conv2d(width, inner, 3, stride=2, padding=1), ChannelsLast(Sum(attention)),
        ChannelsLast(Sum(nn.Sequential(nn.LayerNorm(inner), perceptron(inner, ratio * inner, act="gelu")))),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inner, 3),
    )  # fmt: skip


@kind(
    steps,
    sizes={"heads": (1, 2, 4), "inner": (8, 12), "depth": (1, 2)},
    styles={"norm_first": (True, False), "act": ("relu", "gelu"), "dropout": (False, True)},
)
def torch_encoder(
    *, heads: int, inner: int, depth: int, norm_first: bool, act: str, dropout: bool
) -> nn.Module:
    """Layers of torch's own encoder."""
    width = 4 * heads
    layers = [
        nn.TransformerEncoderLayer(
            width, heads, inner, dropout=0.1 if dropout else 0.0, activation=act, batch_first=True,
            norm_first=norm_first,
        )
        for _ in range(depth)
    ]  # fmt: skip
    return nn.Sequential(nn.Linear(3, width), *layers, nn.Linear(width, 3))
