"""The example of a differentiable search runs from the search to heirs that are exact."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from heredity.experiment import ExperimentState, TrialRecord
from heredity.ids import TrialId
from heredity.journal import read_state

EXAMPLE = Path(__file__).parents[2] / "examples/darts/darts.py"
SMALL = ["--images", "digits", "--channels", "4", "--wider", "6"]
SHORT = ["--search-epochs", "1", "--epochs", "1", "--num-random", "1"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExperimentState, str, Path]:
    """The experiment of a short run, what was printed, and where it is."""
    folder = tmp_path_factory.mktemp("darts") / "run"
    command = [sys.executable, str(EXAMPLE), str(folder), *SMALL, *SHORT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return read_state(folder / "journal.jsonl"), done.stdout, folder


def named(state: ExperimentState, name: str) -> TrialRecord:
    return state.trials[TrialId(name)]


@pytest.mark.parametrize("heir", ["heir", "wider-heir"])
def test_heirs_take_over_exactly_what_was_derived(ran: tuple[ExperimentState, str, Path], heir: str) -> None:
    inheritance = named(ran[0], heir).inheritance
    assert inheritance is not None
    assert inheritance["verdict"] == "exact"
    difference = inheritance["max_difference"]
    assert isinstance(difference, float)
    assert difference < 1e-4


def test_the_same_architecture_afresh_inherits_nothing(ran: tuple[ExperimentState, str, Path]) -> None:
    heir, afresh = named(ran[0], "heir"), named(ran[0], "afresh")
    assert afresh.inheritance is None
    assert afresh.reports[0].metrics["parameters"] == heir.reports[0].metrics["parameters"]


def test_it_ends_with_a_comparison_with_chance(ran: tuple[ExperimentState, str, Path]) -> None:
    _, printed, folder = ran
    assert "random networks. The best of those by validation, random-1, reaches" in printed
    assert {"weights.svg", "normal.dot", "reduce.dot"} <= {path.name for path in folder.iterdir()}
