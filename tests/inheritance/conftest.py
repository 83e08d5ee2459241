"""What the tests of inheriting share: a store with a father in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import heredity as hd
from heredity.store import Store, open_store
from heredity.testing.generators import demo_network, disturbed


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(24, 1, 8, 8)


@pytest.fixture
def store(tmp_path: Path, images: torch.Tensor) -> Store:
    """A store with a father that has been recorded on four images."""
    store = open_store(tmp_path / "store")
    hd.save(
        store, disturbed(demo_network(width=8, depth=1)), key="father", score=0.5, example_inputs=images[:4]
    )
    return store
