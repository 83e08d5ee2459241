"""The example of a growing network keeps its promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from heredity.experiment import ExperimentState
from heredity.journal import read_state

EXAMPLE = Path(__file__).parents[2] / "examples/network_morphism/grow.py"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExperimentState, str]:
    """The experiment of a short run, and what was printed."""
    folder = tmp_path_factory.mktemp("grow") / "run"
    command = [sys.executable, str(EXAMPLE), str(folder), "--rounds", "2", "--steps", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return read_state(folder / "journal.jsonl"), done.stdout


def test_every_child_begins_with_its_parents_accuracy(grown: tuple[ExperimentState, str]) -> None:
    state, _ = grown
    children = [record for record in state.trials.values() if record.info["role"] == "child"]
    assert len(children) >= 4
    for child in children:
        assert child.inheritance is not None, child.error
        assert child.inheritance["verdict"] == "exact"
        assert child.reports[0].value == pytest.approx(state.trials[child.parents[0]].score, abs=0.005)


def test_the_last_network_is_better_than_the_first(grown: tuple[ExperimentState, str]) -> None:
    state, printed = grown
    first, *_, last = state.trials.values()
    assert last.info["role"] == "final"
    assert first.score is not None
    assert last.score is not None
    assert last.score > first.score
    assert printed.splitlines()[-1].startswith(f"{last.id} final")
