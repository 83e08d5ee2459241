"""All that is known of one trial: its plan, its curves, its log, its cells."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.dashboard.reading.cells import cell_facts
from heredity.dashboard.reading.rows import curve, numbers, points_each
from heredity.dashboard.reading.sources import ExperimentSource
from heredity.encoding import Json
from heredity.experiment import Report


@pytest.fixture
def store(tmp_path: Path) -> hd.Store:
    """The checkpoints that the family's journal names, the heir's with its plan."""
    torch.manual_seed(0)
    store = hd.open_store(tmp_path / "store")
    inputs = torch.ones(1, 4)
    father, heir = (nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2)) for width in (4, 6))
    hd.save(store, father, key="history/father@1", example_inputs=inputs)
    inheritance = hd.inherit(heir, store["history/father@1"], example_inputs=inputs)
    hd.save(store, heir, key="history/heir@1", example_inputs=inputs, inherited=inheritance)
    return store


def _detail(source: ExperimentSource, trial: str, *, log_bytes: int = 1000) -> Any:
    source.facts()
    return source.detail(trial, log_bytes=log_bytes)


def test_an_heir_s_plan_is_told_tensor_by_tensor(experiment: Path, store: hd.Store) -> None:
    detail = _detail(ExperimentSource(experiment, store=store), "heir")
    assert [row[:3] for row in detail["plan"]] == [
        ["0.weight", "exact", "0.weight"],
        ["0.bias", "exact", "0.bias"],
        ["2.weight", "exact", "2.weight"],
        ["2.bias", "exact", "2.bias"],
    ]


def test_storage_is_told_of_the_experiment_s_checkpoints_only(experiment: Path, store: hd.Store) -> None:
    hd.save(store, nn.Linear(2, 2), key="a-stranger")
    source = ExperimentSource(experiment, store=store)
    source.facts()
    storage: Any = source.storage()
    assert {row[0]: row[1] for row in storage["rows"]} == {
        "history/father@1": "father",
        "history/heir@1": "heir",
    }
    assert storage["others"] == 1


def test_a_checkpoint_that_is_gone_is_told(experiment: Path, store: hd.Store) -> None:
    store.drop("history/heir@1")
    store.collect(grace=dt.timedelta(0))
    assert "history/heir@1" in _detail(ExperimentSource(experiment, store=store), "heir")["problem"]


def test_the_end_of_a_log_is_shown_as_text(experiment: Path) -> None:
    log = _detail(ExperimentSource(experiment, store="none"), "heir")["log"]
    assert log["lines"][0] == "epoch 1"
    assert log["lines"][-1] == "red �bell �turned"


def test_a_log_that_is_cut_says_how_much_is_left_out(experiment: Path) -> None:
    (experiment / "logs" / "heir@1.log").write_text("a long line\n" * 100)
    log = _detail(ExperimentSource(experiment, store="none"), "heir", log_bytes=30)["log"]
    assert log["lines"] == ["a long line", "a long line"]
    assert log["left_out"] == 1170


def test_a_long_curve_keeps_its_ends() -> None:
    reports = [Report(step, step / 7) for step in range(1000)]
    thin: Any = curve(reports, first_step=0, points=50)
    assert (len(thin), thin[0], thin[-1]) == (50, [0, 0.0], [999, 142.714])


def test_all_curves_together_have_a_bounded_number_of_points() -> None:
    assert [points_each(num) for num in (0, 1, 1000, 1_000_000)] == [400, 400, 150, 8]


def test_what_is_no_number_stands_on_no_axis() -> None:
    assert numbers({"a": 1, "b": "2", "c": True, "d": float("nan"), "e": 0.5}) == {"a": 1.0, "e": 0.5}


def test_cells_are_told_as_edges_that_are_in_use() -> None:
    architecture: dict[str, Json] = {
        "normal/0/0": "conv",
        "normal/0/1": "skip",
        "normal/0/inputs": [1],
        "width": 3,
    }
    assert cell_facts(architecture) == [{"name": "normal", "edges": [[0, 1, "skip"]]}]
