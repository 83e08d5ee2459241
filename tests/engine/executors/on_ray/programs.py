"""Trial functions for a cluster whose machines go away."""

from __future__ import annotations

import os
import time
from pathlib import Path

import heredity as hd

NUM_STEPS = 4


def train_slowly(trial: hd.Trial) -> float:
    """Save at each step; a first attempt goes no further than the second, and waits to be lost."""
    from torch import nn

    module = nn.Linear(2, 1)
    for step in range(trial.begin(module) + 1, NUM_STEPS + 1):
        trial.report(float(step), step=step)
        trial.save(module, tag=f"step-{step}")
        if step == 2 and trial.attempt == 1:
            _write(trial, "waits", f"{os.getpid()} {os.getppid()} {_grandparent()}")
            while not Path(trial.directory, "go-on").exists():
                time.sleep(0.05)
    return 1.0


def _grandparent() -> int:
    """The task of Ray's: the parent of the fork server."""
    return int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1])


def _write(trial: hd.Trial, name: str, text: str) -> None:
    aside = Path(trial.directory, f"{name}.aside")
    aside.write_text(text)
    aside.rename(Path(trial.directory, name))
