"""What a step of a sampled supernet costs, as a multiple of the sub-network's own step, alone and outside.

Both are made in one process and take turns, step by step, so that whatever else the machine does befalls
both alike: told is the median of the ratios of neighbours, and the ratio of the quickest steps.

Usage: ``python benchmarks/oneshot_parts.py --report benchmarks/results/NAME.md``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from heredity.oneshot import (
    Choice,
    Elastic,
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticLinear,
    Parts,
    freeze,
    selection_of,
)
from heredity.oneshot.sampled import step

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, weight_decay=1e-4),
    "Adam": lambda p: torch.optim.Adam(p, lr=1e-4),
}
SIZES = {"smallest": (16, 3), "middle": (32, 3), "largest": (64, 5)}


def main() -> None:
    """Measure every kind with every optimizer."""
    options = _options()
    torch.set_num_threads(1)
    cases: list[tuple[str, nn.Module, dict[str, object]]] = [
        (f"elastic, {name}", elastic(), {"width": width, "kernel": kernel})
        for name, (width, kernel) in SIZES.items()
    ]
    cases.append(("single path of five operators", paths(), {f"op{n}": str(n % 5) for n in range(4)}))
    rows = []
    for (name, supernet, architecture), kind in itertools.product(cases, OPTIMIZERS):
        if options.only not in name:
            continue
        pairs = measure(supernet, architecture, kind, num_pairs=options.pairs)
        rows.append(row(name, kind, pairs))
        print(rows[-1], flush=True)
    if options.report:
        options.report.write_text(page(rows, options.pairs))


def elastic() -> nn.Module:
    """Four layers of up to 64 channels, kernels of 3 or 5."""
    width, kernel = Elastic((16, 32, 64), label="width"), Elastic((3, 5), label="kernel")
    layers: list[nn.Module] = []
    for number in range(4):
        before: int | Elastic = 3 if number == 0 else width
        layers += [
            ElasticConv2d(before, width, kernel, bias=False),
            ElasticBatchNorm2d(width),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), ElasticLinear(width, 10))


def paths() -> nn.Module:
    """Four choices of five convolutions."""
    rows = [Choice([_operator(size) for size in (1, 3, 5, 3, 5)], label=f"op{number}") for number in range(4)]
    stem = nn.Conv2d(3, 32, 3, padding=1)
    return nn.Sequential(stem, *rows, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def _operator(size: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(32, 32, size, padding=size // 2), nn.BatchNorm2d(32), nn.ReLU())


def measure(
    supernet: nn.Module, architecture: dict[str, object], kind: str, *, num_pairs: int
) -> list[tuple[float, float]]:
    """CPU seconds of a step of the supernet, and of the network alone, in turn."""
    alone = freeze(supernet, architecture)  # type: ignore[arg-type]  # texts and numbers
    selection = selection_of(supernet, architecture)  # type: ignore[arg-type]  # texts and numbers
    ours, theirs = (OPTIMIZERS[kind](each.parameters()) for each in (supernet, alone))
    batch = torch.randn(32, 3, 14, 14), torch.randint(10, (32,))
    parts = Parts()

    def sampled() -> None:
        step(supernet, ours, batch, [selection], loss=functional.cross_entropy, parts=parts)

    def plain() -> None:
        theirs.zero_grad(set_to_none=True)
        value = functional.cross_entropy(alone(batch[0]), batch[1])
        value.backward()  # type: ignore[no-untyped-call]  # torch's own
        theirs.step()
        value.item()

    for _ in range(5):
        sampled()
        plain()
    pairs = []
    for number in range(num_pairs):
        first, second = (sampled, plain) if number % 2 else (plain, sampled)
        seconds = _seconds(first), _seconds(second)
        pairs.append(seconds if number % 2 else seconds[::-1])
    return pairs


def _seconds(run: Callable[[], None]) -> float:
    before = time.process_time_ns()
    run()
    return (time.process_time_ns() - before) / 1e9


def row(name: str, kind: str, pairs: list[tuple[float, float]]) -> str:
    """One line of the table."""
    ours, theirs = zip(*pairs, strict=True)
    ratios = sorted(a / b for a, b in pairs)
    low, high = ratios[len(ratios) // 4], ratios[-len(ratios) // 4]
    return (
        f"| {name} | {kind} | {statistics.median(theirs) * 1e3:.2f} | {statistics.median(ours) * 1e3:.2f} "
        f"| {statistics.median(ratios):.3f} ({low:.2f} to {high:.2f}) | {min(ours) / min(theirs):.3f} |"
    )


def page(rows: list[str], num_pairs: int) -> str:
    """The result as Markdown."""
    about = (
        f"Batch 32 at 14x14, {num_pairs} pairs of neighbouring steps in one process with one thread, torch "
        f"{torch.__version__}, {platform.machine()}, load {os.getloadavg()[0]:.1f}. CPU milliseconds, "
        "medians; in brackets the middle half of the ratios."
    )
    head = "| supernet | optimizer | alone | in the supernet | ratio | ratio of the quickest |"
    return "\n".join(
        ["# A step of a sampled supernet", "", about, "", head, "|---|---|---|---|---|---|", *rows, ""]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--only", default="", help="of the supernets, those with this in their names")
    parser.add_argument("--report", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
