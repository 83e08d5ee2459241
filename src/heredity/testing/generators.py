"""Random small networks in families: members differ in width and depth, as the trials of a search do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Family:
    """What all members of a family share.

    Attributes:
        kind: ``"convolutional"`` or ``"mlp"``.
        transition: Between stages: ``"max"``, ``"avg"``, ``"conv"`` or ``"shortcut"`` (a block that strides).
        is_preactivated: Blocks are ``x + f(relu(x))``, not ``relu(x + f(x))``.
        has_norm: Convolutions are followed by batch normalization.
        has_bias: Convolutions and hidden linear layers have a bias.
        dropout: Its probability before the head; 0 for none.
        head: How places become features: ``"adaptive"``, ``"mean"`` or ``"flatten"``.
        num_stages: How many stages there are.
        num_classes: How many outputs.
    """

    kind: str
    transition: str
    is_preactivated: bool
    has_norm: bool
    has_bias: bool
    dropout: float
    head: str
    num_stages: int
    num_classes: int


@dataclass(frozen=True, slots=True)
class Member:
    """One network: a width and a number of blocks for each stage."""

    family: Family
    widths: tuple[int, ...]
    depths: tuple[int, ...]


def random_family(rng: random.Random) -> Family:
    """Draw a family."""
    return Family(
        kind=rng.choice(["convolutional", "convolutional", "mlp"]),
        transition=rng.choice(["max", "avg", "conv", "shortcut"]),
        is_preactivated=rng.random() < 0.3,
        has_norm=rng.random() < 0.7,
        has_bias=rng.random() < 0.5,
        dropout=rng.choice([0.0, 0.2]),
        head=rng.choice(["adaptive", "mean", "flatten"]),
        num_stages=rng.choice([1, 2]),
        num_classes=rng.choice([2, 5]),
    )


def random_members(rng: random.Random, family: Family, *, count: int) -> list[Member]:
    """Draw members of a family; the first is no larger than any other in any way."""
    num_widths = 1 if family.transition in {"max", "avg"} else family.num_stages
    members = []
    for _ in range(count):
        widths = [rng.choice([3, 4, 6, 9]) for _ in range(num_widths)] * (family.num_stages // num_widths)
        depths = [rng.choice([1, 1, 2, 3]) for _ in range(family.num_stages)]
        members.append(Member(family, tuple(widths), tuple(depths)))
    smallest = tuple(min(each.widths[i] for each in members) for i in range(family.num_stages))
    return [replace(members[0], widths=smallest, depths=(1,) * family.num_stages), *members[1:]]


def build(member: Member) -> nn.Module:
    """Make the network of a member, with disturbed statistics in its batch normalization."""
    module = _convolutional(member) if member.family.kind == "convolutional" else _mlp(member)
    return disturbed(module)


def example_inputs(family: Family) -> tuple[torch.Tensor]:
    """Random inputs for a family."""
    return (torch.randn(3, 7),) if family.kind == "mlp" else (torch.randn(3, 2, 8, 8),)


def disturbed(module: nn.Module) -> nn.Module:
    """Move all floating-point tensors of a module away from where they begin; variances stay positive."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0)
            elif tensor.is_floating_point():
                tensor.add_(0.2 * torch.randn_like(tensor))
            else:
                tensor.fill_(3)
    return module


class Residual(nn.Module):
    """``x + f(x)``, with a ReLU behind it, and with another path for x where the shapes differ."""

    def __init__(self, body: nn.Module, *, is_preactivated: bool, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.is_preactivated = is_preactivated

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the block. Input and result (B)C or BCHW."""
        total = (x if self.shortcut is None else self.shortcut(x)) + self.body(x)
        return total if self.is_preactivated else torch.relu(total)


class Pooled(nn.Module):
    """Places become features, by one of three ways."""

    def __init__(self, head: str) -> None:
        super().__init__()
        self.head = head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Reduce. Input BCHW, result BC, or BF with all places as features."""
        if self.head == "adaptive":
            return torch.flatten(nn.functional.adaptive_avg_pool2d(x, 1), 1)
        return x.mean((2, 3)) if self.head == "mean" else x.view(x.shape[0], -1)


def demo_network(*, width: int, depth: int, is_strided: bool = False) -> nn.Module:
    """A residual network of two stages, of one width, for images of one channel."""
    family = Family("convolutional", "", False, True, False, 0.0, "adaptive", 2, 10)  # noqa: FBT003
    layers: list[nn.Module] = [*_conv(family, 1, width), nn.ReLU()]
    layers += [_block(family, width) for _ in range(depth)]
    layers += [*_conv(family, width, width, stride=2), nn.ReLU()] if is_strided else [nn.MaxPool2d(2)]
    layers += [_block(family, width) for _ in range(depth)]
    return nn.Sequential(*layers, Pooled("adaptive"), nn.Linear(width, 10))


def _convolutional(member: Member) -> nn.Module:
    family = member.family
    layers: list[nn.Module] = [*_conv(family, 2, member.widths[0]), nn.ReLU()]
    width_before = member.widths[0]
    for stage, (width, depth) in enumerate(zip(member.widths, member.depths, strict=True)):
        if stage:
            layers += _transition(family, width_before, width)
        layers += [_block(family, width) for _ in range(depth)]
        width_before = width
    num_places = (8 // 2 ** (family.num_stages - 1)) ** 2 if family.head == "flatten" else 1
    layers += [Pooled(family.head), nn.Dropout(family.dropout)]
    return nn.Sequential(*layers, nn.Linear(width_before * num_places, family.num_classes))


def _conv(family: Family, num_in: int, num_out: int, *, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(num_in, num_out, 3, stride=stride, padding=1, bias=family.has_bias)
    return [conv, nn.BatchNorm2d(num_out)] if family.has_norm else [conv]


def _block(family: Family, width: int) -> nn.Module:
    first, second = _conv(family, width, width), _conv(family, width, width)
    before = [nn.ReLU()] if family.is_preactivated else []
    body = nn.Sequential(*before, *first, nn.ReLU(), *second)
    return Residual(body, is_preactivated=family.is_preactivated)


def _transition(family: Family, num_in: int, num_out: int) -> Sequence[nn.Module]:
    if family.transition == "max":
        return [nn.MaxPool2d(2)]
    if family.transition == "avg":
        return [nn.AvgPool2d(2)]
    if family.transition == "conv":
        return [*_conv(family, num_in, num_out, stride=2), nn.ReLU()]
    body = nn.Sequential(
        *_conv(family, num_in, num_out, stride=2), nn.ReLU(), *_conv(family, num_out, num_out)
    )
    shortcut = nn.Sequential(*_conv(family, num_in, num_out, stride=2))
    return [Residual(body, is_preactivated=False, shortcut=shortcut)]


def _mlp(member: Member) -> nn.Module:
    family = member.family
    layers: list[nn.Module] = []
    width_before = 7
    for width, depth in zip(member.widths, member.depths, strict=True):
        layers += [nn.Linear(width_before, width, bias=family.has_bias), nn.ReLU()]
        for _ in range(depth):
            norm = [nn.BatchNorm1d(2 * width)] if family.has_norm else []
            body = nn.Sequential(
                nn.Linear(width, 2 * width), *norm, nn.ReLU(), nn.Dropout(family.dropout),
                nn.Linear(2 * width, width, bias=family.has_bias),
            )  # fmt: skip
            layers.append(Residual(body, is_preactivated=family.is_preactivated))
        width_before = width
    return nn.Sequential(*layers, nn.Dropout(family.dropout), nn.Linear(width_before, family.num_classes))
