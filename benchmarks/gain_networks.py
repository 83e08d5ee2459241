"""The networks that are searched among: three residual stages, over signals or images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

Parameters = Mapping[str, Any]  # Any: whatever the space holds
_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}


class _Unit(nn.Module):
    """A convolution, its normalization, an activation; (N, C, places) or (N, C, height, width)."""

    def __init__(
        self, inputs: int, outputs: int, *, at: Parameters, kernel: int, stride: int, two: bool
    ) -> None:
        super().__init__()
        convolution = nn.Conv2d if two else nn.Conv1d
        norm = (nn.BatchNorm2d if two else nn.BatchNorm1d) if at["norm"] == "batch" else None
        self.convolution = convolution(
            inputs, outputs, kernel, stride, padding=kernel // 2, bias=norm is None
        )
        self.norm = nn.Identity() if norm is None else norm(outputs)
        self.activation = _ACTIVATIONS[at["activation"]]()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(self.norm(self.convolution(x)))
        return result


class _Residual(nn.Module):
    """Adds a unit and a closing convolution to what it reads; ``skip`` false: takes their place instead."""

    def __init__(self, width: int, *, at: Parameters, kernel: int, two: bool) -> None:
        super().__init__()
        convolution = nn.Conv2d if two else nn.Conv1d
        self.unit = _Unit(width, width, at=at, kernel=kernel, stride=1, two=two)
        self.close = convolution(width, width, kernel, padding=kernel // 2)
        self.activation = _ACTIVATIONS[at["activation"]]()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.activation(self.close(self.unit(x)))
        return result


def stages(at: Parameters, *, two: bool) -> nn.Module:
    """A network of three stages, each halving the places but the first; 10 classes."""
    layers: list[nn.Module] = []
    before = 1
    for stage in range(3):
        width, kernel = at[f"width{stage}"], at[f"kernel{stage}"]
        layers.append(_Unit(before, width, at=at, kernel=kernel, stride=1 if stage == 0 else 2, two=two))
        layers += [_Residual(width, at=at, kernel=kernel, two=two) for _ in range(at[f"depth{stage}"])]
        before = width
    pool: nn.Module = nn.AdaptiveAvgPool2d(1) if two else nn.AdaptiveAvgPool1d(1)
    return nn.Sequential(*layers, pool, nn.Flatten(), nn.Linear(before, 10))
