"""Real images to learn from: scikit-learn's digits, or Fashion-MNIST where Debian's package has put it."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
"""Where ``apt-get install dataset-fashion-mnist`` puts its four files."""


@dataclass(frozen=True, eq=False)
class Images:
    """Images as float32, NCHW, with mean 0 and deviation 1 over the training set; labels as int64."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    name: str
    num_classes: int


def load_images(name: str = "digits", *, num_train: int | None = None, num_test: int | None = None) -> Images:
    """Load ``"digits"`` (8x8, on every machine) or ``"fashion-mnist"`` (14x14, needs the Debian package).

    The split is the same on every machine and in every run; ``num_train`` and ``num_test`` take only the
    first images of each part.
    """
    loaders = {"digits": _digits, "fashion-mnist": _fashion_mnist}
    if name not in loaders:
        raise ValueError(f"images {name!r}: expected one of {', '.join(loaders)}")
    train_x, train_y, test_x, test_y = loaders[name]()
    train_x, train_y = train_x[:num_train], train_y[:num_train]
    mean, deviation = train_x.mean(), train_x.std()
    return Images(
        train_x=(train_x - mean) / deviation,
        train_y=train_y,
        test_x=(test_x[:num_test] - mean) / deviation,
        test_y=test_y[:num_test],
        name=name,
        num_classes=10,
    )


def _digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    # In the order of the file, so that most of the test digits were written by other hands.
    digits = load_digits()
    x = torch.from_numpy(digits.images.astype(np.float32))[:, None]
    y = torch.from_numpy(digits.target.astype(np.int64))
    half = len(x) // 2
    return x[:half], y[:half], x[half:], y[half:]


def _fashion_mnist() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if not FASHION_MNIST.is_dir():
        raise FileNotFoundError(f"{FASHION_MNIST} is missing; run: apt-get install dataset-fashion-mnist")
    train_x, train_y = _read_pair("train")
    test_x, test_y = _read_pair("t10k")
    return train_x, train_y, test_x, test_y


def _read_pair(part: str) -> tuple[Tensor, Tensor]:
    images = _read_idx(FASHION_MNIST / f"{part}-images-idx3-ubyte.gz")
    labels = _read_idx(FASHION_MNIST / f"{part}-labels-idx1-ubyte.gz")
    x = torch.from_numpy(images.astype(np.float32))[:, None]
    return functional.avg_pool2d(x, 2), torch.from_numpy(labels.astype(np.int64))


def _read_idx(path: Path) -> NDArray[np.uint8]:
    # The format: two zero bytes, the type (8: uint8), the number of axes, each axis as a big-endian uint32.
    data = gzip.decompress(path.read_bytes())
    if data[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path}: expected an idx file of bytes, got the first bytes {data[:4]!r}")
    num_axes = data[3]
    shape = np.frombuffer(data, ">u4", count=num_axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * num_axes).reshape([int(size) for size in shape])
