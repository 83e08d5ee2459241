"""Mirrors of an experiment that runs: from Python, from a file, and with a tool that is missing."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

import heredity as hd
from heredity.engine.files.experiment_file import load_experiment
from heredity.errors import ConfigError
from heredity.experiment import ExperimentState
from heredity.ids import TrialId
from heredity.mirrors import CsvFiles, TensorBoard
from heredity.testing.experiments import trial_named

FILE = """
name: mirrored
function: train.py:train
seed: 0
concurrency: 1
executor: inline
mirrors: {mirrors}
strategy: {{kind: given, trials: {{a: {{}}, b: {{parents: a}}}}}}
"""


def train(trial: hd.Trial) -> float:
    trial.report(0.5, step=1)
    return 0.75


def _experiment(directory: Path, *mirrors: str) -> hd.Experiment:
    return hd.Experiment(
        train=train,
        name="mirrored",
        strategy=hd.strategies.Given([hd.strategies.GivenTrial(TrialId("a"), {"width": 3})]),
        seed=0,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        directory=directory,
        mirrors=mirrors,
    )


def _trials(directory: Path) -> list[str]:
    with (directory / "mirrors/csv/trials.csv").open() as file:
        return [row["trial"] for row in csv.DictReader(file)]


def test_an_experiment_fills_its_mirrors(tmp_path: Path) -> None:
    experiment = _experiment(tmp_path / "run", "csv", "tensorboard")
    experiment.run()
    written = [(outcome.kind, outcome.num_written, outcome.problem) for outcome in experiment.mirror_outcomes]
    assert sorted(written) == [("csv", 1, ""), ("tensorboard", 1, "")]
    assert _trials(tmp_path / "run") == ["a"]


def test_a_resumed_experiment_writes_nothing_twice(tmp_path: Path) -> None:
    _experiment(tmp_path / "run", "csv").run()
    experiment = _experiment(tmp_path / "run", "csv")
    experiment.resume()
    assert (experiment.mirror_outcomes[0].num_written, experiment.mirror_outcomes[0].num_known) == (0, 1)
    assert _trials(tmp_path / "run") == ["a"]


def test_a_tool_that_is_missing_costs_no_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    experiment = _experiment(tmp_path / "run", "wandb")
    state: ExperimentState = experiment.run()
    assert trial_named(state, "a").score == 0.75
    (outcome,) = experiment.mirror_outcomes
    assert outcome.num_missing == 1
    assert "pip install 'heredity[wandb]'" in outcome.problem


def test_an_unknown_mirror_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected one of csv"):
        _experiment(tmp_path / "run", "excel").run()
    assert not (tmp_path / "run").exists()


def test_a_file_names_mirrors_by_kind_or_with_settings(tmp_path: Path) -> None:
    (tmp_path / "experiment.yml").write_text(
        FILE.format(mirrors="[tensorboard, {kind: csv, directory: out}]")
    )
    experiment = load_experiment(tmp_path / "experiment.yml")
    assert experiment.mirrors == [TensorBoard(), CsvFiles(directory="out")]


@pytest.mark.parametrize(
    ("mirrors", "message"),
    [
        ("[tensorbord]", "did you mean 'tensorboard'"),
        ("[{kind: mlflow, uri: x}]", "unknown key 'uri'"),
        ("[{kind: wandb, mode: sometimes}]", "expected one of offline, online"),
        ("csv", "expected a list"),
    ],
)
def test_a_files_mistakes_are_named_with_their_line(tmp_path: Path, mirrors: str, message: str) -> None:
    (tmp_path / "experiment.yml").write_text(FILE.format(mirrors=mirrors))
    with pytest.raises(ConfigError, match=rf"experiment.yml:7: mirrors.*{message}"):
        load_experiment(tmp_path / "experiment.yml")
