"""NNI's example of weight sharing on a cluster, from a file that was written for several machines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any  # Ray's test cluster has no types

import pytest

pytestmark = pytest.mark.ray

EXAMPLE = Path(__file__).parents[4] / "examples" / "weight_sharing"
MACHINES = """machineList:
  - ip: 10.10.10.10
    username: bob
    passwd: bob123
"""


def test_a_file_for_remote_machines_runs_on_the_cluster(
    cluster: Any, tmp_path: Path
) -> None:  # Any: no types
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("shared", "__pycache__", ".gitignore"))
    config = folder / "config.yml"
    command = f"env TRAINING_SECONDS=0.1 {sys.executable} main.py"
    text = config.read_text().replace("python3 main.py", command).replace("maxTrialNum: 10", "maxTrialNum: 3")
    config.write_text(text.replace("Platform: local", "Platform: remote") + MACHINES)
    words = ["run", "config.yml", "--executor", "ray", "--ray-address", cluster.address, "--directory", "run"]
    done = subprocess.run(
        [sys.executable, "-m", "heredity.cli", *words],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "trainingServicePlatform: remote: the machines of the Ray cluster" in done.stdout
    lines = [file.read_text() for file in folder.glob("run/nni/*/.nni/metrics")]
    assert [len(lines), len({json.loads(line)["value"]["checksum"] for line in lines})] == [3, 1]
    assert "bob123" not in (folder / "run" / "experiment.json").read_text()
