"""What the tests of integrations share: a store, networks of several widths, and inputs for them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import nn

import heredity as hd

# What `make test-integrations` installs beside; elsewhere these tests are not collected, and not skipped.
NEEDS = {
    "test_flax.py": "flax",
    "test_keras.py": "keras",
    "test_keras_with_jax.py": "keras",
    "test_lightning.py": "lightning",
    "test_peft.py": "peft",
    "test_ray_notes.py": "pandas",
    "test_ray_tune.py": "pandas",
    "test_syne_tune.py": "syne_tune",
    "test_transformers.py": "accelerate",
}
collect_ignore = [file for file, package in NEEDS.items() if find_spec(package) is None]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def store(tmp_path: Path) -> hd.Store:
    return hd.open_store(tmp_path / "store")


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.randn(8, 3)


@pytest.fixture
def build() -> Callable[[int], nn.Module]:
    """Makes a network of a width."""
    return lambda width: nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))
