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


def train_a_little(trial: hd.Trial) -> float:
    """Two steps of a small network on numbers that the seed of the experiment's trial decides."""
    import torch
    from torch import nn

    width, depth = trial.parameters["width"], trial.parameters["depth"]
    layers = [nn.Sequential(nn.Linear(width, width), nn.ReLU()) for _ in range(depth)]
    module = nn.Sequential(nn.Linear(5, width), nn.ReLU(), *layers, nn.Linear(width, 1))
    optimizer = torch.optim.SGD(module.parameters(), 0.05)
    x = torch.randn(16, 5)
    trial.begin(module, example_inputs=(x,))
    loss = torch.tensor(0.0)
    for step in (1, 2):
        optimizer.zero_grad()
        loss = (module(x) - x.sum(1, keepdim=True)).square().mean()
        torch.autograd.backward(loss)
        optimizer.step()
        trial.report(-float(loss), step=step)
    trial.save(module, example_inputs=(x,))
    return -float(loss)
