"""The networks that are searched among: three residual stages, and a language model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from gain_data import CONTEXT, NUM_SIGNS
from torch import Tensor, nn
from torch.nn import functional

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


class LanguageModel(nn.Module):
    """A pre-norm transformer over signs, (N, CONTEXT), to logits, (N, CONTEXT, NUM_SIGNS); heads of 16."""

    def __init__(self, at: Parameters) -> None:
        super().__init__()
        width = at["width"]
        self.signs = nn.Embedding(NUM_SIGNS, width)
        self.places = nn.Embedding(CONTEXT, width)
        self.register_buffer("order", torch.arange(CONTEXT), persistent=False)
        self.blocks = nn.Sequential(*(_Block(width, at["hidden"] * width) for _ in range(at["depth"])))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, NUM_SIGNS, bias=False)
        for table in (self.signs, self.places):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, signs: Tensor) -> Tensor:
        x = self.signs(signs) + self.places(self.order)
        logits: Tensor = self.head(self.norm(self.blocks(x)))
        return logits


class _Block(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm_attention = nn.RMSNorm(width, eps=1e-6)
        self.query, self.key, self.value, self.mix = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.norm_perceptron = nn.RMSNorm(width, eps=1e-6)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        read = self.norm_attention(x)
        query, key, value = (_heads(layer(read)) for layer in (self.query, self.key, self.value))
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(seen.transpose(1, 2).flatten(2))
        result: Tensor = x + self.down(functional.gelu(self.up(self.norm_perceptron(x))))
        return result


def _heads(x: Tensor) -> Tensor:
    return torch.unflatten(x, -1, (-1, 16)).transpose(1, 2)
