"""What a step of a sampled supernet costs beside the sub-network's own: all of it measured several times.

As `oneshot_parts.py`, whose supernets it takes; beside its ratios it tells the clock's, what fused Adam does,
and a supernet of which another architecture is drawn at each step, with a network of its own for each.

Usage: ``python benchmarks/oneshot_cost_sampled.py --report benchmarks/results/NAME.md``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from oneshot_parts import OPTIMIZERS, SIZES, elastic, paths
from torch import nn
from torch.nn import functional

from heredity.oneshot import Parts, freeze, selection_of
from heredity.oneshot.sampled import step

KINDS = {**OPTIMIZERS, "fused Adam": lambda p: torch.optim.Adam(p, lr=1e-4, fused=True)}
Seconds = tuple[float, float]
"""By the processor's clock, and by the wall's."""
Architectures = Sequence[dict[str, object]]


def main() -> None:
    """Measure all cases, and all of them again."""
    options = _options()
    torch.set_num_threads(1)
    names = [name for name in cases() if options.only in name]
    found: dict[tuple[str, str], list[list[tuple[Seconds, Seconds]]]] = {}
    for number in range(options.repeats):
        for name, kind in itertools.product(names, KINDS):
            make, architectures, share = cases()[name]
            torch.manual_seed(number)
            pairs = measure(make(), architectures, kind, num_pairs=round(options.pairs * share))
            found.setdefault((name, kind), []).append(pairs)
            print(number + 1, name, kind, f"{ratio(pairs):.3f}", flush=True)
        if options.report:
            options.report.write_text(page(found, options, num_repeats=number + 1))


def cases() -> dict[str, tuple[Callable[[], nn.Module], Architectures, float]]:
    """By name: the supernet, its architectures, and which share of the pairs is enough."""
    sizes = [{"width": width, "kernel": kernel} for width, kernel in SIZES.values()]
    found: dict[str, tuple[Callable[[], nn.Module], Architectures, float]] = {
        f"elastic, {name}": (elastic, [dict(size)], share)
        for (name, size, share) in zip(SIZES, sizes, (1.0, 0.25, 0.05), strict=True)
    }
    small = [{"width": width, "kernel": kernel} for width in (16, 32) for kernel in (3, 5)]
    found["elastic, one of four in turn"] = elastic, [dict(one) for one in small], 0.3
    found["single path of five operators"] = paths, [{f"op{n}": str(n % 5) for n in range(4)}], 0.25
    return found


def measure(
    supernet: nn.Module, architectures: Architectures, kind: str, *, num_pairs: int
) -> list[tuple[Seconds, Seconds]]:
    """A step of the supernet and of the network alone, in turn; which of both comes first takes turns too."""
    alone = [freeze(supernet, one) for one in architectures]  # type: ignore[arg-type]  # texts and numbers
    selections = [selection_of(supernet, one) for one in architectures]  # type: ignore[arg-type]  # as above
    ours, theirs = KINDS[kind](supernet.parameters()), [KINDS[kind](one.parameters()) for one in alone]
    batch, parts = (torch.randn(32, 3, 14, 14), torch.randint(10, (32,))), Parts()

    def sampled(turn: int) -> None:
        step(supernet, ours, batch, [selections[turn]], loss=functional.cross_entropy, parts=parts)

    def plain(turn: int) -> None:
        theirs[turn].zero_grad(set_to_none=True)
        value = functional.cross_entropy(alone[turn](batch[0]), batch[1])
        value.backward()  # type: ignore[no-untyped-call]  # torch's own
        theirs[turn].step()
        value.item()

    pairs = []
    for number in range(num_pairs + 5 * len(alone)):
        turn = number // 2 % len(alone)
        if number % 2:
            pairs.append((_seconds(sampled, turn), _seconds(plain, turn)))
        else:
            pairs.append((_seconds(plain, turn), _seconds(sampled, turn))[::-1])
    return pairs[5 * len(alone) :]


def _seconds(run: Callable[[int], None], turn: int) -> Seconds:
    before, wall = time.process_time_ns(), time.perf_counter_ns()
    run(turn)
    return (time.process_time_ns() - before) / 1e9, (time.perf_counter_ns() - wall) / 1e9


def ratio(pairs: list[tuple[Seconds, Seconds]], clock: int = 0) -> float:
    """The median of the ratios of neighbours; by the processor's clock (0) or the wall's (1)."""
    return statistics.median(ours[clock] / theirs[clock] for ours, theirs in pairs)


def row(name: str, kind: str, repeats: list[list[tuple[Seconds, Seconds]]]) -> str:
    """One line of the table: medians over the repeats, and from the lowest to the highest of them."""
    ours, theirs = (
        statistics.median(statistics.median(pair[side][0] for pair in pairs) for pairs in repeats) * 1e3
        for side in (0, 1)
    )
    ratios = sorted(ratio(pairs) for pairs in repeats)
    wall = statistics.median(ratio(pairs, 1) for pairs in repeats)
    quickest = statistics.median(
        min(pair[0][0] for pair in pairs) / min(pair[1][0] for pair in pairs) for pairs in repeats
    )
    return (
        f"| {name} | {kind} | {theirs:.2f} | {ours:.2f} | {statistics.median(ratios):.3f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}) | {quickest:.3f} | {wall:.3f} |"
    )


def page(
    found: dict[tuple[str, str], list[list[tuple[Seconds, Seconds]]]],
    options: argparse.Namespace,
    *,
    num_repeats: int,
) -> str:
    """The result as Markdown."""
    about = (
        f"Batch 32 at 14x14, one thread, torch {torch.__version__}, {platform.machine()}, load "
        f"{os.getloadavg()[0]:.1f}. Neighbouring steps in one process are a pair; {options.pairs} pairs of "
        f"the smallest, fewer of the others; {num_repeats} repeats of the whole. CPU milliseconds, medians; "
        "the ratio is the median of the repeats' medians, in brackets the lowest and the highest of them."
    )
    head = "| supernet | optimizer | alone | in the supernet | ratio | quickest | by the wall's clock |"
    rows = [row(name, kind, repeats) for (name, kind), repeats in found.items()]
    title = "# A step of a sampled supernet, again"
    return "\n".join([title, "", about, "", head, "|---|---|---|---|---|---|---|", *rows, ""])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="of the supernets, those with this in their names")
    parser.add_argument("--report", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
