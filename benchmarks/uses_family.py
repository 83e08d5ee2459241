"""A family of eight sizes: derived from one trained network, or each trained from nothing?

One parent is trained; six smaller and two larger networks inherit from it, are fitted to it where they are
not exact (importance-sorted slices, their layers by least squares, statistics taken anew), and are trained
for a few epochs more, at 0.4 of the learning rate. Against them the same eight, each from nothing, for
several numbers of epochs. What the family costs holds the parent.

Usage: ``python benchmarks/uses_family.py --report benchmarks/results/NAME.md`` (``--seeds 5``,
``--arms a,b``, ``--go-on`` to add what NAME.json does not have yet, ``--share 0.1`` for fewer epochs,
``--page-only`` to write the page again).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from gain_tasks import MNIST_1D as TASK
from torch import nn
from uses_pages import Run as Kept
from uses_pages import by_arm, colours, panels, save, spread, table
from uses_running import Run, Use, main, make_ready, scaled
from uses_training import FIT_ROWS, HEIR_RATE, score, train_epochs

import heredity as hd
from heredity.inheritance import fit_to_parent


def _sized(widths: tuple[int, ...], kernel: int, depths: tuple[int, ...]) -> dict[str, Any]:
    point = dict(TASK.default)
    for stage in range(3):
        point |= {f"width{stage}": widths[stage], f"kernel{stage}": kernel, f"depth{stage}": depths[stage]}
    return point


PARENT = _sized((16, 24, 32), 5, (0, 1, 1))
SMALLER = (
    _sized((12, 16, 24), 5, (0, 1, 1)),
    _sized((8, 16, 24), 5, (0, 1, 1)),
    _sized((16, 24, 32), 3, (0, 1, 1)),
    _sized((16, 24, 32), 5, (0, 0, 0)),
    _sized((12, 16, 24), 3, (0, 0, 1)),
    _sized((8, 12, 16), 5, (0, 1, 1)),
)
LARGER = (_sized((16, 32, 48), 5, (0, 1, 1)), _sized((16, 24, 32), 7, (0, 1, 2)))
SEPARATE = {f"separate-{epochs}": epochs for epochs in (4, 8, 14, 24)}
FAMILIES = {f"family-{parent}-{own}": (parent, own) for parent in (10, 20) for own in (0, 1, 3)}


def run(arm: str, seed: int, share: float) -> Run:
    """One way to eight networks."""
    make_ready(TASK)
    began, parent = time.process_time(), {"epochs": 0, "cpu_seconds": 0.0}
    inputs = (TASK.load().train[0][:2],)
    smaller, larger = (SMALLER, LARGER) if share >= 0.1 else (SMALLER[:1], LARGER[:1])
    with tempfile.TemporaryDirectory() as folder:
        store = hd.open_store(folder)
        if arm in FAMILIES:
            epochs = scaled(FAMILIES[arm][0], share)
            module = _trained(PARENT, epochs=epochs, seed=1000 * seed)
            hd.save(store, module, key="parent", example_inputs=inputs)
            parent = {"epochs": epochs, "cpu_seconds": time.process_time() - began}
        members = []
        for number, point in enumerate((*smaller, *larger), 1):
            members.append(_member(arm, point, store, seed=1000 * seed + number, share=share))
    tests = [member["test"] for member in members]
    return {
        "parent": parent,
        "num_smaller": len(smaller),
        "epochs": parent["epochs"] + sum(member["epochs"] for member in members),
        "cpu_seconds": parent["cpu_seconds"] + sum(member["cpu_seconds"] for member in members),
        "test": statistics.fmean(tests),
        "smaller": statistics.fmean(tests[: len(smaller)]),
        "larger": statistics.fmean(tests[len(smaller) :]),
        "members": members,
    }


def _member(
    arm: str, point: Mapping[str, Any], store: hd.Store, *, seed: int, share: float
) -> dict[str, Any]:
    began, data = time.process_time(), TASK.load()
    if arm in FAMILIES:
        own = FAMILIES[arm][1]
        epochs = scaled(own, share) if own else 0
        torch.manual_seed(seed)
        module = TASK.build(point)
        found = hd.inherit(module, store["parent"])
        if not found.is_exact:
            fit_to_parent(found, (data.train[0][:FIT_ROWS],))
        train_epochs(TASK, module, epochs=epochs, rate=HEIR_RATE * TASK.rate, part=(0.0, 1.0))
    else:
        epochs = scaled(SEPARATE[arm], share)
        module = _trained(point, epochs=epochs, seed=seed)
    hd.save(store, module, key=f"member-{seed}", example_inputs=(data.train[0][:2],))
    return {
        "epochs": epochs,
        "cpu_seconds": time.process_time() - began,
        "test": score(TASK, module, data.test),
        "num_weights": sum(weight.numel() for weight in module.parameters()),
    }


def _trained(point: Mapping[str, Any], *, epochs: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    module = TASK.build(point)
    train_epochs(TASK, module, epochs=epochs, rate=TASK.rate, part=(0.0, 1.0))
    return module


def lines(path: Path, runs: Sequence[Kept]) -> Iterable[str]:
    """The page: accuracies against costs, and what separate trainings would cost for the same."""
    arms = by_arm(runs)
    yield (
        f"MNIST-1D; {len(SMALLER)} networks smaller than the parent and {len(LARGER)} larger ones. "
        "*family-p-m*: the parent has p epochs, each member m more; *separate-e*: e epochs each. All "
        "learning rates fall to nothing by half a cosine. *Test* is the mean over the members."
    )
    yield ""
    yield _plot(path, arms)
    yield ""
    yield from table(
        (
            "arm",
            "n",
            "epochs",
            "without the parent",
            "CPU-s",
            "without the parent",
            "test",
            "smaller",
            "larger",
        ),
        (
            (
                arm,
                len(of),
                spread([one["epochs"] for one in of], 0),
                spread([one["epochs"] - one["parent"]["epochs"] for one in of], 0),
                spread([one["cpu_seconds"] for one in of], 0),
                spread([one["cpu_seconds"] - one["parent"]["cpu_seconds"] for one in of], 0),
                *(spread([one[name] for one in of], 4) for name in ("test", "smaller", "larger")),
            )
            for arm, of in arms.items()
        ),
    )
    yield from _shares(arms)


def _shares(arms: Mapping[str, Sequence[Kept]]) -> Iterator[str]:
    yield "## What the family costs, as a share of separate trainings of the same mean test"
    yield ""
    yield (
        "Between two numbers of epochs the separate trainings' cost is interpolated, seed by seed; *below* "
        "and *above*: the family is below the shortest separate trainings, or above the longest."
    )
    yield ""
    separate: dict[int, list[Kept]] = {}
    for arm in SEPARATE:
        for one in arms.get(arm, ()):
            separate.setdefault(one["seed"], []).append(one)
    head = ("family", "all: epochs", "CPU-s", "smaller: epochs", "larger: epochs")
    yield from table(
        head,
        (
            (
                arm,
                *(
                    _share(arms[arm], separate, name=name, cost=cost)
                    for name, cost in (
                        ("test", "epochs"),
                        ("test", "cpu_seconds"),
                        ("smaller", "epochs"),
                        ("larger", "epochs"),
                    )
                ),
            )
            for arm in FAMILIES
            if arm in arms
        ),
    )


def _share(of: Sequence[Kept], separate: Mapping[int, Sequence[Kept]], *, name: str, cost: str) -> str:
    """The whole parent is charged to the smaller members alone, and to the larger ones alone."""
    found = []
    for one in of:
        points = sorted((_cost(other, name, cost), other[name]) for other in separate.get(one["seed"], ()))
        needed = _interpolated(points, one[name])
        if isinstance(needed, str):
            found.append(needed)
        else:
            found.append(f"{_cost(one, name, cost) / needed:.2f}")
    return " ".join(found)


def _cost(one: Kept, name: str, cost: str) -> float:
    members, num = one["members"], one["num_smaller"]
    chosen = {"test": members, "smaller": members[:num], "larger": members[num:]}[name]
    total = one["parent"][cost] + sum(member[cost] for member in chosen)
    return float(total)


def _interpolated(points: Sequence[tuple[float, float]], height: float) -> float | str:
    """The cost at which a curve of (cost, accuracy) first has a height."""
    if not points or height < points[0][1]:
        return "below"
    for (x0, y0), (x1, y1) in pairwise(points):
        if y0 <= height <= y1:
            return x0 + (x1 - x0) * (height - y0) / (y1 - y0) if y1 > y0 else x0
    return "above"


def _plot(path: Path, arms: Mapping[str, Sequence[Kept]]) -> str:
    figure, places = panels(2)
    lines = {"separate": list(SEPARATE)}
    for length in sorted({length for length, _ in FAMILIES.values()}):
        lines[f"from a parent of {length} epochs"] = [
            arm for arm, (parent, own) in FAMILIES.items() if parent == length and own
        ]
    for panel, cost in zip(places, ("epochs", "cpu_seconds"), strict=True):
        for label, colour in colours(lines).items():
            there = [arm for arm in lines[label] if arm in arms]
            xs = [statistics.median(one[cost] for one in arms[arm]) for arm in there]
            ys = [[one["test"] for one in arms[arm]] for arm in there]
            panel.plot(xs, [statistics.median(y) for y in ys], "o-", color=colour, label=label)
            panel.fill_between(xs, [min(y) for y in ys], [max(y) for y in ys], color=colour, alpha=0.15)
        panel.set_xlabel("epochs in all" if cost == "epochs" else "CPU seconds, everything charged")
    places[0].set_ylabel("mean test of the eight")
    places[1].legend(loc="lower right")
    return save(figure, path)


USE = Use(
    title="A family of eight sizes, from one parent or each from nothing",
    arms=dict.fromkeys((*SEPARATE, *FAMILIES), ""),
    run=run,
    write=lines,
    reported=("separate-4", "separate-8", "separate-14", "family-10-1", "family-10-3", "family-20-3"),
)

if __name__ == "__main__":
    main(USE, __doc__)
