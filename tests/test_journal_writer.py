"""A journal has one writer; a second one is refused, and cuts nothing off."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from heredity.errors import ConfigError, ExperimentBusy
from heredity.experiment import events as happened
from heredity.journal import Journal, replay, take_from_dead_driver
from heredity.testing.histories import History


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one event."""
    path = tmp_path / "journal.jsonl"
    Journal.create(path, History().state.rules).close()
    return path


def test_a_second_driver_is_refused_in_the_same_process(path: Path) -> None:
    with Journal.open_for_append(path), pytest.raises(ExperimentBusy, match="another process"):
        Journal.open_for_append(path)
    Journal.open_for_append(path).close()


def test_a_second_driver_is_refused_while_a_journal_is_new(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal.create(path, History().state.rules), pytest.raises(ExperimentBusy):
        Journal.open_for_append(path)


OPEN = """
import pathlib, sys
from heredity.errors import ExperimentBusy
from heredity.ids import TrialId
from heredity.experiment import events as happened
from heredity.journal import Journal, replay, take_from_dead_driver
try:
    Journal.open_for_append(pathlib.Path(sys.argv[1])).close()
except ExperimentBusy:
    print("busy")
else:
    print("free")
"""


def in_another_process(path: Path) -> str:
    command = [sys.executable, "-c", OPEN, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def test_a_second_driver_is_refused_in_another_process(path: Path) -> None:
    with Journal.open_for_append(path):
        assert in_another_process(path) == "busy"
    assert in_another_process(path) == "free"


def test_a_refused_driver_cuts_nothing_off(path: Path) -> None:
    """What looks like a cut line is being written by the first."""
    with Journal.open_for_append(path):
        with path.open("ab") as file:
            file.write(b"half a li")
        with pytest.raises(ExperimentBusy):
            Journal.open_for_append(path)
    assert path.read_bytes().endswith(b"half a li")


def test_a_lock_that_the_place_cannot_give_is_a_matter_of_settings(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(ConfigError, match="cannot be locked: No locks available"):
        Journal.open_for_append(path)


# --- a driver that is gone with its machine -----------------------------------------------------------------


@pytest.fixture
def no_locks(tmp_path: Path) -> Path:
    """The kernel's table on a machine where nobody has locked anything."""
    locks = tmp_path / "locks"
    locks.touch()
    return locks


def test_a_journal_that_a_dead_machine_has_locked_can_be_taken(path: Path, no_locks: Path) -> None:
    with Journal.open_for_append(path):
        before = list(replay(path))
        take_from_dead_driver(path, locks=no_locks)
        Journal.open_for_append(path).close()
    assert list(replay(path)) == before


def test_a_driver_that_lives_after_all_is_told_and_changes_nothing(path: Path, no_locks: Path) -> None:
    with Journal.open_for_append(path) as old:
        take_from_dead_driver(path, locks=no_locks)
        content = path.read_bytes()
        old.append(happened.StrategyExhausted(at=1.0))
        with pytest.raises(ExperimentBusy, match="taken by another driver"):
            old.sync()
    assert path.read_bytes() == content


def test_a_file_server_that_has_forgotten_the_file_says_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgotten(_: int) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with Journal.open_for_append(path) as old:
        old.append(happened.StrategyExhausted(at=1.0))
        monkeypatch.setattr(os, "fdatasync", forgotten)
        with pytest.raises(ExperimentBusy, match="taken by another driver"):
            old.sync()


def test_a_driver_on_this_machine_is_not_gone(path: Path) -> None:
    with (
        Journal.open_for_append(path),
        pytest.raises(ExperimentBusy, match=f"by process {os.getpid()} of this machine"),
    ):
        take_from_dead_driver(path)


def test_where_there_is_no_journal_there_is_nothing_to_take(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no journal: No such file"):
        take_from_dead_driver(tmp_path / "journal.jsonl")
