"""Data that need no network: MNIST-1D, Fashion-MNIST at 14 x 14, and characters of Python's library."""

from __future__ import annotations

import gzip
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transfer_peers_language import NUM_SIGNS, SIGNS

FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package ``dataset-fashion-mnist`` puts it."""

CONTEXT = 48


@dataclass(frozen=True, eq=False)
class Splits:
    """Inputs and labels to learn from, to choose by, and to tell the truth with."""

    train: tuple[Tensor, Tensor]
    val: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


@cache
def mnist_1d() -> Splits:
    """4,000 + 4,000 + 12,000 signals of 40 places (Greydanus and Kobak, 2024); made, and always the same."""
    from mnist1d.data import get_dataset_args, make_dataset

    settings = get_dataset_args()
    settings.num_samples, settings.train_split = 20_000, 0.2
    made = make_dataset(settings)
    train = _pair(made["x"][:, None], made["y"])
    x, y = _pair(made["x_test"][:, None], made["y_test"])
    return Splits(train, (x[:4000], y[:4000]), (x[4000:], y[4000:]))


@cache
def fashion_14() -> Splits:
    """10,000 + 5,000 + 10,000 images, each 2 x 2 pixels averaged."""
    x, y = _fashion("train")
    return Splits((x[:10_000], y[:10_000]), (x[-5000:], y[-5000:]), _fashion("t10k"))


@cache
def characters() -> Splits:
    """Windows of Python's own source files: 6,000 + 500 + 1,500; of each the next sign is to be told."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    text = "".join(path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.py")))
    index = {sign: number for number, sign in enumerate(SIGNS)}
    signs = torch.tensor([index.get(sign, NUM_SIGNS - 1) for sign in text[:2_000_000]])
    # Whole stretches apart, so that no window of one split is part of another's.
    stretches = torch.split(signs, len(signs) // 20 + 1)
    learn, choose, tell = torch.cat(stretches[:14]), torch.cat(stretches[14:16]), torch.cat(stretches[16:])
    return Splits(_windows(learn, 6000), _windows(choose, 500), _windows(tell, 1500))


def _windows(signs: Tensor, number: int) -> tuple[Tensor, Tensor]:
    starts = torch.arange(number) * ((len(signs) - CONTEXT - 1) // number)
    rows = signs[starts[:, None] + torch.arange(CONTEXT + 1)]
    return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


def _fashion(name: str) -> tuple[Tensor, Tensor]:
    with gzip.open(FASHION / f"{name}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 14, 2, 14, 2)
    with gzip.open(FASHION / f"{name}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return _pair(pixels.mean((2, 4))[:, None] / 255.0 - 0.29, labels)


def _pair(x: np.ndarray, y: np.ndarray) -> tuple[Tensor, Tensor]:
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.int64)
