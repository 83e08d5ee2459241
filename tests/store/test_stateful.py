"""Whatever is done in whatever order, a store behaves as a dict does; a collection takes nothing from it."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import rule

from heredity.store import MemoryBackend, Store, open_store
from heredity.testing.faulty_backend import ClockShifted
from heredity.testing.store_machine import StoreMachine


class InMemory(StoreMachine):
    def begin(self) -> None:
        self.url = f"memory://{secrets.token_hex(8)}"

    def reopened(self) -> Store:
        return open_store(self.url)


class InADirectory(InMemory):
    """Where a collection leaves no garbage."""

    def begin(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.url = f"{self.folder}/store"

    @rule()
    def collect(self) -> None:
        super().collect()
        root = Path(self.url)
        assert not [*(root / "tmp").iterdir(), *(root / "trash").iterdir()]

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


class Unfenced(MemoryBackend):
    """A place that others see, and that cannot fence writers, as an object store."""

    def __init__(self, *, url: str) -> None:
        super().__init__(url=url)
        self.capabilities = replace(self.capabilities, is_durable=True)


class WithoutAFence(StoreMachine):
    """Where a grace has a least length; the clock of the place jumps over it."""

    grace = timedelta(minutes=15)

    def begin(self) -> None:
        self.place = Unfenced(url=f"memory://{secrets.token_hex(8)}")

    def reopened(self) -> Store:
        return Store(self.place, store_id="x")

    def collector(self) -> Store:
        return Store(ClockShifted(self.place, 1000.0), store_id="x")


TestMemory = InMemory.TestCase
TestMemory.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

TestUnfenced = WithoutAFence.TestCase
TestUnfenced.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)

TestDirectory = pytest.mark.slow(InADirectory.TestCase)
TestDirectory.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
