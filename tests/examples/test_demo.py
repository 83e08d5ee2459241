"""The demo keeps its promises, measured, over several seeds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from heredity.engine.files.experiment_file import load_experiment
from heredity.experiment import Outcome, TrialState, outcomes
from heredity.store import open_store

EXAMPLES = Path(__file__).parents[2] / "examples"
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module", params=SEEDS)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """The children of one run of the demo."""
    experiment = load_experiment(EXAMPLES / "father_and_children/experiment.yml")
    experiment.seed = request.param
    experiment.directory = tmp_path_factory.mktemp("demo") / "run"
    state = experiment.run()
    assert all(record.state is TrialState.COMPLETED for record in state.trials.values())
    assert open_store(experiment.store_url(), create=False).verify() == []
    children = outcomes(state)
    for child in children:
        print(f"seed {request.param}: {child}")
    return children


@pytest.mark.slow
def test_children_start_at_their_fathers_accuracy(measured: list[Outcome]) -> None:
    """Same, wider and deeper: within half a point of the father before the first step."""
    assert [child.trial for child in measured] == ["same", "wider", "deeper"]
    for child in measured:
        assert child.start is not None
        assert child.parent_score is not None
        assert abs(child.start - child.parent_score) <= 0.005


@pytest.mark.slow
def test_the_certificates_say_exact_and_the_measurement_agrees(measured: list[Outcome]) -> None:
    for child in measured:
        assert child.inheritance is not None
        assert child.inheritance["verdict"] == "exact"
        assert child.inheritance["exact_in_training"] is True
        difference = child.inheritance["max_difference"]
        assert isinstance(difference, float)
        assert difference < 1e-5


@pytest.mark.slow
def test_children_reach_their_twins_end_in_at_most_half_of_the_steps(measured: list[Outcome]) -> None:
    for child in measured:
        assert child.steps_to_twin is not None
        assert child.twin_steps is not None
        assert child.steps_to_twin <= child.twin_steps / 2


def test_the_shared_file_example_finds_the_same_checksum_in_every_child(tmp_path: Path) -> None:
    output, code = run_example("shared_file/experiment.yml", tmp_path)
    assert code == 0, output
    store = open_store(str(tmp_path / "run/store"), create=False)
    checksums = {checkpoint.metadata["sha256"] for checkpoint in store.checkpoints()}
    assert len(checksums) == 1
    assert len(store.checkpoints()) == 4


def test_the_shared_file_example_fails_loudly_if_a_child_reads_other_bytes(tmp_path: Path) -> None:
    """A trial function that spoils the file before one child reads it stands for a share that loses bytes."""
    spoiled = (EXAMPLES / "shared_file/trial.py").read_text()
    old = "    content = (trial.directory / FILE_NAME).read_bytes()\n"
    assert old in spoiled
    new = old + "    content = content[:-1] if trial.id == 'second' else content\n"
    (tmp_path / "trial.py").write_text(spoiled.replace(old, new))
    (tmp_path / "experiment.yml").write_text((EXAMPLES / "shared_file/experiment.yml").read_text())
    output, code = run_example(str(tmp_path / "experiment.yml"), tmp_path)
    assert code == 1
    assert "second failed: ValueError: second read" in output
    assert "first: completed" in output


def run_example(file: str, tmp_path: Path) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "heredity.cli", "run", str(EXAMPLES / file), "--directory", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120"},
    )
    return done.stdout + done.stderr, done.returncode
