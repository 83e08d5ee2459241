"""What a step of a differentiable search costs, beside a step that trains weights alone, and beside a peer.

For each order of the gradient: CPU seconds of a step on DARTS's search network, and the process's memory.
Each side is a process of its own with one thread; sides take turns; medians over the rounds.

Usage: ``python benchmarks/oneshot_cost.py --report benchmarks/results/NAME.md``. With
``--nni-python PYTHON``, of an environment that has nni 3.0 and Lightning, NNI's DARTS is measured as well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from heredity.oneshot import freeze
from heredity.oneshot.differentiable import (
    ArchitectureTraining,
    DifferentiableSearch,
    Gumbel,
    SearchSettings,
)
from heredity.oneshot.differentiable.bilevel import relative_error
from heredity.oneshot.differentiable.settings import Order
from heredity.oneshot.spaces import DARTS_V2, DartsNetwork

SIDES = {
    "network": "the derived network alone: DARTS_V2 of the same width, one step of SGD",
    "weights": "the mixture, weights alone: one step of SGD",
    "first": "first order",
    "second": "second order by a difference, as published",
    "exact": "second order by double backward",
    "gumbel": "one candidate of each choice is drawn (GDAS)",
    "nni": "NNI 3.0's DARTS: first order, the only one it has",
}
PEER = Path(__file__).with_name("oneshot_cost_nni.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument(
        "--steps", type=int, default=3, help="measured in each process, after one that is not"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nni-python", help="a Python that has nni 3.0 and Lightning")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--side", choices=[*SIDES, "errors"], help="measure one side here, print JSON")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.side is not None:
        side = errors if given.side == "errors" else measure
        print(json.dumps(side(given)))
        return
    names = [name for name in SIDES if name != "nni" or given.nni_python]
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(given.rounds):
        for name in names:
            rows[name].append(in_process(given, name))
            print(number + 1, name, rows[name][-1], flush=True)
    text = report(given, rows, in_process(given, "errors"))
    print(text)
    if given.report is not None:
        given.report.write_text(text)


def in_process(given: argparse.Namespace, side: str) -> dict[str, float]:
    """Measure a side in a process of its own."""
    sizes = [f"--{name}={getattr(given, name)}" for name in ("channels", "cells", "batch", "steps")]
    command = [sys.executable, __file__, "--side", side, *sizes]
    if side == "nni":
        command = [given.nni_python, str(PEER), *sizes]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    row: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return row


def measure(given: argparse.Namespace) -> dict[str, float]:
    """CPU seconds of a step, and the largest resident set."""
    step = made_step(given)
    step()
    before = time.process_time()
    for _ in range(given.steps):
        step()
    seconds = (time.process_time() - before) / given.steps
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_seconds": round(seconds, 4), "peak_mib": round(peak)}


def made_step(given: argparse.Namespace) -> Callable[[], object]:
    """What one step of a side is."""
    torch.manual_seed(0)
    supernet = DartsNetwork(channels=given.channels, num_cells=given.cells)
    train, validation = batch(given.batch, 1), batch(given.batch, 2)
    if given.side == "network":
        network = freeze(supernet, DARTS_V2)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)

        def plain() -> None:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(train[0]), train[1]).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()

        return plain
    search = made_search(supernet, given.side)
    return lambda: search.step(train, validation)


def made_search(supernet: nn.Module, side: str) -> DifferentiableSearch:
    order: Order = "second" if side == "second" else "exact" if side == "exact" else "first"
    settings = SearchSettings(
        num_epochs=2,
        steps_per_epoch=1000,
        # Of the published scale, but for its warning.
        architecture=ArchitectureTraining(
            order=order, difference_scale=0.00999, warm_up_epochs=1 if side == "weights" else 0
        ),
        gumbel=Gumbel() if side == "gumbel" else None,
    )
    return DifferentiableSearch(supernet, settings=settings, criterion=nn.functional.cross_entropy, seed=0)


def errors(given: argparse.Namespace) -> dict[str, float]:
    """How far the orders are from the exact gradient, in float32, after a few steps."""
    train, validation = batch(given.batch, 1), batch(given.batch, 2)

    def gradients(side: str, scale: float = 0.00999) -> tuple[torch.Tensor, ...]:
        torch.manual_seed(0)
        search = made_search(DartsNetwork(channels=given.channels, num_cells=given.cells), "first")
        for seed in range(3):
            search.step(batch(given.batch, 10 + seed), batch(given.batch, 20 + seed))
        order: Order = "exact" if side == "exact" else "second" if side == "second" else "first"
        other = DifferentiableSearch(
            search.supernet,
            settings=SearchSettings(
                num_epochs=2,
                steps_per_epoch=1000,
                architecture=ArchitectureTraining(order=order, difference_scale=scale),
            ),
            criterion=nn.functional.cross_entropy,
            seed=0,
        )
        other.state.load_state_dict(search.state.state_dict())
        return other.architecture_gradients(train, validation)

    reference = gradients("exact")
    found = {"first order": relative_error(gradients("first"), reference)}
    for scale in (0.1, 0.00999, 1e-3, 1e-4):
        found[f"second order, scale {round(scale, 4)}"] = relative_error(
            gradients("second", scale), reference
        )
    return {name: round(value, 4) for name, value in found.items()}


def batch(num_rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(num_rows, 3, 32, 32, generator=generator)
    return x, torch.randint(10, (num_rows,), generator=generator)


def report(
    given: argparse.Namespace, rows: dict[str, list[dict[str, float]]], found_errors: dict[str, float]
) -> str:
    """The result as Markdown."""

    about = (
        f"DARTS's search network with {given.channels} channels and {given.cells} cells, {given.batch} "
        f"random images of 32x32, one thread, torch {torch.__version__}, {platform.machine()}. CPU seconds "
        f"of a step, median of {given.rounds} rounds of {given.steps} steps in processes of their own; the "
        "machine was shared, which makes all of them larger. Peak memory is that of the process, torch "
        "included."
    )
    base = statistics.median(row["cpu_seconds"] for row in rows["weights"])
    told = (
        "How far each is from the exact gradient by the architecture (relative error, float32, 3 steps on):"
    )
    lines = ["# What a step of a differentiable search costs", "", about, ""]
    lines += [
        "| step | CPU seconds | of weights alone | lowest to highest | peak MiB |",
        "|---|---|---|---|---|",
    ]
    lines += [line(SIDES[name], measured, base=base) for name, measured in rows.items()]
    lines += ["", told, "", *(f"- {name}: {value:.1%}" for name, value in found_errors.items()), ""]
    return "\n".join(lines)


def line(what: str, measured: list[dict[str, float]], *, base: float) -> str:
    """One side."""
    seconds = [row["cpu_seconds"] for row in measured]
    median = statistics.median(seconds)
    peak = statistics.median(row["peak_mib"] for row in measured)
    span = f"{min(seconds):.3f} to {max(seconds):.3f}"
    return f"| {what} | {median:.3f} | {median / base:.2f} | {span} | {peak:.0f} |"


if __name__ == "__main__":
    main()
