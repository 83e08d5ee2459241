"""The benchmarks of the store still run: a little of everything, through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _run(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / name, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_saving_and_loading_are_measured_and_reported(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("old\n\n## Reading\n\nBy hand.\n")

    _run("store_files.py", "--tiny", "--report", str(page), "--folder", str(tmp_path))

    text = page.read_text()
    assert text.startswith("# Saving and loading weights")
    assert "tiny: save cold / safetensors |" in text
    assert "2 processes with one checkpoint, in all |" in text
    assert "`wait`, median after the name is there |" in text
    assert text.endswith("## Reading\n\nBy hand.\n"), "what was written by hand stays"
    raw = json.loads(page.with_suffix(".json").read_text())
    assert {name: len(raw["times"]["tiny"]["save"][name]) for name in ("heredity", "DCP")} == {
        "heredity": 2,
        "DCP": 2,
    }
    for name in ("tiny", "memory", "waits"):
        assert f"(page-{name}.svg)" in text
        assert (tmp_path / f"page-{name}.svg").stat().st_size > 1000
    assert not list(tmp_path.glob("tmp*")), "it tidies up"


@pytest.mark.slow
def test_sharing_is_measured_and_collection_frees_what_it_foretold(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    arguments = ("--trials", "30", "--population", "10", "--folder", str(tmp_path))

    _run("store_dedup.py", "--report", str(page), *arguments)

    rows = [line.split("|") for line in page.read_text().splitlines() if line.startswith("| uniform")]
    times = [float(row[4].strip(" *")) for row in rows]
    assert len(times) == 4
    assert times == sorted(times), "the less is trained, the more is shared"
    assert times[-1] > 1.5
