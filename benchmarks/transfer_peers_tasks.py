"""What is learned: three families of networks, each with a parent, children of other sizes, and its data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from transfer_peers_language import CONTEXT, LanguageModel, read_signs

sys.path.append(str(Path(__file__).parent.parent / "examples" / "father_and_children"))

from network import ResidualNetwork

from data import FASHION_MNIST, load_images  # the example's, which stands in a folder of its own


@dataclass(frozen=True, eq=False)
class Data:
    """What to learn from and what to test on: inputs and labels."""

    draw: Callable[[torch.Generator], tuple[Tensor, Tensor]]
    test: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Family:
    """A kind of network, its data, and how its members are trained.

    Attributes:
        name: Its name.
        build: A member, by width and depth.
        load: The data.
        parent: Width and depth of the parent.
        children: Width and depth of each child.
        branch_ends: How the tensors' names end that are the last of a residual branch.
        optimizer: Given a module and a learning rate.
        rates: The learning rates of which each side takes its best; the parent takes the one in the middle.
        parent_steps: How long the parent has been trained.
        own_steps: How long each child is trained.
        every: How many steps lie between two measurements.
    """

    name: str
    build: Callable[[int, int], nn.Module]
    load: Callable[[], Data]
    parent: tuple[int, int]
    children: Mapping[str, tuple[int, int]]
    branch_ends: tuple[str, ...]
    optimizer: Callable[[nn.Module, float], torch.optim.Optimizer]
    rates: Sequence[float]
    parent_steps: int
    own_steps: int
    every: int

    @property
    def parent_rate(self) -> float:
        return self.rates[len(self.rates) // 2]


def _images(name: str, *, num_train: int | None, num_test: int | None) -> Data:
    images = load_images(name, num_train=num_train, num_test=num_test)

    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        picked = torch.randint(len(images.train_x), (32,), generator=generator)
        return images.train_x[picked], images.train_y[picked]

    return Data(draw, (images.test_x, images.test_y))


def _text(*, num_signs: int, num_test: int) -> Data:
    learn, test = read_signs(num_signs)
    starts = torch.arange(num_test) * (len(test) // num_test - 1)

    def windows(text: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        rows = text[starts[:, None] + torch.arange(CONTEXT + 1)]
        return rows[:, :-1], rows[:, 1:]

    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        return windows(learn, torch.randint(len(learn) - CONTEXT - 1, (8,), generator=generator))

    return Data(draw, windows(test, starts))


def _sgd(module: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(module.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=5e-4)


def _adam(module: nn.Module, rate: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(module.parameters(), rate, betas=(0.9, 0.98), weight_decay=0.01)


_DIGITS = Family(
    name="digits",
    build=partial(ResidualNetwork, num_classes=10),
    load=partial(_images, "digits", num_train=None, num_test=None),
    parent=(8, 1),
    children={"wider": (16, 1), "deeper": (8, 2), "both": (16, 2)},
    branch_ends=(".norm.weight", ".norm.bias"),
    optimizer=_sgd,
    rates=(0.01, 0.03, 0.1),
    parent_steps=100,
    own_steps=100,
    every=10,
)
_FASHION = replace(
    _DIGITS,
    name="fashion-mnist",
    load=partial(_images, "fashion-mnist", num_train=6000, num_test=500),
    parent_steps=400,
    own_steps=200,
    every=20,
)
_LANGUAGE = Family(
    name="characters",
    build=LanguageModel,
    load=partial(_text, num_signs=1_000_000, num_test=64),
    parent=(64, 2),
    children={"wider": (128, 2), "deeper": (64, 4), "both": (128, 4)},
    branch_ends=(".mix.weight", ".down.weight"),
    optimizer=_adam,
    rates=(1e-3, 2e-3, 4e-3),
    parent_steps=900,
    own_steps=300,
    every=25,
)


def families() -> dict[str, Family]:
    """All families whose data are on this machine, by name."""
    here = (_DIGITS, _FASHION, _LANGUAGE) if FASHION_MNIST.is_dir() else (_DIGITS, _LANGUAGE)
    return {family.name: family for family in here}


def tiny(family: Family) -> Family:
    """The same, so small that it only shows that everything runs."""
    small = {"digits": (2, 1), "fashion-mnist": (2, 1), "characters": (16, 1)}[family.name]
    width, depth = small
    return replace(
        family,
        parent=small,
        children={
            "wider": (2 * width, depth),
            "deeper": (width, 2 * depth),
            "both": (2 * width, 2 * depth),
        },
        rates=family.rates[:2],
        parent_steps=4,
        own_steps=4,
        every=1,
    )
