"""Two spaces small enough to know all of: 729 networks over signals, 81 over images.

Each space is a supernet with slices, in which sub-networks use parts of the same tensors; the first is one
with copies too, in which each candidate of a block has weights of its own, and which can be mixed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from gain_data import Splits, fashion_14, mnist_1d
from torch import Tensor, nn

from heredity.oneshot import (
    Choice,
    Elastic,
    ElasticBatchNorm1d,
    ElasticBatchNorm2d,
    ElasticConv1d,
    ElasticConv2d,
    Repeat,
    freeze,
)

Architecture = Mapping[str, Any]  # Any: whatever the space holds
SKIP = "skip_connect"
Size = int | Elastic
Wrap = Callable[[nn.Module], nn.Module]
_CHANNELS = 16
_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
_WIDTHS, _KERNELS = (8, 24), (3, 9)
_IMAGE_WIDTHS, _IMAGE_KERNELS = (4, 8, 16), (1, 3, 5)
_PLACES = range(3)


class Residual(nn.Module):
    """Adds to what it reads: a convolution, an activation and a convolution of single places."""

    def __init__(
        self, width: Size, kernel: Size, activation: nn.Module, *, two: bool, channels: int = _CHANNELS
    ) -> None:
        super().__init__()
        convolution = ElasticConv2d if two else ElasticConv1d
        self.open = convolution(channels, width, kernel, bias=False)
        self.norm = (ElasticBatchNorm2d if two else ElasticBatchNorm1d)(width)
        self.activation = activation
        self.close = convolution(width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.close(self.activation(self.norm(self.open(x))))
        return result


@dataclass(frozen=True, eq=False)
class TruthSpace:
    """A space of which every network is trained.

    Attributes:
        name: Its name.
        slices: Makes the supernet with slices; its points are the architectures.
        make_copies: Makes the supernet with copies, given what `copies` takes.
        to_copies: What the network with a name is in the supernet with copies.
        from_copies: The name of a network of it.
        keys: All architectures by name.
        load: The data.
        num_train: Rows that train.
        epochs: Of each network of the table.
        rate: Its largest learning rate.
        batch: Rows of a step.
        refused: Methods that cannot search in it.
    """

    name: str
    slices: Callable[[], nn.Module]
    make_copies: Callable[[Wrap, int], nn.Module]
    to_copies: Callable[[str], Architecture]
    from_copies: Callable[[Architecture], str]
    keys: Callable[[], Mapping[str, Architecture]]
    load: Callable[[], Splits]
    num_train: int
    epochs: int
    rate: float
    batch: int = 100
    refused: frozenset[str] = frozenset()

    def copies(self, wrap: Wrap = lambda block: block, *, channels: int = _CHANNELS) -> nn.Module:
        """The supernet in which each candidate of a block has weights of its own.

        Args:
            wrap: What keeps a differentiable search from collapsing goes around the choices of blocks.
            channels: How many channels pass through them.
        """
        return self.make_copies(wrap, channels)

    def train_rows(self) -> tuple[Tensor, Tensor]:
        """What every network and every supernet learns from."""
        x, y = self.load().train
        return x[: self.num_train], y[: self.num_train]

    def network(self, architecture: Architecture, *, seed: int) -> nn.Module:
        """A plain network that begins as torch begins its layers, and not as a part of larger ones."""
        module = freeze(self.slices(), architecture)
        torch.manual_seed(seed)
        for layer in module.modules():
            if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.BatchNorm1d | nn.BatchNorm2d | nn.Linear):
                layer.reset_parameters()
        return module


def _signals(blocks: list[nn.Module]) -> nn.Module:
    layers: list[nn.Module] = [
        nn.Conv1d(1, _CHANNELS, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm1d(_CHANNELS),
        nn.ReLU(),
        blocks[0],
        nn.MaxPool1d(2),
        blocks[1],
        nn.MaxPool1d(2),
        blocks[2],
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(_CHANNELS, 10),
    ]
    return nn.Sequential(*layers)


def _signals_slices() -> nn.Module:
    return _signals([_sliced_block(place) for place in _PLACES])


def _sliced_block(place: int) -> nn.Module:
    width = Elastic(_WIDTHS, label=f"width{place}")
    kernel = Elastic(_KERNELS, label=f"kernel{place}")
    made = {name: Residual(width, kernel, _ACTIVATIONS[name](), two=False) for name in ("relu", "tanh")}
    return Choice({SKIP: nn.Identity(), **made}, label=f"op{place}")


def _signals_copies(wrap: Wrap, channels: int) -> nn.Module:
    return _signals([wrap(_copied_block(place, channels)) for place in _PLACES])


def _copied_block(place: int, channels: int) -> nn.Module:
    made = {
        f"{name}-{width}-{kernel}": Residual(
            width, kernel, _ACTIVATIONS[name](), two=False, channels=channels
        )
        for name, width, kernel in itertools.product(("relu", "tanh"), _WIDTHS, _KERNELS)
    }
    return Choice({SKIP: nn.Identity(), **made}, label=f"block{place}")


def _signals_keys() -> Mapping[str, Architecture]:
    blocks = [SKIP, *_copied_names()]
    return {"/".join(names): _of_names(names) for names in itertools.product(blocks, repeat=3)}


def _copied_names() -> Iterator[str]:
    for name, width, kernel in itertools.product(("relu", "tanh"), _WIDTHS, _KERNELS):
        yield f"{name}-{width}-{kernel}"


def _of_names(names: tuple[str, ...]) -> Architecture:
    found: dict[str, Any] = {}
    for place, name in enumerate(names):
        op, *sizes = name.split("-")
        found[f"op{place}"] = op
        if sizes:
            found[f"width{place}"], found[f"kernel{place}"] = map(int, sizes)
    return found


def _signals_to_copies(key: str) -> Architecture:
    return {f"block{place}": name for place, name in enumerate(key.split("/"))}


def _signals_from_copies(architecture: Architecture) -> str:
    return "/".join(str(architecture[f"block{place}"]) for place in _PLACES)


def _images_slices() -> nn.Module:
    width, kernel = Elastic(_IMAGE_WIDTHS, label="width"), Elastic(_IMAGE_KERNELS, label="kernel")
    return _images(lambda _: Residual(width, kernel, _any_activation(), two=True))


def _images_copies(wrap: Wrap, channels: int) -> nn.Module:
    def block(_: int) -> nn.Module:
        made = {
            f"{width}-{kernel}": Residual(width, kernel, _any_activation(), two=True, channels=channels)
            for width, kernel in itertools.product(_IMAGE_WIDTHS, _IMAGE_KERNELS)
        }
        return wrap(Choice(made, label="block"))

    return _images(block)


def _any_activation() -> nn.Module:
    return Choice({name: make() for name, make in _ACTIVATIONS.items()}, label="activation")


def _images(block: Callable[[int], nn.Module]) -> nn.Module:
    layers: list[nn.Module] = [
        nn.Conv2d(1, _CHANNELS, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(_CHANNELS),
        nn.ReLU(),
        Repeat(block, low=1, high=3, label="depth"),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(_CHANNELS, 10),
    ]
    return nn.Sequential(*layers)


def _images_keys() -> Mapping[str, Architecture]:
    return {
        f"{activation}-{width}-{kernel}-{depth}": {
            "width": width,
            "kernel": kernel,
            "activation": activation,
            "depth": depth,
        }
        for activation in _ACTIVATIONS
        for width, kernel, depth in itertools.product(_IMAGE_WIDTHS, _IMAGE_KERNELS, (1, 2, 3))
    }


def _images_to_copies(key: str) -> Architecture:
    activation, width, kernel, depth = key.split("-")
    return {"activation": activation, "block": f"{width}-{kernel}", "depth": int(depth)}


def _images_from_copies(architecture: Architecture) -> str:
    return f"{architecture['activation']}-{architecture['block']}-{architecture['depth']}"


SIGNALS = TruthSpace(
    name="mnist-1d",
    slices=_signals_slices,
    make_copies=_signals_copies,
    to_copies=_signals_to_copies,
    from_copies=_signals_from_copies,
    keys=cache(_signals_keys),
    load=mnist_1d,
    num_train=4000,
    epochs=10,
    rate=0.1,
)
IMAGES = TruthSpace(
    name="fashion-14",
    slices=_images_slices,
    make_copies=_images_copies,
    to_copies=_images_to_copies,
    from_copies=_images_from_copies,
    keys=cache(_images_keys),
    load=fashion_14,
    num_train=5000,
    epochs=4,
    rate=0.1,
    refused=frozenset({"gdas"}),  # a depth is no choice of modules, of which it draws one
)
SPACES = {space.name: space for space in (SIGNALS, IMAGES)}
