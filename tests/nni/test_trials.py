"""A trial program with NNI's names: what it gets, what it may report, and what its tuner hears of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import heredity.nni
from heredity.experiment import ExperimentState, TrialState
from heredity.nni import load_nni_experiment
from heredity.testing.experiments import trial_named

SHIM = Path(heredity.nni.__file__).parent / "shim"
Files = Callable[..., Path]

TUNER = """
from nni.tuner import Tuner

class OwnTuner(Tuner):
    def update_search_space(self, search_space):
        self.space = search_space
    def generate_parameters(self, parameter_id, **kwargs):
        return {"x": parameter_id}
    def receive_trial_result(self, parameter_id, parameters, value, **kwargs):
        print("received", parameter_id, value)
    def trial_end(self, parameter_id, success, **kwargs):
        print("end", parameter_id, success)
"""


def _run(config: Path) -> ExperimentState:
    experiment = load_nni_experiment(config).experiment
    experiment.directory = config.parent / "run"
    return experiment.run()


def _log(config: Path, trial: str) -> str:
    return (config.parent / "run" / "logs" / f"{trial}@1.log").read_text()


def test_the_tuner_hears_every_final_result_and_the_journal_has_the_first(
    files: Files, capsys: object
) -> None:
    trial = """
import nni
x = nni.get_next_parameter()["x"]
nni.report_intermediate_result(0.1)
nni.report_final_result({"default": 0.5 + x, "loss": 2, "note": ["any", None]})
nni.report_final_result("and another")
"""
    state = _run(files(tuner=TUNER, trial=trial))
    record = trial_named(state, "00001")
    assert (record.state, record.score, record.metrics) == (TrialState.COMPLETED, 1.5, {"loss": 2.0})
    assert [report.value for report in record.reports] == [0.1]
    out = capsys.readouterr().out  # type: ignore[attr-defined]  # pytest's
    assert (
        "received 1 {'default': 1.5, 'loss': 2, 'note': ['any', None]}\nreceived 1 and another\nend 1 True"
        in out
    )


def test_a_trial_that_fails_after_its_report_is_received_and_ends_without_success(
    files: Files, capsys: object
) -> None:
    trial = "import nni; nni.get_next_parameter(); nni.report_final_result(7); raise SystemExit(5)"
    state = _run(files(tuner=TUNER, trial=trial))
    assert {record.state for record in state.trials.values()} == {TrialState.FAILED}
    assert "received 0 7\nend 0 False" in capsys.readouterr().out  # type: ignore[attr-defined]  # pytest's


def test_a_trial_without_a_report_completes_without_a_score(files: Files, capsys: object) -> None:
    state = _run(files(tuner=TUNER, trial="import nni; nni.get_next_parameter()"))
    assert [record.score for record in state.trials.values()] == [None] * 3
    out = capsys.readouterr().out  # type: ignore[attr-defined]  # pytest's
    assert "end 2 True" in out
    assert "received" not in out


def test_a_trial_knows_its_ids_and_its_environment(files: Files) -> None:
    trial = """
import json, os, nni
assert nni.get_next_parameter() == {"x": 2} or nni.get_sequence_id() != 2
ids = [nni.get_experiment_id(), nni.get_trial_id(), nni.get_sequence_id(), nni.get_current_parameter("x")]
names = ["NNI_PLATFORM", "NNI_EXP_ID", "NNI_TRIAL_JOB_ID", "NNI_TRIAL_SEQ_ID", "NNI_CODE_DIR"]
print(json.dumps([ids, [os.environ[name] for name in names], os.environ["NNI_OUTPUT_DIR"], os.getcwd()]))
"""
    config = files(tuner=TUNER, trial=trial)
    _run(config)
    ids, names, output, folder = json.loads(_log(config, "00002"))
    assert ids == [names[1], "00002", 2, 2]
    assert len(names[1]) == 8
    assert [names[0], *names[2:]] == ["local", "00002", "2", str(config.parent)]
    assert output == str(config.parent / "run" / "nni" / "00002@1")
    assert folder == str(config.parent)


def test_outside_of_any_experiment_the_names_work_too() -> None:
    program = (
        "import nni; print(nni.get_next_parameter(), nni.get_trial_id(), nni.get_sequence_id());"
        "nni.report_intermediate_result(1); nni.report_final_result({'a': 2})"
    )
    environment = {"PYTHONPATH": str(SHIM), "PATH": os.environ["PATH"]}
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "{} STANDALONE 0\n"
    assert '{"type": "FINAL", "sequence": 0, "value": {"a": 2}}' in done.stderr


def test_nothing_is_called_nni_elsewhere() -> None:
    program = "import heredity.nni, heredity.cli.run, importlib.util as u; print(u.find_spec('nni'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


def test_the_shim_needs_nothing_but_the_standard_library() -> None:
    program = "import sys, nni, nni.tuner, nni.utils, nni.assessor; print('heredity' in sys.modules)"
    environment = {"PYTHONPATH": str(SHIM)}
    words = [sys.executable, "-S", "-c", program]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_child_process_of_a_trial_reports_to_the_tuner(files: Files, capsys: object) -> None:
    """Its channel to the worker is closed, so there is no score; it says so in the log."""
    trial = """
import subprocess, sys
program = "import nni; nni.get_next_parameter(); nni.report_final_result(3)"
subprocess.run([sys.executable, "-c", program], check=True)
"""
    config = files(tuner=TUNER, trial=trial)
    state = _run(config)
    assert trial_named(state, "00000").score is None
    assert "received 0 3\nend 0 True" in capsys.readouterr().out  # type: ignore[attr-defined]  # pytest's
    assert "only the tuner gets this" in _log(config, "00000")


ENDLESS = """
import os, pathlib, time, nni
number = nni.get_next_parameter()["x"]
nni.report_final_result({"path": str(number)})
while not number and not pathlib.Path("released").exists():
    time.sleep(0.01)
"""
RELEASING = """
import pathlib, threading
from nni.tuner import Tuner

class OwnTuner(Tuner):
    has_come, ended = threading.Event(), []
    def update_search_space(self, search_space): pass
    def generate_parameters(self, parameter_id):
        if parameter_id:
            self.has_come.wait()
        return {"x": parameter_id}
    def receive_trial_result(self, parameter_id, parameters, value):
        print("received", parameter_id)
        self.has_come.set()
    def trial_end(self, parameter_id, success):
        print("end", parameter_id)
        self.ended.append(parameter_id)
        if len(self.ended) == 2:
            pathlib.Path("FOLDER", "released").touch()
"""


def test_a_result_is_delivered_while_its_trial_still_runs(files: Files, capsys: object) -> None:
    """The first trial ends when the last one has; so this ends only if the others do not wait for its end."""
    tuner = RELEASING.replace("FOLDER", str(files(tuner="", trial="").parent))
    state = _run(files(tuner=tuner, trial=ENDLESS, config="multiThread: true\n"))
    assert {record.state for record in state.trials.values()} == {TrialState.COMPLETED}
    said = capsys.readouterr().out.split("\n")  # type: ignore[attr-defined]  # pytest's
    assert (said[0], said.count("received 0"), said[-2]) == ("received 0", 1, "end 0")


def test_results_may_wait_for_the_end(files: Files, capsys: object) -> None:
    trial = """
import time, nni
number = nni.get_next_parameter()["x"]
nni.report_final_result(number)
time.sleep(0.6 if not number else 0)
"""
    config = files(tuner=TUNER, trial=trial, config="heredity: {resultsAtEnd: true}\n")
    _run(config)
    out = capsys.readouterr().out  # type: ignore[attr-defined]  # pytest's
    assert "received 0 0\nend 0 True" in out


def test_a_trial_that_does_not_find_the_driver_s_directory_says_so(files: Files) -> None:
    """As on a machine that does not share it."""
    experiment = load_nni_experiment(files(tuner=TUNER, trial="")).experiment
    experiment.observers.clear()  # so that nothing was made
    experiment.directory = Path(files(tuner=TUNER, trial="").parent, "run")
    record = trial_named(experiment.run(), "00000")
    assert record.state is TrialState.FAILED
    assert "Name a --directory on a disk that all machines share" in str(record.error)
