"""What experiments on two machines run: trial functions without torch, and the command that starts them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml

import heredity as hd

EXAMPLE = Path(__file__).parents[3] / "examples" / "weight_sharing"


def save_weights(trial: hd.Trial) -> float:
    """Wait until others wait, then save so many megabytes; the score is when that was done."""
    awaited = set(trial.parameters["names"])
    while awaited and not awaited <= {path.name for path in Path(trial.parameters["folder"]).iterdir()}:
        time.sleep(0.1)
    number = int(trial.parameters["megabytes"] * 250_000)
    trial.save_tensors({"weight": np.random.default_rng(trial.seed).random(number, dtype=np.float32)})
    return time.time()


def wait_and_take_over(trial: hd.Trial) -> float:
    """Look for the father's weights, which are not there, wait for them, and go on with them.

    The score is when they were seen.
    """
    key = trial.parameters["father"]
    assert key not in trial.store
    (trial.directory.parent / f"{trial.id}.waits").touch()
    father = trial.store.wait(key, timeout=600)
    seen_at = time.time()
    trial.save_tensors({**father.tensors(), "own": np.zeros(1000, dtype=np.float32)})
    return seen_at


def write_file(folder: Path, *, name: str, does: str, trials: Mapping[str, object]) -> None:
    """Make a folder with an experiment file; its store is beside the folder.

    What it does is a function of this file, or ``file.py:function``.
    """
    folder.mkdir()
    value = {
        "name": name,
        "function": does if ":" in does else f"{__file__}:{does}",
        "seed": 0,
        "concurrency": 2,
        "store": "../store",
        "strategy": {"kind": "given", "trials": {key: {"parameters": each} for key, each in trials.items()}},
    }
    (folder / "experiment.yml").write_text(yaml.safe_dump(value))


def copy_example(
    folder: Path, *, training_seconds: float, num_trials: int, program: str, platform: str = "local"
) -> None:
    """Copy NNI's example; only its numbers, its platform and what starts its trials become others."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("shared", "__pycache__", ".gitignore"))
    config = folder / "config.yml"
    shared = folder.parent / "shared"
    # The log tells the machine.
    settings = f"uname -n; env TRAINING_SECONDS={training_seconds} SHARED_DIRECTORY={shared}"
    text = config.read_text().replace("python3 main.py", f"{settings} {program}")
    text = text.replace("Platform: local", f"Platform: {platform}")
    config.write_text(text.replace("maxTrialNum: 10", f"maxTrialNum: {num_trials}"))


def heredity(folder: Path, *words: str) -> tuple[int, str]:
    """Run a command line in a folder; its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "heredity.cli", *words],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def texts_of(folder: Path, pattern: str) -> list[str]:
    """The content of the files below a folder, by their names."""
    return [path.read_text() for path in sorted(folder.glob(pattern))]
