"""NNI's population-based training: trials load what others have saved, whole, and never what is not there."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from heredity.engine import Experiment
from heredity.errors import ConfigError
from heredity.experiment import TrialRecord, TrialState
from heredity.nni import load_nni_experiment, load_nni_snapshot
from heredity.space import Choice, Float, Space
from heredity.store import open_store
from heredity.strategies.population import Explorer

# Counts how often it was trained; only the members with a large rate are good. As NNI's example does, it
# reports before it saves, and begins from nothing where there is nothing to load.
TRIAL = """
import json, os, sys, nni
params = nni.utils.merge_parameter(
    {"rate": 0.0, "kind": "", "load_checkpoint_dir": "", "save_checkpoint_dir": ""}, nni.get_next_parameter()
)
path = os.path.join(params["load_checkpoint_dir"], "parts", "model.json")
steps = json.load(open(path))["steps"] if os.path.isfile(path) else 0
nni.report_final_result(params["rate"])
folder = os.path.join(params["save_checkpoint_dir"], "parts")
os.makedirs(folder)
with open(os.path.join(folder, "model.json"), "w") as file:
    json.dump({"steps": steps + 1, "by": nni.get_trial_id()}, file)
open(os.path.join(params["save_checkpoint_dir"], "empty"), "w").close()
"""
SPACE = {
    "rate": {"_type": "uniform", "_value": [0.0, 1.0]},
    "kind": {"_type": "choice", "_value": ["a", "b", "c"]},
}
MEMBERS, INTERVALS = 3, 2

Make = Callable[..., Experiment]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """An experiment from a config file."""

    def made(
        *,
        trial: str = TRIAL,
        name: str = "PBTTuner",
        num_trials: int = MEMBERS * INTERVALS,
        **arguments: object,
    ) -> Experiment:
        (tmp_path / "trial.py").write_text(trial)
        fields = {
            "trialCommand": f"{sys.executable} trial.py",
            "trialConcurrency": 2,
            "maxTrialNumber": num_trials,
            "searchSpace": SPACE,
            "tuner": {"name": name, "classArgs": {"population_size": MEMBERS, **arguments}},
            "trainingService": {"platform": "local"},
        }
        (tmp_path / "config.yml").write_text(json.dumps(fields))
        experiment = load_nni_experiment(tmp_path / "config.yml").experiment
        experiment.directory = tmp_path / "run"
        return experiment

    return made


def saved_by(experiment: Experiment, trial: TrialRecord) -> dict[str, object]:
    """What a trial's program has written into its file."""
    assert trial.checkpoint is not None
    tensors = open_store(experiment.store_url())[trial.checkpoint].tensors()
    assert tensors["empty"].size == 0
    content: dict[str, object] = json.loads(tensors["parts/model.json"].tobytes())
    return content


def test_each_trial_goes_on_from_the_files_of_its_parent_and_the_worst_from_the_best(make: Make) -> None:
    experiment = make()
    trials = list(experiment.run().trials.values())
    assert [saved_by(experiment, trial)["steps"] for trial in trials] == [1, 1, 1, 2, 2, 2]
    founders, children = trials[:MEMBERS], trials[MEMBERS:]
    best = max(founders, key=lambda trial: trial.score or 0)
    worst = min(founders, key=lambda trial: trial.score or 0)
    (exploiting,) = (trial for trial in children if "exploited" in trial.info)
    assert (exploiting.info["member"], exploiting.parents) == (worst.info["member"], (best.id,))


def test_a_program_that_saves_nothing_has_failed_and_says_where_it_should(make: Make) -> None:
    trials = (
        make(trial="import nni; nni.get_next_parameter(); nni.report_final_result(1)", num_trials=1)
        .run()
        .trials
    )
    (trial,) = trials.values()
    assert trial.state is TrialState.FAILED
    assert "expected files in params['save_checkpoint_dir']" in trial.error


def test_a_member_that_failed_goes_on_from_a_better_one(make: Make) -> None:
    failing = TRIAL.replace(
        "nni.report_final", "if nni.get_sequence_id() == 1: sys.exit(3)\nnni.report_final"
    )
    trials = list(make(trial=failing).run().trials.values())
    assert trials[1].state is TrialState.FAILED
    heir = next(trial for trial in trials[MEMBERS:] if trial.info["member"] == trials[1].info["member"])
    assert heir.state is TrialState.COMPLETED
    assert heir.parents


def test_a_resumed_population_goes_on_with_its_files(make: Make, tmp_path: Path) -> None:
    make().run()
    journal = tmp_path / "run" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    # As if the driver's machine had gone away while the fifth trial ran.
    cut = next(n for n, line in enumerate(lines) if '"TrialStarted"' in line and '"00005"' in line)
    journal.write_text("".join(lines[: cut + 1]))
    resumed = load_nni_snapshot(tmp_path / "run").experiment
    trials = list(resumed.resume().trials.values())
    assert [saved_by(resumed, trial)["steps"] for trial in trials] == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("name", ["PBT", "PBTTuner"])
def test_the_tuner_s_settings_are_those_of_the_strategy(make: Make, name: str) -> None:
    with pytest.raises(ConfigError, match=r"share: expected above 0, and at most 0\.5, got 0\.7"):
        make(name=name, fraction=0.7)
    with pytest.raises(ConfigError, match=r"factors: expected one from 0 to 1"):
        make(name=name, factor=1.5)


def test_a_choice_moves_by_one_place(make: Make) -> None:
    from heredity.nni.population import with_steps_between_choices

    space = with_steps_between_choices(Space({"kind": Choice(["a", "b", "c"]), "rate": Float(0, 1)}))
    explorer = Explorer(space, resample=0.0)
    rng = random.Random(0)
    assert {explorer.explore({"kind": "b", "rate": 0.5}, rng)["kind"] for _ in range(50)} == {"a", "c"}
