"""NNI's config files: what is read, what is ignored and why, and what is refused with a way out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from heredity.cli.main import heredity as command_line
from heredity.engine.files.yaml_source import parse_yaml
from heredity.errors import ConfigError
from heredity.nni import is_nni_file, load_nni_experiment
from heredity.nni.duration import UntilDuration
from heredity.nni.fields import flattened, seconds_of
from heredity.nni.tuner import Recorded
from heredity.space import Float
from heredity.strategies import NoProposal, Proposal
from heredity.strategies.evolution import RegularizedEvolution
from heredity.strategies.halving import Hyperband
from heredity.strategies.sampling import GridSearch, RandomSearch
from heredity.strategies.stopping import MedianStopper

SPACE = {"rate": {"_type": "uniform", "_value": [0, 1]}, "width": {"_type": "choice", "_value": [8, 16]}}

VERSION_1: dict[str, Any] = {
    "authorName": "somebody",
    "experimentName": "first try!",
    "trialConcurrency": 2,
    "maxExecDuration": "1h",
    "maxTrialNum": 7,
    "trainingServicePlatform": "local",
    "searchSpacePath": "space.json",
    "useAnnotation": False,
    "tuner": {"builtinTunerName": "Random", "classArgs": {"optimize_mode": "minimize"}},
    "trial": {"command": "true", "codeDir": ".", "gpuNum": 0},
}
VERSION_2: dict[str, Any] = {
    "experimentName": "second",
    "trialConcurrency": 2,
    "maxTrialDuration": "90s",
    "searchSpace": SPACE,
    "trialCommand": "true",
    "trialCodeDirectory": ".",
    "tuner": {"name": "Random"},
    "trainingService": {"platform": "local"},
}


def _file(folder: Path, fields: dict[str, Any]) -> Path:
    (folder / "space.json").write_text(json.dumps(SPACE))
    path = folder / "config.yml"
    path.write_text(json.dumps(fields))
    return path


def test_version_1_is_read(tmp_path: Path) -> None:
    loaded = load_nni_experiment(_file(tmp_path, VERSION_1))
    experiment = loaded.experiment
    assert (experiment.name, experiment.budget.concurrency, experiment.budget.max_trials) == (
        "first-try",
        2,
        7,
    )
    assert (type(experiment.strategy), experiment.direction) == (UntilDuration, "minimize")
    assert "maxTrialNum: 7: the number of trials, failed ones among them" in loaded.notes
    assert "authorName: ignored: it has no effect in NNI either" in loaded.notes


def test_version_2_is_read(tmp_path: Path) -> None:
    experiment = load_nni_experiment(_file(tmp_path, VERSION_2)).experiment
    assert (experiment.name, experiment.budget.time_limit_seconds) == ("second", 90)
    assert experiment.budget.max_trials is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Random", RandomSearch), ("GridSearch", GridSearch), ("Evolution", RegularizedEvolution)],
)
def test_a_built_in_tuner_runs_as_a_strategy(tmp_path: Path, name: str, kind: type) -> None:
    fields = VERSION_2 | {"tuner": {"name": name}}
    assert type(load_nni_experiment(_file(tmp_path, fields)).experiment.strategy) is kind


def test_hyperband_is_an_advisor(tmp_path: Path) -> None:
    fields = {name: value for name, value in VERSION_2.items() if name != "tuner"}
    fields["advisor"] = {"name": "Hyperband", "classArgs": {"R": 27, "eta": 3}}
    assert type(load_nni_experiment(_file(tmp_path, fields)).experiment.strategy) is Hyperband


@pytest.mark.parametrize("name", ["NetworkMorphism", "SMAC", "BOHB", "Odd"])
def test_a_tuner_without_a_counterpart_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    fields = VERSION_2 | {"tuner": {"name": name}}
    with pytest.raises(ConfigError, match=rf"tuner.name: '{name}' is not run: .*these are: Evolution, GP"):
        load_nni_experiment(_file(tmp_path, fields))


def test_other_machines_are_refused_with_the_way_to_ray_and_no_password(tmp_path: Path) -> None:
    machines = [{"ip": "10.10.10.10", "username": "bob", "passwd": "bob123"}]
    fields = VERSION_1 | {"trainingServicePlatform": "remote", "machineList": machines}
    with pytest.raises(ConfigError, match=r"expected 'local', got 'remote'.*ray start --head") as raised:
        load_nni_experiment(_file(tmp_path, fields))
    assert "bob" not in str(raised.value)


REMOTE = """
trialConcurrency: 1
trainingServicePlatform: remote
trial: {command: "true"}
tuner: {builtinTunerName: Random}
searchSpacePath: space.json
heredity: {firstParameterId: 3}
machineList:
  - ip: 10.10.10.10
    passwd: bob 123  # his
  - {ip: 10.10.10.11, passwd: "bob,123", username: bob}
"""


def test_on_ray_a_file_for_other_machines_runs_as_it_is(tmp_path: Path) -> None:
    path = _file(tmp_path, {})
    path.write_text(REMOTE)
    loaded = load_nni_experiment(path, is_on_ray=True)
    assert loaded.experiment.executor == "ray"
    assert "machineList: ignored: the machines are those of the Ray cluster, and no password is read" in (
        loaded.notes
    )


def test_no_password_is_written_down(tmp_path: Path) -> None:
    path = _file(tmp_path, {})
    path.write_text(REMOTE)
    source = load_nni_experiment(path, is_on_ray=True).experiment.source
    assert source is not None
    assert "123" not in source.text
    assert '    passwd: "-"  # his' in source.text.splitlines()


@pytest.mark.parametrize("is_json", [True, False])
def test_what_was_chosen_at_the_start_stands_in_the_text_that_is_kept(tmp_path: Path, is_json: bool) -> None:
    fields = VERSION_2 | {"heredity": {"firstParameterId": 3, "seed": 5}}
    path = _file(tmp_path, fields)
    if not is_json:
        path.write_text(
            "\n".join(f"{name}: {json.dumps(value)}" for name, value in fields.items()) + "\n...\n"
        )
    source = load_nni_experiment(path, first_parameter_id=1).experiment.source
    assert source is not None
    kept = flattened(parse_yaml(source.text, path).value)
    assert (kept["heredity.firstParameterId"][1], kept["heredity.seed"][1]) == (1, 5)
    assert len(str(kept["heredity.experimentId"][1])) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maxTrialNumbr": 3}, "maxTrialNumbr: NNI has no such field.*'maxTrialNumber'"),
        ({"trialConcurrency": 0}, "trialConcurrency: expected a whole number of at least 1, got 0"),
        ({"maxTrialDuration": "soon"}, "maxTrialDuration: expected a duration such as 30m, 1h or 2d"),
        ({"multiThread": "yes"}, "multiThread: expected true or false, got 'yes'"),
        ({"useAnnotation": True}, "useAnnotation: expected false"),
        ({"trialCodeDirectory": "gone"}, "trialCodeDirectory: there is no folder"),
        ({"trialCommand": None}, "trialCommand: expected each trial's command"),
        ({"experimentName": 3}, "experimentName: expected a text, got 3"),
        ({"tuner": None}, "tuner: expected"),
        ({"tuner": {"className": "OwnTuner"}}, "tuner.className: expected 'file.Class', got 'OwnTuner'"),
        ({"tuner": {"name": "Random", "className": "a.B"}}, "tuner.name: expected the name of one"),
        ({"tuner": {"name": "Random", "classArgs": 3}}, "tuner.classArgs: expected a mapping, got 3"),
        ({"assessor": {"name": "Curvefitting"}}, "assessor.name: 'Curvefitting' is not run: .*Medianstop"),
        ({"assessor": {"name": "Odd"}}, "assessor.name: 'Odd' is not run: no stopper corresponds to it"),
        ({"sharedStorage": {"storageType": "NFS"}}, "sharedStorage: expected none: nothing is mounted here"),
        ({"searchSpace": {"x": {"_type": "odd", "_value": []}}}, "searchSpace: x._type: unknown type 'odd'"),
        ({"searchSpace": None, "searchSpaceFile": "no.json"}, "searchSpaceFile: .*no.json cannot be read"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"config.yml:\d+: {message}"):
        load_nni_experiment(_file(tmp_path, VERSION_2 | change))


def test_a_class_that_is_no_tuner_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tuner.py").write_text("class OwnTuner: ...")
    fields = VERSION_2 | {"tuner": {"className": "tuner.OwnTuner"}}
    with pytest.raises(ConfigError, match=r"expected a class that derives from nni\.tuner\.Tuner"):
        load_nni_experiment(_file(tmp_path, fields))


def test_class_args_that_the_class_does_not_take_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tuner.py").write_text("from nni.tuner import Tuner\nclass OwnTuner(Tuner): ...")
    fields = VERSION_2 | {"tuner": {"className": "tuner.OwnTuner", "classArgs": {"odd": 1}}}
    with pytest.raises(ConfigError, match=r"tuner.OwnTuner: cannot be made with classArgs"):
        load_nni_experiment(_file(tmp_path, fields))


def test_files_of_ours_are_not_taken_for_nni_s() -> None:
    assert is_nni_file(VERSION_1)
    assert is_nni_file(VERSION_2)
    assert not is_nni_file({"name": "ours", "command": "true", "strategy": "random_search"})


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h", 3600), ("30m", 1800), (45, 45), ("2d", 172_800), ("h", None), (True, None)]
)
def test_durations_have_a_unit(text: Any, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


def test_the_command_line_says_how_it_read_the_file(tmp_path: Path) -> None:
    from click.testing import CliRunner

    path = _file(tmp_path, VERSION_1 | {"maxTrialNum": 1})
    words = ["run", str(path), "--directory", str(tmp_path / "run"), "--executor", "inline"]
    done = CliRunner().invoke(command_line, words)
    assert done.exit_code == 0
    assert "is an NNI config file. This is how it was read:" in done.output
    assert "trainingServicePlatform: local: processes on this machine" in done.output


def test_a_duration_has_no_say_in_what_was_proposed_before() -> None:
    def strategy() -> RandomSearch:
        return RandomSearch({"x": Float(0, 1)}, seed=0)

    proposal = strategy().ask()
    assert isinstance(proposal, Proposal)
    after = UntilDuration(strategy(), -1.0, recorded=[Recorded(proposal)])
    assert [after.ask(), after.ask()] == [proposal, NoProposal.EXHAUSTED]


def test_a_strategy_that_was_out_of_time_stays_so() -> None:
    strategy = RandomSearch({"x": Float(0, 1)}, seed=0)
    assert UntilDuration(strategy, 1000.0, recorded=[Recorded(None)]).ask() is NoProposal.EXHAUSTED


BUDGETS = """
import nni
budget = nni.get_next_parameter()["TRIAL_BUDGET"]
print(nni.get_sequence_id())
for step in range(budget):
    nni.report_intermediate_result(step)
nni.report_final_result(budget)
"""


def test_trials_of_hyperband_find_their_budget(tmp_path: Path) -> None:
    (tmp_path / "trial.py").write_text(BUDGETS)
    fields = {name: value for name, value in VERSION_2.items() if name != "tuner"}
    fields |= {"advisor": {"name": "Hyperband", "classArgs": {"R": 3, "eta": 3}}, "maxTrialNumber": 4}
    path = _file(tmp_path, fields | {"trialCommand": f"{sys.executable} trial.py"})
    experiment = load_nni_experiment(path).experiment
    experiment.directory = tmp_path / "run"
    trials = experiment.run().trials.values()
    assert [trial.score for trial in trials] == [trial.max_steps for trial in trials]
    logs = [(tmp_path / "run" / "logs" / f"{trial.id}@1.log").read_text() for trial in trials]
    assert sorted(log.splitlines()[0] for log in logs) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("name", ["TPE", "GP"])
def test_optuna_s_samplers_take_the_place_of_nni_s(tmp_path: Path, name: str) -> None:
    pytest.importorskip("optuna")
    experiment = load_nni_experiment(_file(tmp_path, VERSION_2 | {"tuner": {"name": name}})).experiment
    proposal = experiment.strategy.ask()
    assert isinstance(proposal, Proposal)
    assert proposal.parameters.keys() == {"rate", "width"}


def test_medianstop_is_a_stopper(tmp_path: Path) -> None:
    fields = VERSION_2 | {"assessor": {"name": "Medianstop", "classArgs": {"start_step": 5}}}
    assert isinstance(load_nni_experiment(_file(tmp_path, fields)).experiment.stopper, MedianStopper)
