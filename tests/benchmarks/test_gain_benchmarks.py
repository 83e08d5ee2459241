"""The benchmark of searches: fair defaults, and arms that run to their end on a handful of rows."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mnist1d", reason="the group bench is not installed")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def gain(monkeypatch: pytest.MonkeyPatch) -> Any:  # Any: modules that are imported by their path
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gain_run")


def test_what_a_search_is_compared_with_lies_in_its_space(gain: Any) -> None:
    problems = {
        (name, what): task.space.problems(point)
        for name, task in gain.TASKS.items()
        for what, point in (("default", task.default), ("small", task.small))
    }
    assert not any(problems.values()), problems


@pytest.mark.parametrize("arm", ["default", "asha", "evolution-dropped", "inherit-known"])
def test_an_arm_spends_its_epochs_and_no_more(gain: Any, arm: str, tmp_path: Path) -> None:
    all_rows = gain.TASKS["mnist-1d"].load()
    few = replace(all_rows, **{name: (x[:100], y[:100]) for name, (x, y) in vars(all_rows).items()})
    task = replace(gain.TASKS["mnist-1d"], load=lambda: few, epochs=12, short=2)
    state = gain._experiment(task, gain.ARMS[arm](task, 0), seed=0, folder=str(tmp_path)).run()
    trials: list[Mapping[str, Any]] = [gain._trial(record, state) for record in state.trials.values()]
    assert 0 < sum(trial["steps"] for trial in trials) <= 12
    assert any(trial["is_heir"] for trial in trials) == arm.startswith("inherit")
