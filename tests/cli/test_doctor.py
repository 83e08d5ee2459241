"""`heredity doctor` as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from heredity.cli import main as cli


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on tmpfs, where nothing waits for a disk."""
    folder = Path("/dev/shm", f"heredity-{os.getpid()}-{tmp_path.name}")
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []
    folder.rmdir()


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command changes what SIGTERM does; tests go on with what was."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def run(*arguments: str) -> Result:
    done = CliRunner().invoke(cli.heredity, ["doctor", *arguments], standalone_mode=False)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def started(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "heredity.cli", "doctor", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_verdict_is_the_last_line(tmp_path: Path) -> None:
    done = run(str(tmp_path))
    assert done.exit_code == 0
    assert done.output.splitlines()[-1].startswith(f"{tmp_path}: fit")
    assert "one winner each" in done.output


def test_json_has_every_finding(in_memory: Path) -> None:
    report = json.loads(run(str(in_memory), "--json").stdout)
    assert report["verdict"].startswith("fit")
    names = [finding["name"] for finding in report["findings"]]
    assert {"file system", "space", "owner", "hard links", "clock", "throughput of read"} <= {*names}


def test_an_unfit_place_is_a_failure_that_says_what_to_change() -> None:
    done = run("/proc")
    assert done.exit_code == 1
    assert "unfit" in done.output.splitlines()[-1]
    assert "not examined, since the place cannot be written: users and rights," in done.output


def test_two_machines_meet_by_the_command_that_is_printed(in_memory: Path) -> None:
    first = started(str(in_memory), "--machines", "2", "--json")
    assert first.stderr is not None
    lines = iter(first.stderr.readline, "")
    words = next(line for line in lines if "--join" in line).split()
    second = started(*words[words.index("doctor") + 1 :])
    output, _ = first.communicate(timeout=120)
    _, said = second.communicate(timeout=120)
    assert (first.returncode, second.returncode, said.split(";")[0]) == (0, 0, "done, as machine 1")
    assert "put-once race" in {
        each["name"] for each in json.loads(output)["findings"] if "machine" not in each
    }


def test_who_is_interrupted_tidies_up(in_memory: Path) -> None:
    waiting = started(str(in_memory), "--machines", "2")
    assert waiting.stderr is not None
    next(line for line in iter(waiting.stderr.readline, "") if "--join" in line)
    os.kill(waiting.pid, signal.SIGTERM)
    waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert list(in_memory.iterdir()) == []


def test_beginning_and_joining_at_once_is_a_mistake(in_memory: Path) -> None:
    with pytest.raises(click.UsageError, match="give one of them"):
        run(str(in_memory), "--machines", "2", "--join", "0123abcd")
    assert list(in_memory.iterdir()) == []
