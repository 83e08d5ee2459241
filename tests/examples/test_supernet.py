"""The example of a search in a supernet: one experiment, one lineage."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import heredity as hd
from heredity.experiment import ExperimentState, TrialRecord
from heredity.inheritance import recorded_inheritance
from heredity.journal import read_state
from heredity.oneshot import space_of
from heredity.space import parse_space

EXAMPLE = Path(__file__).parents[2] / "examples/supernet"
SHORT = {
    "supernet_steps: 400": "supernet_steps: 40",
    "num_trials: 24": "num_trials: 6",
    "max_steps: 100": "max_steps: 10",
    "population_size: 10": "population_size: 4",
    "top: 2": "top: 1",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExperimentState, Path]:
    """The experiment of a short run, by its command."""
    folder = tmp_path_factory.mktemp("supernet")
    text = (EXAMPLE / "experiment.yml").read_text("utf-8")
    for long, short in SHORT.items():
        assert long in text
        text = text.replace(long, short)
    for name in ("elastic_network.py", "search.py"):
        (folder / name).write_text((EXAMPLE / name).read_text("utf-8"), "utf-8")
    (folder / "experiment.yml").write_text(text, "utf-8")
    command = [sys.executable, "-m", "heredity.cli", "run", "experiment.yml", "--directory", "run"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return read_state(folder / "run/journal.jsonl"), folder / "run"


def of_stage(state: ExperimentState, stage: str) -> list[TrialRecord]:
    return [record for record in state.trials.values() if record.info["stage"] == stage]


def test_all_trials_of_all_stages_complete(ran: tuple[ExperimentState, Path]) -> None:
    counts = {stage: len(of_stage(ran[0], stage)) for stage in ("supernet", "search", "final")}
    assert counts == {"supernet": 1, "search": 6, "final": 2}
    assert {record.state.value for record in ran[0].trials.values()} == {"completed"}


def test_what_is_judged_and_the_best_have_exactly_their_part_of_the_supernet(
    ran: tuple[ExperimentState, Path],
) -> None:
    heirs = [record for record in ran[0].trials.values() if record.parents]
    assert {record.info["stage"] for record in heirs} == {"search", "final"}
    for heir in heirs:
        assert heir.inheritance is not None
        told = [heir.inheritance[name] for name in ("parent", "verdict", "coverage")]
        assert told == [ran[0].trials[heir.parents[0]].checkpoint, "exact", 1.0]


def test_what_is_judged_is_shown_as_an_heir(ran: tuple[ExperimentState, Path]) -> None:
    judged = of_stage(ran[0], "search")[0].id
    command = [sys.executable, "-m", "heredity.cli", "tree", str(ran[1])]
    tree = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    [line] = [line for line in tree.splitlines() if f" {judged} " in line]
    assert "inherited exact 100" in line


def test_the_supernet_is_the_ancestor_of_the_best_in_the_store(ran: tuple[ExperimentState, Path]) -> None:
    state, folder = ran
    store = hd.open_store(folder / "store")
    heir = next(record for record in of_stage(state, "final") if record.info["start"] == "supernet")
    assert heir.checkpoint is not None
    assert [each.key for each in store.ancestors(heir.checkpoint)] == [
        state.trials[heir.parents[0]].checkpoint
    ]
    assert recorded_inheritance(store[heir.checkpoint]) is not None


def test_the_file_has_the_space_of_the_supernet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    network = importlib.import_module("elastic_network")
    monkeypatch.delitem(sys.modules, "elastic_network")
    written = yaml.safe_load((EXAMPLE / "experiment.yml").read_text("utf-8"))["space"]
    assert parse_space(written) == space_of(network.build())
