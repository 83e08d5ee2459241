"""The benchmark of a trial's overhead still runs, and counts what it says it counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

ORPHAN = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while time.process_time() < 0.33:
            pass
        with open(os.environ["MARKS"], "a") as marks:
            marks.write(".")
    os._exit(0)
while not os.path.exists(os.environ["MARKS"]) or not os.path.getsize(os.environ["MARKS"]):
    time.sleep(0.01)
"""
COUNT = """
import os, sys
from pathlib import Path
import trial_overhead_accounts as accounts
if sys.argv[1] == "descendants":
    accounts.new_group = accounts.Descendants
account = accounts.run(
    [sys.executable, "-c", os.environ["ORPHAN"]], environment=os.environ,
    marks=Path(os.environ["MARKS"]), log=Path(os.environ["LOG"]), limit_seconds=60,
)
print(account.samples[-1].num_trials, account.cpu_seconds, account.exit_code)
"""


def _python(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(BENCHMARKS), **variables},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("group", ["any", "descendants"])
def test_what_an_orphan_of_a_program_uses_is_counted(tmp_path: Path, group: str) -> None:
    marks, log = tmp_path / "marks", tmp_path / "log"

    printed = _python("-c", COUNT, group, MARKS=str(marks), LOG=str(log), ORPHAN=ORPHAN)

    num_trials, cpu_seconds, exit_code = printed.split()
    assert (num_trials, exit_code) == ("1", "0")
    assert float(cpu_seconds) >= 0.3  # of 0.33: the kernel counts by ticks, and cuts off


@pytest.mark.slow
def test_sides_are_measured_in_turns_and_compared(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    sides = ("heredity-inline", "heredity-processes", "pool", "optuna-sqlite", "optuna-journal")
    arguments = ("--trials", "5", "--only", *sides, "--report", str(page))

    _python(str(BENCHMARKS / "trial_overhead.py"), "--rounds", "1", *arguments)
    page.write_text(page.read_text() + "\n## Reading\n\nBy hand.\n")
    _python(str(BENCHMARKS / "trial_overhead.py"), "--rounds", "1", "--go-on", *arguments)

    runs = json.loads(page.with_suffix(".json").read_text())["runs"]
    assert {(run["side"], run["round"]) for run in runs} == {(side, n) for side in sides for n in (0, 1)}
    assert all(run["cpu_seconds"] > 0 for run in runs)
    rows = [line for line in page.read_text().splitlines() if line.startswith("| **Heredity**, `inline`")]
    assert len(rows) == 2, "what it costs, and what as a multiple of our own processes"
    assert page.read_text().endswith("## Reading\n\nBy hand.\n"), "what was written by hand stays"


@pytest.mark.slow
def test_the_driver_is_watched_through_many_trials(tmp_path: Path) -> None:
    page = tmp_path / "page.md"

    _python(str(BENCHMARKS / "trial_overhead_many.py"), "--trials", "20", "--report", str(page))

    numbers = json.loads(page.with_suffix(".json").read_text())
    assert numbers["samples"][-1]["num_trials"] == 20
    assert numbers["grows"]["bytes_a_trial"] > 0
    assert (tmp_path / "page-memory.svg").stat().st_size > 1000
