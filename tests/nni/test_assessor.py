"""An Assessor class: what it is asked, what its answers do, and what it is asked again on a resumption."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heredity.errors import ConfigError, InputError
from heredity.experiment import TrialState
from heredity.ids import TrialId
from heredity.nni import load_nni_experiment
from heredity.nni.tuner import AssessorStopper
from heredity.strategies import Progress

Files = Callable[..., Path]

FIRST = TrialId("00000")

TUNER = """
from nni.assessor import Assessor, AssessResult
from nni.tuner import Tuner
from nni.utils import extract_scalar_history

class OwnTuner(Tuner):
    def update_search_space(self, search_space): pass
    def generate_parameters(self, parameter_id, **kwargs):
        return {"x": parameter_id}
    def receive_trial_result(self, parameter_id, parameters, value, **kwargs):
        print("received", parameter_id, value)

class Falling(Assessor):
    def __init__(self, patience):
        self.patience = patience
    def assess_trial(self, trial_job_id, trial_history):
        print("assess", trial_job_id, trial_history)
        history = extract_scalar_history(trial_history)
        is_bad = len(history) >= self.patience and history[-1] < history[0]
        return AssessResult.Bad if is_bad else AssessResult.Good
    def trial_end(self, trial_job_id, success):
        print("assessed", trial_job_id, success)
"""
TRIAL = """
import nni
sign = 1 if nni.get_next_parameter()["x"] == 1 else -1
for step in range(4):
    nni.report_intermediate_result({"default": sign * step, "note": "any"})
nni.report_final_result(sign)
"""
ASSESSOR = "assessor: {className: tuner.Falling, classArgs: {patience: 3}}\n"


def test_an_assessor_ends_trials_by_all_that_they_have_reported(files: Files, capsys: Any) -> None:
    experiment = load_nni_experiment(config := files(tuner=TUNER, trial=TRIAL, config=ASSESSOR)).experiment
    experiment.directory = config.parent / "run"
    states = [record.state for record in experiment.run().trials.values()]
    assert states == [TrialState.STOPPED_EARLY, TrialState.COMPLETED, TrialState.STOPPED_EARLY]
    said = capsys.readouterr().out.splitlines()
    assert f"assess 00000 {[{'default': -step, 'note': 'any'} for step in range(3)]}" in said
    assert "received 0 {'default': -2, 'note': 'any'}" in said  # its last intermediate result, as in NNI
    assert {"assessed 00000 False", "assessed 00001 True"} <= {*said}


class Reports:
    """Two attempts: of the first one more is known now than when its first number was judged."""

    def __init__(self) -> None:
        self.judged = [(FIRST, 1), (FIRST, 2), (FIRST, 2)]

    def next_judged(self, trial: TrialId) -> tuple[TrialId, int]:
        return self.judged.pop(0)

    def intermediate(self, trial: TrialId, attempt: int) -> list[Any]:
        return [["no number"], 0.1, True, {"default": 0.2}, 0.3] if attempt == 1 else [5, 6]


class Noting:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: object = True) -> None:
        self.answer = answer
        self.histories: list[object] = []

    def assess_trial(self, trial_job_id: str, trial_history: list[Any]) -> object:
        self.histories.append(trial_history)
        return self.answer


def test_it_is_asked_with_what_its_attempt_had_reported_by_then() -> None:
    assessor = Noting()
    stopper = AssessorStopper(assessor, results=Reports())
    assert [stopper.should_stop(Progress(FIRST, step, 0.0)) for step in (1, 1, 2)] == [""] * 3
    assert assessor.histories == [[["no number"], 0.1], [5], [5, 6]]


@pytest.mark.parametrize(("answer", "reason"), [(True, ""), (False, "Noting: Bad")])
def test_it_may_answer_with_a_truth_value(answer: bool, reason: str) -> None:
    assert AssessorStopper(Noting(answer), results=Reports()).should_stop(Progress(FIRST, 1, 0.0)) == reason


def test_another_answer_is_refused() -> None:
    stopper = AssessorStopper(Noting("perhaps"), results=Reports())
    with pytest.raises(InputError, match=r"Noting.assess_trial: expected .* got 'perhaps'"):
        stopper.should_stop(Progress(FIRST, 1, 0.0))


def test_a_class_that_is_no_assessor_is_refused(files: Files) -> None:
    config = files(tuner=TUNER, trial=TRIAL, config="assessor: {className: tuner.OwnTuner}\n")
    with pytest.raises(ConfigError, match=r"expected a class that derives from nni\.assessor\.Assessor"):
        load_nni_experiment(config)
