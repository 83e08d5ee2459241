"""`heredity run --executor ray`: the whole way, and a driver that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from heredity.experiment import TrialState
from heredity.ids import TrialId
from heredity.journal import read_state
from heredity.testing.executor_suite.drive import is_alive

pytestmark = pytest.mark.ray

FILE = """
name: commands
function: {folder}/programs.py:train_slowly
seed: 0
concurrency: 1
strategy: {{kind: given, trials: {{a: {{}}}}}}
"""


def heredity(cluster: Any, *arguments: str, cwd: Path) -> subprocess.Popen[str]:  # Any: has no types
    command = [sys.executable, "-m", "heredity.cli", *arguments, "--executor", "ray"]
    return subprocess.Popen(
        [*command, "--ray-address", cluster.address],
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(holds: Any, *, seconds: float = 90) -> None:
    give_up_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def test_a_killed_driver_takes_its_trials_along_and_its_experiment_goes_on(
    cluster: Any, tmp_path: Path
) -> None:
    (tmp_path / "experiment.yml").write_text(FILE.format(folder=Path(__file__).parent))
    driver = heredity(cluster, "run", "experiment.yml", "--directory", "run", cwd=tmp_path)
    waits = tmp_path / "run/waits"
    wait_for(waits.exists)
    driver.send_signal(signal.SIGKILL)
    driver.communicate(timeout=60)
    pids = list(map(int, waits.read_text().split()))
    wait_for(lambda: not any(map(is_alive, pids)))
    driver = heredity(cluster, "resume", "run", cwd=tmp_path)
    output, _ = driver.communicate(timeout=120)
    assert driver.returncode == 0, output
    record = read_state(tmp_path / "run/journal.jsonl").trials[TrialId("a")]
    assert (record.state, record.attempt, record.num_losses) == (TrialState.COMPLETED, 2, 0)


def test_ctrl_c_ends_in_order(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "experiment.yml").write_text(FILE.format(folder=Path(__file__).parent))
    driver = heredity(cluster, "run", "experiment.yml", "--directory", "run", cwd=tmp_path)
    wait_for((tmp_path / "run/waits").exists)
    driver.send_signal(signal.SIGINT)
    output, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130, output
    assert "go on with: heredity resume" in output
