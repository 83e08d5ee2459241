"""What trials have reported: which attempt counts, and what is read of a file that is being written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from heredity.engine import Experiment
from heredity.experiment import ExperimentState, TrialResult, TrialState
from heredity.experiment import events as happened
from heredity.ids import TrialId
from heredity.nni import load_nni_experiment
from heredity.nni.reports import TrialReports, file_of, folder_of

FIRST = TrialId("00000")
UNREAD: ExperimentState = None  # type: ignore[assignment]  # an observer need not look at it


@pytest.fixture
def experiment(files: Callable[..., Path], tmp_path: Path) -> Experiment:
    """One that has a directory."""
    tuner = "from nni.tuner import Tuner\nclass OwnTuner(Tuner):\n    def update_search_space(self, _): pass"
    made = load_nni_experiment(files(tuner=tuner, trial="")).experiment
    made.directory = tmp_path / "run"
    return made


def _started(experiment: Experiment, *attempts: int) -> TrialReports:
    reports = TrialReports(is_judged=True)
    reports.experiment = experiment
    for attempt in attempts:
        reports.observe(UNREAD, happened.TrialStarted(at=0.0, trial=FIRST, attempt=attempt))
    return reports


def _write(experiment: Experiment, text: str, *, attempt: int = 1) -> None:
    with file_of(folder_of(Path(str(experiment.directory)), FIRST, attempt)).open("a") as file:
        file.write(text)


def _line(kind: str, value: object) -> str:
    return json.dumps({"type": kind, "sequence": 0, "value": value}) + "\n"


def test_the_file_is_there_before_its_attempt_begins(experiment: Experiment) -> None:
    reports = _started(experiment, 1)
    assert file_of(folder_of(Path(str(experiment.directory)), FIRST, 1)).read_text() == ""
    assert reports.final(FIRST, 1) == []


def test_a_line_that_is_being_written_is_not_read(experiment: Experiment) -> None:
    reports = _started(experiment, 1)
    _write(experiment, _line("FINAL", 1) + _line("FINAL", 2)[:-5])
    assert reports.final(FIRST, 1) == [1]
    _write(experiment, _line("FINAL", 2)[-5:])
    assert reports.final(FIRST, 1) == [1, 2]


def test_the_latest_attempt_counts(experiment: Experiment) -> None:
    reports = _started(experiment, 1, 2)
    _write(experiment, _line("FINAL", 1))
    _write(experiment, _line("FINAL", 2), attempt=2)
    assert reports.results(TrialResult(FIRST, {}, (), TrialState.COMPLETED, None, None, 0)) == [2]


@pytest.mark.parametrize(("state", "values"), [(TrialState.STOPPED_EARLY, [0.2]), (TrialState.FAILED, [])])
def test_a_trial_that_was_stopped_has_its_last_intermediate_result(
    experiment: Experiment, state: TrialState, values: list[float]
) -> None:
    reports = _started(experiment, 1)
    _write(experiment, _line("PERIODICAL", 0.1) + _line("PERIODICAL", 0.2))
    assert reports.results(TrialResult(FIRST, {}, (), state, None, None, 0)) == values


def test_reports_are_judged_in_their_order(experiment: Experiment) -> None:
    reports = _started(experiment, 1)
    for trial, attempt in (("other", 1), (FIRST, 1), (FIRST, 2)):
        event = happened.TrialReported(
            at=0.0, trial=TrialId(trial), attempt=attempt, step=1, value=0.5, metrics={}
        )
        reports.observe(UNREAD, event)
    assert [reports.next_judged(FIRST), reports.next_judged(FIRST)] == [(FIRST, 1), (FIRST, 2)]
