"""What a smaller child has of its parent: right after inheriting, and after a few steps of its own.

Five seeds of a residual network and a transformer on 8 x 8 digits. A child of three quarters or half the
width begins in each of seven ways; a child of fewer blocks keeps each of four choices. All learn alike.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/transfer_shrinking.py > benchmarks/results/NAME.md`` (``--tiny``
only to see whether it works).
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from transfer_shrinking_networks import (
    FAMILIES,
    NUM_PROBE,
    Digits,
    Family,
    Network,
    shares_of_branches,
    with_blocks,
)

from heredity.graph import Graph
from heredity.transfer import TransferPlan, apply, plan_transfer, trace
from heredity.transfer.shrinking import by_importance, fit, recalibrate

WIDTH, DEPTH = 32, 3
LEARNING = "AdamW, learning rate 0.002, 64 digits a step"


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        widths: Of narrower children.
        depths: Of a parent and of its shallower child.
        stops: After how many steps of the child its accuracy is taken.
        families: What is made smaller.
    """

    widths: Sequence[int]
    depths: Sequence[tuple[int, int]]
    stops: Sequence[int]
    families: Sequence[Family]


FULL = Extent((24, 16), ((4, 2), (6, 3), (6, 4)), (50, 200), FAMILIES)
TINY = Extent((16,), ((3, 2),), (1, 2), [replace(family, parent_steps=2) for family in FAMILIES])


@dataclass
class Case:
    """A parent, and a child that is to begin.

    Attributes:
        digits: The data.
        parent: The trained parent.
        child: The child, with its own initial weights.
        graphs: Of the parent and of the child.
    """

    digits: Digits
    parent: Network
    child: Network
    graphs: tuple[Graph, Graph]


def scratch(case: Case) -> None:
    """Nothing is inherited."""
    del case


def same_shapes(case: Case) -> None:
    """What ``load_state_dict`` takes if what does not fit is left out."""
    own = case.child.state_dict()
    fitting = {
        name: value for name, value in case.parent.state_dict().items() if own[name].shape == value.shape
    }
    case.child.load_state_dict(fitting, strict=False)


def _inherit(case: Case, *, is_by_importance: bool) -> TransferPlan:
    tensors = case.parent.state_dict()
    plan = plan_transfer(*case.graphs, keep=by_importance(tensors) if is_by_importance else None)
    apply(plan, tensors, case.child)
    return plan


def first_entries(case: Case) -> None:
    _inherit(case, is_by_importance=False)


def important_entries(case: Case) -> None:
    _inherit(case, is_by_importance=True)


def recalibrated(case: Case) -> None:
    plan = _inherit(case, is_by_importance=True)
    recalibrate(case.child, [case.digits.probe], plan=plan)


def fitted(case: Case) -> None:
    _fit(case, _inherit(case, is_by_importance=True))


def first_entries_fitted(case: Case) -> None:
    _fit(case, _inherit(case, is_by_importance=False))


def _fit(case: Case, plan: TransferPlan) -> None:
    parent, child = case.graphs
    tensors, inputs = case.parent.state_dict(), (case.digits.probe,)
    fit(plan, case.child, child=child, parent=parent, parent_tensors=tensors, inputs=inputs)


WAYS: Mapping[str, Callable[[Case], None]] = {
    "from scratch": scratch,
    "same-shape copying": same_shapes,
    "first entries": first_entries,
    "most important entries": important_entries,
    "… and statistics taken anew": recalibrated,
    "… and layers fitted (`fit`)": fitted,
    "first entries, and layers fitted": first_entries_fitted,
}

Curve = list[float]


def narrower(
    family: Family, digits: Digits, width: int, *, stops: Sequence[int], seeds: int
) -> dict[str, list[Curve]]:
    """The accuracy of each way at the start and at each stop, for each seed."""
    found: dict[str, list[Curve]] = {name: [] for name in WAYS}
    for seed in range(seeds):
        parent = family.parent(digits, width=WIDTH, depth=DEPTH, seed=seed)
        for name, way in WAYS.items():
            torch.manual_seed(100 + seed)
            child = family.build(width, DEPTH)
            graphs = trace(parent, (digits.x[:4],)), trace(child, (digits.x[:4],))
            way(Case(digits, parent, child, graphs))
            start = digits.accuracy(child)
            found[name].append([start, *digits.teach(child, seed=100 + seed, stops=stops)])
    return found


def choices(shares: Sequence[float], count: int) -> dict[str, list[int]]:
    """Which blocks are kept, by each policy."""
    size = len(shares)
    return {
        "the first": list(range(count)),
        "the last": list(range(size - count, size)),
        "evenly spaced": [round(i * (size - 1) / (count - 1)) for i in range(count)],
        "those of the largest branches": sorted(sorted(range(size), key=lambda i: -shares[i])[:count]),
    }


def shallower(
    family: Family, digits: Digits, depths: tuple[int, int], *, stops: Sequence[int], seeds: int
) -> dict[str, list[Curve]]:
    """The accuracy of each choice at the start, statistics taken anew, and at each stop."""
    found: dict[str, list[Curve]] = {}
    for seed in range(seeds):
        parent = family.parent(digits, width=WIDTH // 2, depth=depths[0], seed=seed)
        shares = shares_of_branches(parent.eval(), digits.probe)
        for name, kept in choices(shares, depths[1]).items():
            child = with_blocks(parent, kept)
            recalibrate(child, [digits.probe])
            start = digits.accuracy(child)
            curve = [start, *digits.teach(child, seed=100 + seed, stops=stops)]
            found.setdefault(name, []).append(curve)
    return found


def chosen_blocks(family: Family, depths: tuple[int, int], digits: Digits) -> list[str]:
    """The blocks that heredity's own plan keeps."""
    graphs = [trace(family.build(8, depth), (digits.x[:4],)) for depth in depths]
    plan = plan_transfer(*graphs)
    numbers = {(step.tensor.split(".")[1], step.source.split(".")[1])
               for step in plan.steps if step.tensor.startswith("blocks.") and step.source}  # fmt: skip
    return [theirs for _, theirs in sorted(numbers)]


def timed(digits: Digits) -> Iterator[str]:
    """How long fitting takes, beside a step of training."""
    for family in FAMILIES:
        parent, child = family.build(WIDTH, DEPTH), family.build(WIDTH // 2, DEPTH)
        graphs = trace(parent, (digits.x[:4],)), trace(child, (digits.x[:4],))
        case = Case(digits, parent, child, graphs)
        start = time.perf_counter()
        fitted(case)
        between = time.perf_counter()
        digits.teach(child, seed=0, stops=[20])
        step = (time.perf_counter() - between) / 20
        yield f"{family.name}: {between - start:.2f} s, as long as {(between - start) / step:.0f} steps"


def _row(name: str, curves: list[Curve]) -> str:
    cells = [
        f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
        for values in zip(*curves, strict=True)
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _table(head: str, rows: Mapping[str, list[Curve]], *, stops: Sequence[int]) -> None:
    print(f"| {head} | at once | {' | '.join(f'{stop} steps' for stop in stops)} |")
    print(f"|---|{'---|' * (len(stops) + 1)}")
    for name, curves in rows.items():
        print(_row(name, curves))
    print()


def report(extent: Extent, *, seeds: int) -> None:
    torch.set_num_threads(1)
    digits = Digits.load()
    print("# Smaller children\n")
    print(
        f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"torch {torch.__version__}; load before: {os.getloadavg()[0]:.1f}.\n\n"
        f"8 x 8 digits, 1,200 to learn, 597 to test; {LEARNING}. Test accuracy, mean ± standard deviation "
        f"over {seeds} seeds; {NUM_PROBE} unlabelled digits of those that are learned are the probe.\n"
    )
    for family in extent.families:
        parents = [
            digits.accuracy(family.parent(digits, width=WIDTH, depth=DEPTH, seed=seed))
            for seed in range(seeds)
        ]
        print(f"## Narrower: {family.name}, {DEPTH} blocks\n")
        print(
            f"The parent, {WIDTH} wide, after {family.parent_steps} steps: {statistics.mean(parents):.3f}.\n"
        )
        for width in extent.widths:
            found = narrower(family, digits, width, stops=extent.stops, seeds=seeds)
            _table(f"{width} wide", found, stops=extent.stops)
    for family in extent.families:
        print(f"## Shallower: {family.name}, {WIDTH // 2} wide\n")
        for depths in extent.depths:
            own = ", ".join(chosen_blocks(family, depths, digits))
            print(f"A plan keeps blocks {own}.\n")
            found = shallower(family, digits, depths, stops=extent.stops, seeds=seeds)
            _table(f"{depths[1]} of {depths[0]} blocks", found, stops=extent.stops)
    print("## What fitting costs\n")
    for line in timed(digits):
        print(f"- {line}")
    print("\n`OMP_NUM_THREADS=1 python benchmarks/transfer_shrinking.py` repeats it.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=5, help="at least 2, since deviations are taken over them"
    )
    parser.add_argument("--tiny", action="store_true", help="only see whether it works, in seconds")
    options = parser.parse_args()
    report(TINY if options.tiny else FULL, seeds=options.seeds)


if __name__ == "__main__":
    main()
