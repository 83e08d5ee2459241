"""The benchmarks of the transfer still run: a little of everything, through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / name, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _rows(page: str, beginning: str) -> list[list[str]]:
    """The cells of a page's table rows that begin so."""
    lines = [line for line in page.splitlines() if line.startswith(f"| {beginning}")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.slow
def test_inheritance_is_compared_with_what_people_do_instead(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    arguments = ("--tiny", "--seeds", "1", "--workers", "1", "--only", "digits")

    _run("transfer_peers.py", *arguments, "--report", str(page))
    numbers = json.loads(page.with_suffix(".json").read_text())
    before = page.read_text()
    _run("transfer_peers.py", "--go-on", "--seeds", "0", "--only", "digits", "--report", str(page))

    assert list(numbers["families"]["digits"]["seeds"]) == ["0"]
    assert before.startswith("# What inheritance is worth")
    for task in ("wider", "deeper", "both"):
        assert f"### digits, {task}" in before
    assert len(_rows(before, "heredity, fresh")) == 3, "one for each task"
    assert (tmp_path / "page-digits.svg").stat().st_size > 1000
    assert page.read_text() == before, "the page is made from its numbers alone"


@pytest.mark.slow
def test_the_time_and_the_memory_of_a_transfer_are_measured(tmp_path: Path) -> None:
    page = tmp_path / "page.md"

    _run("transfer_speed.py", "--tiny", "--rounds", "1", "--report", str(page))

    rows = json.loads(page.with_suffix(".json").read_text())
    assert [row["name"].split(",")[0] for row in rows] == ["ResNet-50", "ResNet-50", "Llama", "Llama"]
    assert all(row["certificate"].startswith("exact") for row in rows)
    assert all(row["plan_seconds"] > 0 and row["apply_seconds"] > 0 for row in rows)
    assert len(_rows(page.read_text(), "ResNet-50")) == 2


@pytest.mark.slow
def test_what_a_smaller_child_keeps_is_measured() -> None:
    page = _run("transfer_shrinking.py", "--tiny", "--seeds", "2")

    assert page.startswith("# Smaller children")
    assert len(_rows(page, "from scratch")) == 2, "one for each family"
    assert len(_rows(page, "… and layers fitted (`fit`)")) == 2
    assert len(_rows(page, "those of the largest branches")) == 2
    assert all(len(row) == 4 for row in _rows(page, "first entries"))
    assert page.count("as long as") == 2, "what fitting costs, for each family"


@pytest.mark.slow
def test_families_are_measured_and_their_summary_is_renewed(tmp_path: Path) -> None:
    page, summary = tmp_path / "page.md", tmp_path / "families.md"
    summary.write_text((BENCHMARKS.parent / "docs" / "families.md").read_text())
    arguments = ("--quick", "--only", "transformers (MobileNetV1|GPT-2) ")

    _run("transfer_families.py", *arguments, "--report", str(page), "--summary", str(summary))

    rows = json.loads(page.with_suffix(".json").read_text())["rows"]
    assert [(row["family"], row["direction"]) for row in rows] == [("MobileNetV1", "grow"), ("GPT-2", "grow")]
    assert [row[2] for row in _rows(page.read_text(), "GPT-2 (transformers)")] == ["exact"]
    text = summary.read_text()
    assert "MobileNetV1" in text
    assert "BEiT" not in text, "the table says what this run has measured"
