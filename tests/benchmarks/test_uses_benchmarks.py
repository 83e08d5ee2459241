"""The benchmarks of uses still run: each at a tiny share, as by its command."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mnist1d", reason="the group bench is not installed")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
Measure = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Runs one seed of some arms in this process, and returns what each has measured."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    page = tmp_path / "page.md"

    def run(name: str, *arms: str) -> dict[str, dict[str, Any]]:
        module = importlib.import_module(name)
        arguments = ["--report", str(page), "--seeds", "1", "--share", "0.01", "--arms", ",".join(arms)]
        module.main(module.USE, module.__doc__, arguments)
        text = page.read_text()
        module.main(module.USE, module.__doc__, ["--report", str(page), "--page-only"])
        assert page.read_text() == text, "the page is made from its numbers alone"
        assert page.with_suffix(".svg").stat().st_size > 1000
        return {run["arm"]: run for run in json.loads(page.with_suffix(".json").read_text())}

    return run


@pytest.mark.slow
def test_a_halving_that_continues_is_compared_with_one_that_restarts(measure: Measure) -> None:
    runs = measure("uses_halving", "restart-2-16-16", "continue-2-16-16")

    # Two networks with one epoch; the better one up to two: from there, or from nothing.
    assert {arm: run["epochs"] for arm, run in runs.items()} == {"restart-2-16-16": 4, "continue-2-16-16": 3}
    first = [[trial["parameters"] for trial in run["trials"][:2]] for run in runs.values()]
    assert first[0] == first[1], "both begin with the same networks"


@pytest.mark.slow
def test_a_stream_of_jobs_is_run_from_nothing_and_from_earlier_ones(measure: Measure) -> None:
    runs = measure("uses_stream")

    scratch, nearest = runs["scratch"]["jobs"], runs["nearest"]["jobs"]
    assert [job["macs"] for job in scratch] == [job["macs"] for job in nearest], "the same jobs"
    assert all("parent" not in job for job in scratch)
    assert "parent" in nearest[1], "the second job has found the first"
    assert runs["scratch"]["epochs"] == sum(job["epochs"] for job in scratch)
    assert {run["seed"] for arm, run in runs.items() if arm.startswith("scratch-")} == {1000}


@pytest.mark.slow
def test_a_family_is_charged_with_its_parent(measure: Measure) -> None:
    runs = measure("uses_family", "separate-4", "family-10-1")

    assert runs["separate-4"]["epochs"] == 2, "one each, at a tiny share"
    assert runs["family-10-1"]["epochs"] == 3, "the parent's as well"
    assert runs["family-10-1"]["cpu_seconds"] > runs["family-10-1"]["parent"]["cpu_seconds"] > 0


@pytest.mark.slow
def test_a_language_model_grows_in_stages_that_are_charged(measure: Measure) -> None:
    runs = measure("uses_language")

    grown, large = runs["three stages"]["points"], runs["large"]["points"]
    prices = [points[0]["work"] / points[0]["steps"] for points in (grown, large)]
    assert prices[0] < prices[1], "a step of a small model costs less"
    assert all(0 < point["loss"] < 6 for point in grown + large)
    assert [point["work"] for point in grown] == sorted(point["work"] for point in grown)


@pytest.mark.slow
def test_a_population_that_inherits_is_compared_with_one_that_restarts(measure: Measure) -> None:
    runs = measure("uses_population", "inherits", "restarts", "random")

    assert {run["epochs"] for run in runs.values()} == {8}, "all arms have the same epochs"
    assert runs["inherits"]["num_exploits"] > 0
    taken = [trial for trial in runs["restarts"]["trials"] if "exploited" in trial["info"]]
    assert taken, "members take over points"
    assert not any(trial["parents"] for trial in taken), "and no weights"
