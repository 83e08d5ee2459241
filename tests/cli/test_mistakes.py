"""A mistyped name is told what may have been meant; `--quiet` leaves out what was not asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import heredity as hd


def heredity(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "heredity.cli", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    store = hd.open_store(str(tmp_path / "weights"))
    store.put("father", {"weight": np.ones(3)})
    return tmp_path


def test_a_command_that_is_not_there_is_told_its_neighbour(tmp_path: Path) -> None:
    done = heredity("shwo", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean `heredity show`?" in done.stderr


def test_an_option_that_is_not_there_is_told_its_neighbour_and_where_to_read(tmp_path: Path) -> None:
    done = heredity("ls", ".", "--jsn", cwd=tmp_path)
    assert "--json" in done.stderr
    assert "hint:  See `python -m heredity.cli ls --help`" in done.stderr


def test_a_directory_that_is_not_there_is_told_its_neighbour(place: Path) -> None:
    assert "Beside it there is weights." in heredity("ls", "weigths", cwd=place).stderr


def test_a_key_that_is_not_there_is_told_its_neighbour(place: Path) -> None:
    assert "'father'" in heredity("show", "weights", "fahter", cwd=place).stderr


def test_no_color_is_kept_to(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in heredity("show", "weights", "fahter", cwd=place).stderr


def test_what_is_quiet_confirms_nothing(place: Path) -> None:
    assert heredity("verify", "weights", cwd=place).stdout == "1 checkpoints, all whole\n"
    assert heredity("verify", "weights", "--quiet", cwd=place).stdout == ""
    assert heredity("drop", "weights", "father", "-q", cwd=place).stdout == ""


def test_a_store_without_checkpoints_or_refs_says_so(tmp_path: Path) -> None:
    hd.open_store(str(tmp_path / "weights"))
    assert "no checkpoints" in heredity("ls", "weights", cwd=tmp_path).stdout
    assert "`heredity refs weights NAME KEY` makes one" in heredity("refs", "weights", cwd=tmp_path).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_asks_the_program(shell: str, tmp_path: Path) -> None:
    assert "_HEREDITY_COMPLETE" in heredity("completion", shell, cwd=tmp_path).stdout


def test_keys_are_completed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_HEREDITY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "heredity show weights fa")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert _completed(place) == ["plain,father"]


def test_experiments_below_runs_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "search" / "001").mkdir(parents=True)
    (tmp_path / "runs" / "search" / "001" / "journal.jsonl").touch()
    monkeypatch.setenv("_HEREDITY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "heredity ls ru")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert _completed(tmp_path) == ["plain,runs/search/001"]


def _completed(cwd: Path) -> list[str]:
    program = "import sys; sys.argv[0] = 'heredity'; from heredity.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()
