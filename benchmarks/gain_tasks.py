"""A task: a space of networks, the one that an engineer takes unasked, its data, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from gain_data import CONTEXT, Splits, characters, fashion_14, mnist_1d
from gain_networks import stages
from torch import Tensor, nn
from torch.nn import functional
from transfer_peers_language import NUM_SIGNS, LanguageModel

from heredity.space import Choice, Space


@dataclass(frozen=True, eq=False)
class Task:
    """What is searched, and on what.

    Attributes:
        name: Its name.
        space: The architectures.
        default: A sane one, as it is chosen without a search.
        build: A network of the space.
        load: The data.
        loss: Of logits and labels.
        score: Of logits and labels; more is better.
        optimizer: Given the weights and a learning rate.
        rate: The learning rate from nothing.
        batch: Rows a step.
        epochs: The budget of a whole search.
        short: Epochs of a child.
        growing: The dimensions whose larger values contain the smaller ones.
        changing: The others.
        small: Where a search that only grows begins.
        targets: Validation scores; how soon each arm has a network so good is told.
    """

    name: str
    space: Space
    default: Mapping[str, Any]
    build: Callable[[Mapping[str, Any]], nn.Module]
    load: Callable[[], Splits]
    loss: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor], float]
    optimizer: Callable[[nn.Module, float], torch.optim.Optimizer]
    rate: float
    batch: int
    epochs: int
    short: int
    growing: tuple[str, ...]
    changing: tuple[str, ...]
    small: Mapping[str, Any]
    targets: tuple[float, ...]


def _stage_space(
    *, widths: tuple[int, ...], kernels: tuple[int, ...], places: tuple[int, int, int], power: int, most: int
) -> Space:
    """Three stages over so many places each, kernels of so many dimensions, and at most so many products."""
    dimensions: dict[str, Choice] = {
        f"{what}{stage}": Choice(values, ordered=True)
        for stage in range(3)
        for what, values in (("width", widths), ("kernel", kernels), ("depth", (0, 1, 2, 3)))
    }
    dimensions |= {"activation": Choice(("relu", "gelu", "tanh")), "norm": Choice(("batch", "none"))}
    products = []
    for stage, places_here in enumerate(places):
        before = "1" if stage == 0 else f"width{stage - 1}"
        kernel = " * ".join([f"kernel{stage}"] * power)
        units = f"({before} + 2 * depth{stage} * width{stage})"
        products.append(f"{places_here} * width{stage} * {kernel} * {units}")
    return Space(dimensions, constraints=[f"{' + '.join(products)} <= {most}"])


def _sgd(module: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(module.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=5e-4)


def _adam(module: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(module.parameters(), rate, betas=(0.9, 0.98), weight_decay=0.01)


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


def _loss_of_signs(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits.reshape(-1, NUM_SIGNS), labels.reshape(-1))


def _bits_saved(logits: Tensor, labels: Tensor) -> float:
    return -float(_loss_of_signs(logits, labels)) / 0.6931471805599453


_GROWING = tuple(f"{what}{stage}" for stage in range(3) for what in ("width", "kernel", "depth"))
_SMALL = {"width0": 8, "width1": 12, "width2": 16, "kernel0": 3, "kernel1": 3, "kernel2": 3} | {
    "depth0": 0,
    "depth1": 0,
    "depth2": 0,
    "activation": "relu",
    "norm": "batch",
}

MNIST_1D = Task(
    name="mnist-1d",
    space=_stage_space(
        widths=(8, 12, 16, 24, 32, 48), kernels=(1, 3, 5, 7, 9), places=(40, 20, 10), power=1, most=120_000
    ),
    # Widths that double, kernels of 5, blocks where they are cheap: 112,000 of the products allowed.
    default={"width0": 8, "width1": 12, "width2": 24, "kernel0": 5, "kernel1": 5, "kernel2": 5}
    | {"depth0": 0, "depth1": 1, "depth2": 1, "activation": "relu", "norm": "batch"},
    build=lambda at: stages(at, two=False),
    load=mnist_1d,
    loss=functional.cross_entropy,
    score=_accuracy,
    optimizer=_sgd,
    rate=0.05,
    batch=100,
    epochs=200,
    short=5,
    growing=_GROWING,
    changing=("activation", "norm"),
    small=_SMALL,
    targets=(0.9, 0.95, 0.97),
)
FASHION_14 = replace(
    MNIST_1D,
    name="fashion-14",
    space=_stage_space(
        widths=(8, 12, 16, 24, 32), kernels=(1, 3, 5), places=(196, 49, 16), power=2, most=1_500_000
    ),
    # 1,111,104 products; the next width in the middle stage has too many.
    default={"width0": 16, "width1": 24, "width2": 32, "kernel0": 3, "kernel1": 3, "kernel2": 3}
    | {"depth0": 0, "depth1": 1, "depth2": 1, "activation": "relu", "norm": "batch"},
    build=lambda at: stages(at, two=True),
    load=fashion_14,
    batch=128,
    epochs=60,
    short=2,
    targets=(0.84, 0.86, 0.88),
)
CHARACTERS = Task(
    name="characters",
    space=Space(
        {
            "width": Choice((32, 48, 64, 96, 128), ordered=True),
            "depth": Choice((1, 2, 3, 4), ordered=True),
            "hidden": Choice((1, 2, 4), ordered=True),
        },
        constraints=["depth * width * width * (4 + 2 * hidden) <= 500000"],
    ),
    default={"width": 64, "depth": 2, "hidden": 4},
    build=lambda at: LanguageModel(at["width"], at["depth"], at["hidden"], CONTEXT),
    load=characters,
    loss=_loss_of_signs,
    score=_bits_saved,
    optimizer=_adam,
    rate=2e-3,
    batch=32,
    epochs=24,
    short=1,
    growing=("width", "depth", "hidden"),
    changing=(),
    small={"width": 32, "depth": 1, "hidden": 2},
    targets=(-3.0, -2.8, -2.6),
)
TASKS = {task.name: task for task in (MNIST_1D, FASHION_14, CHARACTERS)}
