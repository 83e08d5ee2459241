"""Eight processes that save, load, wait, drop, move refs, pin and collect at once lose nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.store.kills.crowd import crowd
from tests.store.kills.reckoning import check

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # from Python 3.12 on
]


def test_a_crowd_loses_nothing(tmp_path: Path) -> None:
    diaries = crowd(tmp_path / "store", num_members=8, num_operations=150, seed=20)
    check(tmp_path / "store", diaries)
    counts = sum((diary.counts for diary in diaries), Counter[str]())
    for did in ("put: done", "load_pinned: done", "swap: done", "files freed", "files needed by others"):
        assert counts[did] > 20, counts
