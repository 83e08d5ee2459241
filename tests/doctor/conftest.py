"""A place that answers at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on tmpfs."""
    folder = Path("/dev/shm", f"heredity-{os.getpid()}-{tmp_path.name}")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
