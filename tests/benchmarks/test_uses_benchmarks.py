"""The benchmarks of uses still run: each at a tiny share, through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _run(name: str, page: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Run one seed of some arms; what each has measured."""
    _call(name, page, "--seeds", "1", "--share", "0.01", *arguments)
    text = page.read_text()
    _call(name, page, "--page-only")
    assert page.read_text() == text, "the page is made from its numbers alone"
    assert page.with_suffix(".svg").stat().st_size > 1000
    return {run["arm"]: run for run in json.loads(page.with_suffix(".json").read_text())}


def _call(name: str, page: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / name, "--report", page, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_halving_that_continues_is_compared_with_one_that_restarts(tmp_path: Path) -> None:
    page = tmp_path / "page.md"

    runs = _run("uses_halving.py", page, "--arms", "restart-2-16-16,continue-2-16-16")

    # Two networks with one epoch; the better one up to two: from there, or from nothing.
    assert {arm: run["epochs"] for arm, run in runs.items()} == {"restart-2-16-16": 4, "continue-2-16-16": 3}
    first = [[trial["parameters"] for trial in run["trials"][:2]] for run in runs.values()]
    assert first[0] == first[1], "both begin with the same networks"
    assert "| continue-2-16-16 |" in page.read_text().partition("## The same rungs")[2]


@pytest.mark.slow
def test_a_stream_of_jobs_is_run_from_nothing_and_from_earlier_ones(tmp_path: Path) -> None:
    runs = _run("uses_stream.py", tmp_path / "page.md")

    scratch, nearest = runs["scratch"]["jobs"], runs["nearest"]["jobs"]
    assert [job["macs"] for job in scratch] == [job["macs"] for job in nearest], "the same jobs"
    assert all("parent" not in job for job in scratch)
    assert runs["scratch"]["epochs"] == sum(job["epochs"] for job in scratch)
    assert {run["seed"] for arm, run in runs.items() if arm.startswith("scratch-")} == {1000}


@pytest.mark.slow
def test_a_family_is_charged_with_its_parent(tmp_path: Path) -> None:
    runs = _run("uses_family.py", tmp_path / "page.md", "--arms", "separate-4,family-10-1")

    assert runs["separate-4"]["epochs"] == 8, "one each, at a tiny share"
    assert runs["family-10-1"]["epochs"] == 9, "the parent's as well"
    assert len(runs["family-10-1"]["members"]) == 8
    assert runs["family-10-1"]["cpu_seconds"] > runs["family-10-1"]["parent"]["cpu_seconds"] > 0


@pytest.mark.slow
def test_a_language_model_grows_in_stages_that_are_charged(tmp_path: Path) -> None:
    runs = _run("uses_language.py", tmp_path / "page.md")

    grown, large = runs["three stages"]["points"], runs["large"]["points"]
    assert grown[0]["steps"] > grown[0]["work"] / large[0]["work"] * large[0]["steps"], (
        "small steps cost less"
    )
    assert all(0 < point["loss"] < 6 for point in grown + large)
    assert [point["work"] for point in grown] == sorted(point["work"] for point in grown)


@pytest.mark.slow
def test_a_population_that_inherits_is_compared_with_one_that_restarts(tmp_path: Path) -> None:
    runs = _run("uses_population.py", tmp_path / "page.md", "--arms", "inherits,restarts,random")

    assert {run["epochs"] for run in runs.values()} == {8}, "all arms have the same epochs"
    assert runs["inherits"]["num_exploits"] > 0
    taken = [trial for trial in runs["restarts"]["trials"] if "exploited" in trial["info"]]
    assert taken, "members take over points"
    assert not any(trial["parents"] for trial in taken), "and no weights"
