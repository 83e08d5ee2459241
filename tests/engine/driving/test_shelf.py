"""A shelf is a dictionary whose ended trials lie elsewhere; nobody who asks can tell."""

from __future__ import annotations

import copy
import itertools
import pickle
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given

from heredity.engine.driving.shelf import LEAST_OPEN, Shelf
from heredity.experiment import ExperimentState, TrialRecord, TrialState
from heredity.experiment.events import ExperimentStarted
from heredity.ids import TrialId
from heredity.testing.histories import History, histories


def _trial(number: int) -> TrialId:
    return TrialId(f"t{number}")


def _ended(number: int) -> TrialRecord:
    return TrialRecord(_trial(number), number, {"width": number}, state=TrialState.COMPLETED)


def _filled(num: int, *, least_open: int = 0) -> Shelf:
    shelf = Shelf(least_open=least_open)
    for number in range(1, num + 1):
        shelf[_trial(number)] = _ended(number)
    return shelf


@given(histories())
def test_an_experiment_on_a_shelf_is_the_one_in_a_dictionary(history: History) -> None:
    started, *rest = history.events
    assert isinstance(started, ExperimentStarted)
    plain, shelved = ExperimentState(started), ExperimentState(started, trials=Shelf(least_open=0))
    for event in rest:
        assert shelved.handle(event) == plain.handle(event)
        assert shelved.counts() == plain.counts()
        assert shelved.running() == plain.running()
    shelved.check_invariants()
    assert list(shelved.trials.items()) == list(plain.trials.items())
    assert all(shelved.trials[trial] == record for trial, record in plain.trials.items())


def test_an_ended_trial_is_put_away_and_comes_back_the_same() -> None:
    shelf = _filled(5)
    first = shelf[_trial(1)]
    assert first == _ended(1)
    assert first is not shelf[_trial(1)]


def test_a_trial_that_runs_stays_the_object_it_is() -> None:
    shelf, running = _filled(3), TrialRecord(_trial(4), 4, {}, state=TrialState.RUNNING)
    shelf[running.id] = running
    for number in range(5, 9):
        shelf[_trial(number)] = _ended(number)
    assert shelf[running.id] is running
    assert [record.number for record in shelf.values()] == list(range(1, 9))


def test_what_was_changed_and_put_back_is_found() -> None:
    shelf = _filled(5)
    record = shelf[_trial(2)]
    record.num_late_events = 7
    shelf[record.id] = record
    shelf[_trial(6)] = _ended(6)
    assert shelf[_trial(2)].num_late_events == 7
    assert list(shelf) == [_trial(number) for number in range(1, 7)]
    assert next(reversed(shelf)) == _trial(6)
    assert len(shelf) == 6


@pytest.mark.parametrize("number", [1, 6])
def test_a_trial_can_be_forgotten(number: int) -> None:
    shelf = _filled(6)
    del shelf[_trial(number)]
    assert _trial(number) not in shelf
    assert len(shelf) == 5
    with pytest.raises(KeyError):
        del shelf[_trial(number)]


def test_an_unknown_trial_is_a_key_error() -> None:
    shelf = _filled(2)
    assert shelf.get(_trial(9)) is None
    assert 9 not in shelf  # type: ignore[comparison-overlap]  # as a dictionary would be asked
    assert shelf.get(9) is None  # type: ignore[call-overload]  # as a dictionary would
    with pytest.raises(KeyError, match="t9"):
        shelf[_trial(9)]


def test_a_copy_is_a_dictionary() -> None:
    shelf = _filled(4)
    copies = copy.deepcopy(shelf), pickle.loads(pickle.dumps(shelf))  # our own
    assert all(type(each) is dict and each == dict(shelf.items()) for each in copies)


def test_going_through_all_while_trials_are_put_away_is_refused() -> None:
    shelf = _filled(4)
    records = iter(shelf.values())
    next(records)
    shelf[_trial(5)] = _ended(5)
    with pytest.raises(RuntimeError, match="while all of them were gone through"):
        list(records)


NO_ROOM = """
import resource, signal, sys
from heredity.engine.driving.shelf import Shelf
from heredity.experiment import TrialRecord, TrialState

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
shelf = Shelf(least_open=16)
for number in range(1, 2_001):
    shelf[f"t{number}"] = TrialRecord(f"t{number}", number, {"x": "y" * 3_000}, state=TrialState.COMPLETED)
    asked = 1 + number * 7 % number
    assert shelf[f"t{asked}"].number == asked
assert [record.number for record in shelf.values()] == list(range(1, 2_001))
"""


@pytest.mark.parametrize("num_bytes", [0, 20_000, 1_000_000, 3_000_000])
def test_without_room_for_temporary_files_trials_stay_in_memory(num_bytes: int) -> None:
    """Whether the room is used up at once or later, whatever was put away before is found."""
    command = [sys.executable, "-c", NO_ROOM, str(num_bytes)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "the folder for temporary files" in ended.stderr


def test_the_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert len(_filled(300)) == 300
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_for_temporary_files_trials_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    shelf = _filled(20)
    assert "the folder for temporary files" in caplog.text
    assert [record.number for record in shelf.values()] == list(range(1, 21))


def test_memory_does_not_grow_with_the_number_of_trials() -> None:
    shelf = _filled(LEAST_OPEN, least_open=LEAST_OPEN)
    tracemalloc.start()
    for number in itertools.islice(itertools.count(len(shelf) + 1), 20 * LEAST_OPEN):
        shelf[_trial(number)] = _ended(number)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(shelf) == 21 * LEAST_OPEN
    assert held < 2 * LEAST_OPEN * 1_500  # bytes of the records that may be open, twice over
