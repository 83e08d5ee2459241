"""What the pages about uses say of numbers: pairs, intervals, and what stands under "Reading"."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("matplotlib", reason="the group bench is not installed")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("uses_pages")


def test_an_interval_is_students_for_so_many_pairs(pages: ModuleType) -> None:
    # The standard deviation is 1, so that half of it is 4.303 / sqrt(3).
    assert pages.difference([1.0, 2.0, 3.0], 3) == "+2.000 [-0.484, +4.484]"
    assert pages.difference([2.0], 3) == "+2.000", "one pair has no interval"


def test_pairs_have_the_same_seed(pages: ModuleType) -> None:
    ours = [{"seed": 1, "test": 0.75}, {"seed": 2, "test": 0.5}]
    theirs = [{"seed": 2, "test": 0.25}, {"seed": 3, "test": 0.0}]

    assert pages.paired(ours, theirs, "test") == [0.25]
    assert pages.ratios(ours, theirs, "test") == [2.0]


def test_seeds_that_settings_were_chosen_by_are_not_reported(pages: ModuleType) -> None:
    runs = [{"arm": "a", "seed": 0}, {"arm": "a", "seed": 1000}, {"arm": "b", "seed": 1000}]

    assert pages.by_arm(runs) == {"a": [{"arm": "a", "seed": 0}]}


def test_what_was_read_into_the_numbers_stays(pages: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    runs = [{"day": "2026-11-29", "load": 1.0}]
    pages.write_page(page, "Title", runs, ["first"])
    page.write_text(page.read_text().replace("Not written yet.", "All is well."))

    pages.write_page(page, "Title", runs, ["second"])

    text = page.read_text()
    assert text.endswith("## Reading\n\nAll is well.\n")
    assert "second" in text
    assert "first" not in text
