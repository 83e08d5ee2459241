"""Results as Parquet, MLflow and W&B read them; in an environment of their own, see `make test-mirrors`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heredity.mirrors import MLflow, ParquetFiles, WeightsAndBiases
from heredity.mirrors.mirroring import mirror_state
from heredity.testing.histories import History

pytestmark = [pytest.mark.mirrors, pytest.mark.filterwarnings("default")]  # those of the tools are theirs


def _runs(directory: Path) -> dict[str, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{directory}/mirrors/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("history")
    assert experiment is not None
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def test_mlflow_has_a_run_a_trial_below_its_parents(history: History, tmp_path: Path) -> None:
    outcome = mirror_state(history.state, MLflow(), directory=tmp_path)
    assert (outcome.problem, outcome.num_written) == ("", 3)
    runs = _runs(tmp_path)
    father, child = runs["father"], runs["child"]
    assert father.data.params == {"width": "16", "act": "relu", "deep.rate": "0.1"}
    assert father.data.metrics["final_latency"] == 2.5
    assert child.data.tags["mlflow.parentRunId"] == father.info.run_id
    assert child.data.tags["heredity.parents"] == "father"
    assert (runs["sorry"].info.status, child.info.status) == ("FAILED", "FINISHED")


def test_mlflow_has_metrics_by_step(history: History, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    mirror_state(history.state, MLflow(), directory=tmp_path)
    client = MlflowClient(f"sqlite:///{tmp_path}/mirrors/mlflow/mlflow.db")
    points = client.get_metric_history(_runs(tmp_path)["father"].info.run_id, "score")
    assert [(point.step, point.value) for point in points] == [(1, 0.1), (2, 0.2), (3, 0.3)]


def test_mlflow_gets_nothing_twice_and_halves_again(history: History, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    mirror_state(history.state, MLflow(), directory=tmp_path)
    client = MlflowClient(f"sqlite:///{tmp_path}/mirrors/mlflow/mlflow.db")
    whole = _runs(tmp_path)
    client.create_run(
        whole["father"].info.experiment_id, tags={"heredity.trial": "running"}, run_name="running"
    )
    history.complete("running", 0.5)
    outcome = mirror_state(history.state, MLflow(), directory=tmp_path)
    assert (outcome.num_written, outcome.num_known) == (1, 3)
    runs = _runs(tmp_path)
    assert runs.keys() == {*whole, "running"}
    assert runs["running"].info.status == "FINISHED"


def test_parquet_tables_have_types(history: History, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    outcome = mirror_state(history.state, ParquetFiles(directory=tmp_path), directory=tmp_path)
    assert (outcome.problem, outcome.num_written) == ("", 3)
    trials = pq.read_table(tmp_path / "trials.parquet")
    assert trials.column("score").to_pylist() == [0.3, 0.4, None]
    assert trials.column("parameters.width").to_pylist() == ["16", "24", '"wide"']  # mixed types: JSON
    assert str(trials.schema.field("number").type) == "int64"
    assert pq.read_table(tmp_path / "reports.parquet").num_rows == 4
    assert pq.read_table(tmp_path / "lineage.parquet").column("child").to_pylist() == ["child", "sorry"]


def test_wandb_has_an_offline_run_a_trial_and_none_twice(history: History, tmp_path: Path) -> None:
    outcome = mirror_state(history.state, WeightsAndBiases(directory=tmp_path), directory=tmp_path)
    assert (outcome.problem, outcome.num_written) == ("", 3)
    assert len(list(tmp_path.glob("wandb/offline-run-*/*.wandb"))) == 3
    again = mirror_state(history.state, WeightsAndBiases(directory=tmp_path), directory=tmp_path)
    assert (again.num_written, again.num_known) == (0, 3)
    assert len(list(tmp_path.glob("wandb/offline-run-*"))) == 3


def test_wandb_forgets_the_half_of_a_run(history: History, tmp_path: Path) -> None:
    mirror_state(history.state, WeightsAndBiases(directory=tmp_path), directory=tmp_path)
    (tmp_path / "whole.txt").write_text("father\nchild\nsor")  # its line was cut: it is not whole
    outcome = mirror_state(history.state, WeightsAndBiases(directory=tmp_path), directory=tmp_path)
    assert (outcome.num_written, outcome.num_known) == (1, 2)
    assert len(list(tmp_path.glob("wandb/offline-run-*"))) == 3
    assert (tmp_path / "whole.txt").read_text() == "father\nchild\nsorry\n"
