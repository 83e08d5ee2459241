"""Several networks of one shape as one: their channels side by side, their convolutions in groups.

Each of them computes what it computes alone, and the gradient of the sum of their losses is each one's own.
Such small networks are bound by calls and not by arithmetic, so that three in one cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Networks of one shape, side by side; what they read has an axis for them: (networks, N, C, places…).

    Args:
        networks: Sequences of convolutions, batch normalizations, pools, activations, residual blocks, and
            one linear layer after all places were averaged.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.num = len(networks)
        self.body = _stacked(list(networks))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it

    def forward(self, x_SNCP: Tensor) -> Tensor:  # noqa: N803  # shapes beside tensors
        """Their logits: (networks, N, classes)."""
        side_by_side = x_SNCP.transpose(0, 1).flatten(1, 2)
        if side_by_side.dim() == 3:  # signals are images of one row
            side_by_side = side_by_side[:, :, None]
        logits: Tensor = self.body(side_by_side.contiguous(memory_format=torch.channels_last))
        return logits.reshape(len(logits), self.num, -1).transpose(0, 1)

    def loss(self, x_SNCP: Tensor, y_SN: Tensor) -> Tensor:  # noqa: N803
        """The sum of their mean cross entropies."""
        logits = self(x_SNCP)
        return nn.functional.cross_entropy(logits.flatten(0, 1), y_SN.flatten()) * self.num


class _Sum(nn.Module):
    """A residual block: what it reads, and what the layers make of it."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layers(x)
        return result


def _stacked(modules: list[nn.Module]) -> nn.Module:
    first = modules[0]
    if hasattr(first, "open"):  # a residual block
        names = ("open", "norm", "activation", "close")
        return _Sum(nn.Sequential(*(_stacked([getattr(one, name) for one in modules]) for name in names)))
    if isinstance(first, nn.Sequential):
        return nn.Sequential(*(_stacked(list(row)) for row in zip(*modules, strict=True)))
    for kind, stack in _STACKERS.items():
        if isinstance(first, kind):
            return stack(modules)
    raise TypeError(f"expected a layer that can be stacked, got {type(first).__name__}")


def _convolution(made: list[nn.Module]) -> nn.Module:
    first, num = made[0], len(made)
    assert isinstance(first, nn.Conv1d | nn.Conv2d)
    assert first.groups == 1
    stacked = nn.Conv2d(
        first.in_channels * num,
        first.out_channels * num,
        _pair(first.kernel_size, before=1),
        stride=_pair(first.stride, before=1),
        padding=_pair(first.padding, before=0),
        groups=num,
        bias=first.bias is not None,
    )
    _fill(stacked, made)
    return stacked


def _pair(sizes: object, *, before: int) -> tuple[int, int]:
    """Sizes of signals as those of images of one row."""
    assert isinstance(sizes, tuple)
    return (before, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def _normalization(made: list[nn.Module]) -> nn.Module:
    first = made[0]
    assert isinstance(first, nn.BatchNorm1d | nn.BatchNorm2d)
    stacked = nn.BatchNorm2d(first.num_features * len(made), eps=first.eps, momentum=first.momentum)
    _fill(stacked, made)
    return stacked


def _linear(made: list[nn.Module]) -> nn.Module:
    first, num = made[0], len(made)
    assert isinstance(first, nn.Linear)
    stacked = nn.Conv2d(first.in_features * num, first.out_features * num, 1, groups=num)
    _fill(stacked, made)
    return stacked


@torch.no_grad()
def _fill(stacked: nn.Module, made: list[nn.Module]) -> None:
    for name, tensor in stacked.state_dict(keep_vars=True).items():
        parts = [one.state_dict()[name] for one in made]
        whole = parts[0] if parts[0].dim() == 0 else torch.cat(parts)
        tensor.copy_(whole.reshape(tensor.shape))


def _pool(made: list[nn.Module]) -> nn.Module:
    first = made[0]
    assert isinstance(first, nn.MaxPool1d)
    assert isinstance(first.kernel_size, int)
    return nn.MaxPool2d((1, first.kernel_size))


_STACKERS: Mapping[type[nn.Module], Callable[[list[nn.Module]], nn.Module]] = {
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _normalization,
    nn.BatchNorm2d: _normalization,
    nn.Linear: _linear,
    nn.MaxPool1d: _pool,
    nn.AdaptiveAvgPool1d: lambda _made: nn.AdaptiveAvgPool2d(1),
    nn.AdaptiveAvgPool2d: lambda _made: nn.AdaptiveAvgPool2d(1),
    nn.Flatten: lambda _made: nn.Identity(),  # a linear layer has become a convolution
    nn.ReLU: lambda _made: nn.ReLU(),
    nn.Tanh: lambda _made: nn.Tanh(),
    nn.Sigmoid: lambda _made: nn.Sigmoid(),
    nn.Identity: lambda _made: nn.Identity(),
}
