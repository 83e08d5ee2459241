"""One experiment file, three executors: the same trials, results and weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import heredity as hd
from heredity.journal import read_state

pytestmark = pytest.mark.ray

FILE = """
name: everywhere
function: {folder}/programs.py:train_a_little
seed: 3
concurrency: 1
max_trials: 5
space:
  width: {{choice: [2, 3, 4, 6], ordered: true}}
  depth: {{int: [1, 2]}}
strategy:
  kind: scratch_twins
  share: 0.3
  strategy: {{kind: regularized_evolution, population_size: 2, sample_size: 1, max_steps: 2}}
"""

Outcome = list[tuple[Any, ...]]  # Any: what a trial is made of


def outcome(folder: Path, *arguments: str) -> Outcome:
    """Of each trial, all that the seed decides; the weights by their digests."""
    run = subprocess.run(
        [sys.executable, "-m", "heredity.cli", "run", "experiment.yml", "--directory", folder, *arguments],
        check=False,
        cwd=folder.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    weights = {
        stored.key: {name: info.digest for name, info in stored.manifest.tensors.items()}
        for stored in hd.open_store(folder / "store").checkpoints()
    }
    return [
        (
            *(record.id, record.parameters, record.parents, record.twin_of, record.score, record.steps),
            *(record.inheritance and record.inheritance["verdict"], weights[record.checkpoint]),
        )
        for record in read_state(folder / "journal.jsonl").trials.values()
        if record.checkpoint is not None
    ]


def test_the_executor_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "experiment.yml").write_text(FILE.format(folder=Path(__file__).parent))
    inline = outcome(tmp_path / "inline", "--executor", "inline")
    assert len(inline) >= 4  # the last one, if it has a twin, has no place for it
    assert any(parents for _, _, parents, *_ in inline)
    assert outcome(tmp_path / "processes", "--executor", "processes") == inline
    assert outcome(tmp_path / "ray", "--executor", "ray", "--ray-address", cluster.address) == inline
