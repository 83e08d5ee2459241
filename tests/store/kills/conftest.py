"""No victim outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.store.kills.victim import Victim


@pytest.fixture(autouse=True)
def no_victim_left() -> Iterator[None]:
    """A test that fails leaves its victim stopped, and with it the pipes that it shares with pytest."""
    yield
    Victim.end_all()
