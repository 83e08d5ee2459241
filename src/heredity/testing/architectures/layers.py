"""The bricks of all kinds: sums, products and concatenations of branches, norms and activations by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": lambda: nn.LeakyReLU(0.1),
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU("tanh"),
    "silu": nn.SiLU,
    "hardswish": nn.Hardswish,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "mish": nn.Mish,
}
_CONVOLUTIONS: tuple[type[nn.Conv1d | nn.Conv2d | nn.Conv3d], ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


def run(module: nn.Module, *inputs: Tensor) -> Tensor:
    """Call a module that takes and returns tensors, with the type that torch leaves open."""
    result: Tensor = module(*inputs)
    return result


class Apply(nn.Module):
    """A function of one tensor, as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function."""
        return self.function(x)


class Sum(nn.Module):
    """The sum of what branches make of one tensor; with ``keeps_input``, and of the tensor itself."""

    def __init__(self, *branches: nn.Module, keeps_input: bool = True) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.keeps_input = keeps_input

    def forward(self, x: Tensor) -> Tensor:
        """Add up. All branches return one shape."""
        terms = ([x] if self.keeps_input else []) + [run(branch, x) for branch in self.branches]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


class Product(nn.Module):
    """The product of what two branches make of one tensor: a gate."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        """Multiply. The branches' shapes broadcast."""
        return run(self.first, x) * run(self.second, x)


class Concat(nn.Module):
    """What branches make of one tensor, side by side along an axis."""

    def __init__(self, *branches: nn.Module, axis: int = 1) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate."""
        return torch.cat([run(branch, x) for branch in self.branches], self.axis)


class RMSNorm(nn.Module):
    """Root mean square normalization of the last axis, written by hand as most models do.

    Args:
        width: The axis' length.
        has_scale: Whether there is a factor for each entry.
        added: A number that is added to the factors, as Gemma does, which keeps them less one.
    """

    def __init__(self, width: int, *, has_scale: bool = True, added: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((width,), 1.0 - added)) if has_scale else None
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        """Normalize. Any shape that ends with the width."""
        normed = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
        if self.weight is None:
            return normed
        return (self.added + self.weight if self.added else self.weight) * normed


class ChannelsLast(nn.Module):
    """A module of the last axis, applied to the second one of an image."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Permute there and back. Input and result BCHW."""
        return run(self.body, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def activation(name: str) -> nn.Module:
    """An activation by its name, such as ``"relu"``."""
    return _ACTIVATIONS[name]()


def conv(
    num_in: int,
    num_out: int,
    kernel: int = 3,
    *,
    axes: int = 2,
    stride: int = 1,
    **options: int | bool,
) -> nn.Module:
    """A convolution over one, two or three axes that keeps their sizes, but for the stride."""
    dilation = int(options.get("dilation", 1))
    padding = dilation * (kernel // 2)
    make: Callable[..., nn.Module] = _CONVOLUTIONS[axes - 1]
    return make(num_in, num_out, kernel, stride=stride, padding=padding, **options)


def norm(name: str, width: int, *, axes: int = 2) -> Sequence[nn.Module]:
    """A normalization of the second axis by its name, as a list of modules; empty for ``"none"``."""
    if name == "none":
        return []
    if name == "group":
        return [nn.GroupNorm(2, width)]
    if name == "layer":
        return [nn.GroupNorm(1, width)]
    makers = _INSTANCE_NORMS if name == "instance" else _BATCH_NORMS
    return [makers[axes - 1](width, affine=True)]


def last_norm(name: str, width: int) -> nn.Module:
    """A normalization of the last axis: ``"layer"``, ``"rms"``, ``"fused_rms"`` or ``"plain_rms"``."""
    if name == "layer":
        return nn.LayerNorm(width)
    return (
        nn.RMSNorm(width, eps=1e-6) if name == "fused_rms" else RMSNorm(width, has_scale=name != "plain_rms")
    )


def pooled(name: str = "mean") -> nn.Module:
    """All axes behind the second one become features: ``mean``, ``adaptive``, ``max`` or ``flatten``."""
    if name == "mean":
        return Apply(lambda x: x.mean(tuple(range(2, x.dim()))))
    if name == "max":
        return Apply(lambda x: x.flatten(2).amax(2))
    if name == "adaptive":
        return Apply(lambda x: functional.adaptive_avg_pool2d(x, 1).flatten(1))
    return nn.Flatten()
