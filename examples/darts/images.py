"""Real images in four parts: Fashion-MNIST at 14x14 where Debian's package has put it, else the digits."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
"""Where ``apt-get install dataset-fashion-mnist`` puts its four files."""

Part = tuple[Tensor, Tensor]
"""Images, NCHW with one channel, and labels."""


@dataclass(frozen=True, eq=False)
class Images:
    """What trains weights, what trains the architecture in a search, what chooses, and what is read once."""

    name: str
    train: Part
    search: Part
    validation: Part
    test: Part

    @property
    def everything_to_train(self) -> Part:
        """Both halves of the training data: what a derived network trains on."""
        return torch.cat([self.train[0], self.search[0]]), torch.cat([self.train[1], self.search[1]])


@cache
def load_images(name: str) -> Images:
    """``"fashion-mnist"``: 5,000, 5,000, 5,000 and 10,000 images; ``"digits"``: 500, 500, 300 and 497."""
    if name == "digits":
        return _digits()
    x, y = _fashion_mnist("train")
    test_x, test_y = _fashion_mnist("t10k")
    mean, deviation = x[:10_000].mean(), x[:10_000].std()
    x, test_x = (x - mean) / deviation, (test_x - mean) / deviation
    train, search, validation = ((x[i : i + 5000], y[i : i + 5000]) for i in (0, 5000, 10_000))
    return Images(name, train, search, validation, (test_x, test_y))


def default_name() -> str:
    """Fashion-MNIST, if it is there."""
    return "fashion-mnist" if FASHION_MNIST.is_dir() else "digits"


def _digits() -> Images:
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.images))
    x = torch.from_numpy(data.images[order].astype(np.float32))[:, None] / 8 - 1
    y = torch.from_numpy(data.target[order].astype(np.int64))
    train, search, validation, test = zip(
        x.tensor_split([500, 1000, 1300]), y.tensor_split([500, 1000, 1300]), strict=True
    )
    return Images("digits", train, search, validation, test)


def _fashion_mnist(part: str) -> Part:
    images = _read(FASHION_MNIST / f"{part}-images-idx3-ubyte.gz", header=16).reshape(-1, 1, 28, 28)
    labels = _read(FASHION_MNIST / f"{part}-labels-idx1-ubyte.gz", header=8)
    return functional.avg_pool2d(images.float(), 2), labels.long()


def _read(path: Path, *, header: int) -> Tensor:
    return torch.from_numpy(np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header).copy())
