"""Runs as TensorBoard's own reader reads them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from tensorboard.plugins.hparams import plugin_data_pb2

from heredity.mirrors import Mirroring, TensorBoard
from heredity.mirrors.mirroring import mirror_state
from heredity.testing.histories import History

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def _read(folder: Path, trial: str) -> Any:  # TensorBoard has no types
    run = EventAccumulator(str(folder / "history" / trial))
    run.Reload()
    return run


def _curve(folder: Path, trial: str, name: str) -> list[tuple[int, float]]:
    return [(point.step, round(point.value, 6)) for point in _read(folder, trial).Scalars(name)]


def _write(history: History, folder: Path) -> int:
    outcome = mirror_state(history.state, TensorBoard(directory=folder), directory=folder)
    assert not outcome.problem
    return outcome.num_written


def test_a_run_has_the_reports_and_metrics_as_curves(history: History, tmp_path: Path) -> None:
    assert _write(history, tmp_path) == 3
    assert _curve(tmp_path, "father", "score") == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert _curve(tmp_path, "father", "loss") == [(1, 1.0), (2, 0.5), (3, 0.333333)]
    assert _curve(tmp_path, "father", "final/latency") == [(3, 2.5)]
    assert _curve(tmp_path, "child", "final/cumulative_steps") == [(1, 4.0)]


def test_a_run_has_its_hyperparameters_and_parents(history: History, tmp_path: Path) -> None:
    _write(history, tmp_path)
    data = _read(tmp_path, "child").SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(data).session_start_info
    assert start.hparams["width"].number_value == 24
    assert start.hparams["parents"].string_value == "father"


def test_nothing_is_written_twice(history: History, tmp_path: Path) -> None:
    _write(history, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*tfevents*")}
    assert _write(history, tmp_path) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*tfevents*")} == before


def test_curves_grow_while_a_trial_runs(history: History, tmp_path: Path) -> None:
    mirroring = Mirroring(TensorBoard(directory=tmp_path), directory=tmp_path)
    mirroring(history.state, None)
    history.report("running", 0.45, step=2)
    mirroring(history.state, history.events[-1])
    mirroring.close()
    assert _curve(tmp_path, "running", "score") == [(1, 0.41), (2, 0.45)]


@pytest.mark.parametrize("is_resumed", [True, False])
def test_what_a_lost_attempt_reported_is_there_only_if_it_counts(tmp_path: Path, *, is_resumed: bool) -> None:
    history = History()
    mirroring = Mirroring(TensorBoard(directory=tmp_path), directory=tmp_path)
    mirroring(history.state, None)
    history.propose("trial")
    history.start("trial")
    history.report("trial", 0.1, step=1)
    mirroring(history.state, history.events[-1])
    history.save("trial", "history/trial@1")
    history.report("trial", 0.9, step=2)
    mirroring(history.state, history.events[-1])
    history.lose("trial")
    history.start("trial")
    if is_resumed:
        history.go_on("trial", "history/trial@1", step=1, is_own=True)
    history.report("trial", 0.2, step=2)
    mirroring(history.state, history.events[-1])
    history.complete("trial", 0.2)
    mirroring(history.state, history.events[-1])
    assert mirroring.close().num_written == 1
    assert _curve(tmp_path, "trial", "score") == [(1, 0.1), (2, 0.2)][0 if is_resumed else 1 :]
