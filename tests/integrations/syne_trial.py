"""A trial of Syne Tune's, as the tests of its adapter run it: ours, or with torch's own checkpoints."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch import nn

INPUTS = torch.ones(2, 3)
NUM_STEPS = 3


def build(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


def output_of(module: nn.Module) -> float:
    return float(module(INPUTS).detach().double().square().sum())


def train_step(module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(nn.functional.cross_entropy(module(INPUTS), torch.tensor([0, 1])))
    optimizer.step()


def with_us(given: argparse.Namespace) -> None:
    import heredity as hd
    from heredity.integrations.syne_tune import trial_of

    trial = trial_of(vars(given), store=hd.open_store(given.store))
    module = build(given.width)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    step = trial.begin(module, optimizer=optimizer, example_inputs=INPUTS)
    first = output_of(module)
    last = max(NUM_STEPS, step + 1)  # Syne Tune may copy what a winner has left at its end
    while step < last:
        step += 1
        train_step(module, optimizer)
        shown = {"step": step, "accuracy": given.goodness, "first": first, "last": output_of(module)}
        trial.report(shown, module=module, step=step, score=step, optimizer=optimizer, example_inputs=INPUTS)
        if step == given.stops_at:
            sys.exit()


def with_its_own(given: argparse.Namespace) -> None:
    """As Syne Tune's documentation has it."""
    from syne_tune import Reporter

    report, module, step = Reporter(), build(given.width), 0
    file = Path(given.st_checkpoint_dir) / "state.pt"
    if file.exists():
        state = torch.load(file)
        module.load_state_dict(state["module"])
        step = state["step"]
    while step < NUM_STEPS:
        step += 1
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"module": module.state_dict(), "step": step}, file)
        report(step=step, accuracy=given.goodness)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int)
    parser.add_argument("--goodness", type=int)
    parser.add_argument("--store")
    parser.add_argument("--stops_at", type=int)
    parser.add_argument("--st_checkpoint_dir")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.goodness)
    if arguments.store == "none":
        with_its_own(arguments)
    else:
        with_us(arguments)
