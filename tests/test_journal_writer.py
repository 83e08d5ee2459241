"""A journal has one writer; a second one is refused, and cuts nothing off."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from heredity.errors import ConfigError, ExperimentBusy
from heredity.journal import Journal
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
from heredity.journal import Journal
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
