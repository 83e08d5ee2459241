"""Two experiments in one process, as in a notebook: each finds its own code, loaded once, as it is now."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from heredity.engine.executors import ProcessExecutor
from heredity.engine.function import FunctionReference
from heredity.errors import ConfigError
from heredity.experiment import events as happened
from heredity.testing.executor_suite import Drive

PROGRAM = """
import os
IMPORTED_IN = os.getpid()

def train(trial):
    return {value} if os.getpid() != IMPORTED_IN else -1.0
"""
"""A trial that had to import its module itself ends with -1."""


def _write(folder: Path, module: str, value: float) -> FunctionReference:
    folder.mkdir(exist_ok=True)
    (folder / f"{module}.py").write_text(PROGRAM.format(value=value))
    return FunctionReference(module, "train", folder=str(folder))


def _score(function: FunctionReference, folder: Path) -> float | None:
    drive = Drive(ProcessExecutor(function), folder)
    drive.start("a", "ignored")
    end = drive.end_of("a")
    drive.executor.close()
    assert isinstance(end, happened.TrialCompleted), end
    return end.score


def test_a_second_experiments_module_is_loaded_once_too(tmp_path: Path) -> None:
    scores = [_score(_write(tmp_path / "code", name, 0.5), tmp_path / name) for name in ("one", "other")]
    assert scores == [0.5, 0.5]


def test_a_module_that_was_edited_since_runs_as_it_is_now(tmp_path: Path) -> None:
    for number, value in enumerate((0.25, 0.75)):
        function = _write(tmp_path / "code", "edited", value)
        os.utime(tmp_path / "code" / "edited.py", (number, number))
        assert _score(function, tmp_path / str(number)) == value


def test_while_others_need_the_server_it_stays(tmp_path: Path) -> None:
    """Who imports its module itself is slower, and right all the same; and the other ends as it should."""
    _score(_write(tmp_path / "code", "before", 0.5), tmp_path / "before")
    context = multiprocessing.get_context("forkserver")
    may_go = context.Event()
    other = context.Process(target=may_go.wait)
    other.start()
    assert _score(_write(tmp_path / "code", "after", 0.75), tmp_path / "after") == -1.0
    may_go.set()
    other.join()
    assert other.exitcode == 0


def test_an_edited_module_is_refused_while_the_server_has_to_stay(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    assert _score(_write(folder, "kept", 0.5), tmp_path / "first") == 0.5
    other = multiprocessing.get_context("forkserver").Process(target=time.sleep, args=(60.0,))
    other.start()
    edited = _write(folder, "kept", 0.125)
    with pytest.raises(ConfigError, match=r"kept\.py was edited while"):
        _score(edited, tmp_path / "second")
    other.kill()
    other.join()
    assert _score(edited, tmp_path / "third") == 0.125


def test_what_a_trial_has_left_running_keeps_nobody_waiting(tmp_path: Path) -> None:
    """It holds the descriptor at whose end the server would go."""
    leaving = tmp_path / "leaving.py"
    leaving.write_text(
        "import os\n\n"
        "def train(trial):\n"
        "    os.system('setsid sleep 30 & echo $! > " + str(tmp_path / "pid") + "')\n"
        "    return 0.5\n"
    )
    assert _score(FunctionReference("leaving", "train", folder=str(tmp_path)), tmp_path / "one") == 0.5
    began = time.monotonic()
    assert _score(_write(tmp_path / "code", "next", 0.75), tmp_path / "two") == 0.75
    assert time.monotonic() - began < 20
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_an_edited_module_of_a_package_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "given_package"
    for number, value in enumerate((0.25, 0.75)):
        _write(package, "module", value)
        os.utime(package / "module.py", (number, number))
        function = FunctionReference("given_package.module", "train")
        assert _score(function, tmp_path / str(number)) == value
