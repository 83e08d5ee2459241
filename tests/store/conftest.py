"""Stores to test with."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from heredity.store import Store, open_store


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A new store of each kind."""
    return open_store(tmp_path / "store" if request.param == "local" else f"memory://{secrets.token_hex(8)}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the test's directory store lies, or will."""
    return tmp_path / "store"
