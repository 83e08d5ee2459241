"""A stream of jobs, of different architectures, one after another: from nothing, or from earlier ones?

The setting of ModelKeeper (Lai et al., 2023). Each job ends when its validation accuracy reaches a target, or
after 40 epochs: then it has missed it. All that ended well lies in a store, on disk, in which the next job
looks for its parent. Settings of both sides are compared on a seed that is not reported; the first job, which
finds an empty store, is charged to those who inherit as well.

Usage: ``python benchmarks/uses_stream.py --report benchmarks/results/NAME.md`` (``--seeds 5``,
``--arms a,b``, ``--go-on`` to add what NAME.json does not have yet, ``--share 0.1`` for a shorter stream,
``--page-only`` to write the page again).
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gain_tasks import MNIST_1D as TASK
from torch import nn
from uses_pages import Run as Kept
from uses_pages import by_arm, colours, difference, each, paired, panels, ratios, save, spread, table
from uses_running import TUNING_SEED, Run, Use, main, make_ready, scaled
from uses_training import FIT_ROWS, score, train_epochs

import heredity as hd
from heredity.inheritance import fit_to_parent

NUM_JOBS, NUM_TUNING_JOBS = 40, 10
TARGET = 0.93
MOST_EPOCHS = 40
MACS = (20_000, 70_000)
"""Multiplications of a job's network; those with fewer seldom reach the target."""
LEAST_KERNEL, NORM = 3, "batch"
"""Of a job's network. Drawn from all of the space, two jobs in five of the unreported seed missed the target,
whatever the setting."""
NEAR_ENOUGH = 0.4
"""A job whose parent leaves it with less accuracy on validation begins from nothing instead. One that kept
its parent's weights and trained at the rate from nothing died of it: a network without normalization."""


@dataclass(frozen=True)
class Schedule:
    """A learning rate that falls to nothing every so many epochs; 0 for a constant one."""

    rate: float
    cycle: int

    def __str__(self) -> str:
        how = f"down to nothing every {self.cycle} epochs" if self.cycle else "constant"
        return f"rate {self.rate}, {how}"


@dataclass(frozen=True)
class Side:
    """How jobs begin and train.

    Attributes:
        fresh: How a job from nothing trains.
        heir: How an heir does.
        limit: Among how many candidates the parent is chosen; 0 for none.
    """

    fresh: Schedule
    heir: Schedule
    limit: int = 0

    def __str__(self) -> str:
        if not self.limit:
            return f"every job from nothing: {self.fresh}."
        few = f"the one of the {self.limit} nearest that begins with the least loss"
        chosen = "the nearest" if self.limit == 1 else few
        return f"from {chosen}: {self.heir}; the first job, and others from nothing: {self.fresh}."


@dataclass(frozen=True)
class End:
    """When a job is over: the accuracy on validation, or so many epochs."""

    target: float = TARGET
    most: int = MOST_EPOCHS


FRESH = Schedule(0.05, 15)
"""The best scratch recipe of first measurements; the page's table of settings says whether it still is."""
HEIR = Schedule(0.02, 3)
"""0.4 of the rate, as they advised, annealed every few epochs; of heirs the same table says so."""
SCRATCH = {
    "scratch-8": Side(Schedule(0.05, 8), HEIR),
    "scratch-15": Side(Schedule(0.05, 15), HEIR),
    "scratch-25": Side(Schedule(0.05, 25), HEIR),
    "scratch-constant": Side(Schedule(0.02, 0), HEIR),
}
HEIRS = {
    "nearest-constant": Side(FRESH, Schedule(0.02, 0), 1),
    "nearest-3": Side(FRESH, Schedule(0.02, 3), 1),
    "nearest-3-fast": Side(FRESH, Schedule(0.05, 3), 1),
}
REPORTED = {
    "scratch": Side(FRESH, HEIR),
    "nearest": Side(FRESH, HEIR, 1),
    "best-of-near": Side(FRESH, HEIR, 4),
}
SIDES = {**SCRATCH, **HEIRS, **REPORTED}


def run(arm: str, seed: int, share: float) -> Run:
    """One stream: its jobs, their sums, and the mean test accuracy."""
    make_ready(TASK)
    num = scaled(NUM_TUNING_JOBS, share) if seed == TUNING_SEED else scaled(NUM_JOBS, share, least=2)
    end = End() if share >= 0.1 else End(target=0.15, most=2)
    with tempfile.TemporaryDirectory() as folder:
        store = hd.open_store(folder)
        jobs = [
            _job(number, point, store, side=SIDES[arm], seed=seed, end=end)
            for number, point in enumerate(_points(num, seed))
        ]
    return {
        "epochs": sum(job["epochs"] for job in jobs),
        "cpu_seconds": sum(job["cpu_seconds"] for job in jobs),
        "missed": sum(not job["reached"] for job in jobs),
        "test": statistics.fmean(job["test"] for job in jobs),
        "jobs": jobs,
    }


def _points(num: int, seed: int) -> list[Mapping[str, Any]]:
    rng = random.Random(seed)
    found: list[Mapping[str, Any]] = []
    while len(found) < num:
        point: Mapping[str, Any] = TASK.space.sample(rng)
        kernels = [point[f"kernel{stage}"] for stage in range(3)]
        is_sane = min(kernels) >= LEAST_KERNEL and point["norm"] == NORM
        if is_sane and MACS[0] <= _macs(point) <= MACS[1]:
            found.append(point)
    return found


def _macs(at: Mapping[str, Any]) -> int:
    """As the space's constraint counts them."""
    before, total = 1, 0
    for stage, places in enumerate((40, 20, 10)):
        width, depth = at[f"width{stage}"], at[f"depth{stage}"]
        total += places * width * at[f"kernel{stage}"] * (before + 2 * depth * width)
        before = width
    return total


def _job(
    number: int, point: Mapping[str, Any], store: hd.Store, *, side: Side, seed: int, end: End
) -> dict[str, Any]:
    """Train one job until it reaches the target; the test is read when all is over, and not charged."""
    torch.manual_seed(1000 * seed + number)
    began, data = time.process_time(), TASK.load()
    module = TASK.build(point)
    about = _inherited(module, store, limit=side.limit) if side.limit else {}
    begins = score(TASK, module, data.val) if about else 0.0
    is_heir = begins >= min(NEAR_ENOUGH, end.target)
    if about and not is_heir:
        torch.manual_seed(1000 * seed + number)
        module = TASK.build(point)
    schedule = side.heir if is_heir else side.fresh
    epochs, reached = _trained(module, schedule, begins=begins if is_heir else 0.0, end=end)
    inputs = (data.train[0][:2],)
    key, metadata = f"job-{number}", {"reached": reached >= end.target}
    hd.save(store, module, key=key, score=reached, example_inputs=inputs, metadata=metadata)
    return {
        "cpu_seconds": time.process_time() - began,
        "epochs": epochs,
        "reached": reached >= end.target,
        "val": reached,
        "begins": begins,
        "is_heir": is_heir,
        "test": score(TASK, module, data.test),
        "macs": _macs(point),
        **about,
    }


def _inherited(module: nn.Module, store: hd.Store, *, limit: int) -> dict[str, Any]:
    data = TASK.load()
    few = (data.train[0][:FIT_ROWS], data.train[1][:FIT_ROWS])
    candidates = hd.Candidates(store, where={"reached": True}, limit=limit)
    found = hd.inherit(
        module,
        candidates,
        example_inputs=(data.train[0][:2],),
        probe=(*few, TASK.loss) if limit > 1 else None,
        missing_ok=True,
    )
    if found is None:
        return {}
    if not found.is_exact:
        fit_to_parent(found, (few[0],))
    return {"parent": found.parent.key, "exact": found.is_exact, "coverage": found.coverage}


def _trained(module: nn.Module, schedule: Schedule, *, begins: float, end: End) -> tuple[int, float]:
    """Train epoch by epoch up to the target; how many epochs it took, and the accuracy at their end."""
    epochs, reached = 0, begins
    optimizer = TASK.optimizer(module, schedule.rate)
    while reached < end.target and epochs < end.most:
        done = epochs % schedule.cycle / schedule.cycle if schedule.cycle else None
        train_epochs(
            TASK,
            module,
            epochs=1,
            rate=schedule.rate,
            part=None if done is None else (done, done + 1 / schedule.cycle),
            optimizer=optimizer,
        )
        epochs, reached = epochs + 1, score(TASK, module, TASK.load().val)
    return epochs, reached


def lines(path: Path, runs: Sequence[Kept]) -> Iterable[str]:
    """The page: the reported arms, their pairs, and how the settings were chosen."""
    arms = by_arm(runs)
    num = max((len(one["jobs"]) for of in arms.values() for one in of), default=0)
    yield (
        f"MNIST-1D; {num} random networks a stream, the same for all arms: {MACS[0]:,} to {MACS[1]:,} "
        f"multiplications, kernels of {LEAST_KERNEL} and more, batch normalization. A job ends at {TARGET} "
        f"on validation, or after {MOST_EPOCHS} epochs: *missed*. "
        "*Test* is the mean over all jobs. Parents are sought among those that have reached the target; *too "
        f"far*: it left the job below {NEAR_ENOUGH} on validation, which then began from nothing."
    )
    yield ""
    yield _plot(path, arms)
    yield ""
    head = ("arm", "n", "epochs", "CPU-s", "missed", "mean test", "heirs", "of them exact", "too far")
    yield from table(head, (_row(arm, of) for arm, of in arms.items()))
    yield "## Minus scratch, pair by pair"
    yield ""
    yield "*Test*: the mean difference with its interval of 95 %; costs: median and range of the shares."
    yield ""
    yield from table(
        ("arm", "test", "per seed", "missed", "epochs", "CPU-s"),
        (_against(arm, of, arms["scratch"]) for arm, of in arms.items() if arm != "scratch"),
    )
    yield from _tuning(runs)
    yield "## The arms"
    yield ""
    yield from (f"- **{arm}**: {USE.arms[arm]}" for arm in arms)


def _row(arm: str, of: Sequence[Kept]) -> Sequence[object]:
    jobs = [[job for job in one["jobs"] if "parent" in job] for one in of]
    return (
        arm,
        len(of),
        spread([one["epochs"] for one in of], 0),
        spread([one["cpu_seconds"] for one in of], 0),
        spread([one["missed"] for one in of], 0),
        spread([one["test"] for one in of], 4),
        spread([sum(job["is_heir"] for job in each_of) for each_of in jobs], 0),
        spread([sum(job["is_heir"] and job["exact"] for job in each_of) for each_of in jobs], 0),
        spread([sum(not job["is_heir"] for job in each_of) for each_of in jobs], 0),
    )


def _against(arm: str, of: Sequence[Kept], scratch: Sequence[Kept]) -> Sequence[object]:
    gaps = paired(of, scratch, "test")
    return (
        arm,
        difference(gaps),
        each(gaps),
        each(paired(of, scratch, "missed"), 0),
        spread(ratios(of, scratch, "epochs"), 2),
        spread(ratios(of, scratch, "cpu_seconds"), 2),
    )


def _tuning(runs: Sequence[Kept]) -> Iterator[str]:
    tuned = [one for one in runs if one["seed"] == TUNING_SEED]
    yield "## How the settings were chosen"
    yield ""
    yield f"A shorter stream of a seed that is not reported; the fewest epochs, {MOST_EPOCHS} for a miss."
    yield ""
    yield from table(
        ("setting", "epochs", "CPU-s", "missed", "mean test"),
        (
            (
                str(SIDES[one["arm"]]),
                one["epochs"],
                f"{one['cpu_seconds']:.0f}",
                one["missed"],
                f"{one['test']:.4f}",
            )
            for one in tuned
        ),
    )


def _plot(path: Path, arms: Mapping[str, Sequence[Kept]]) -> str:
    figure, places = panels(2)
    for panel, cost in zip(places, ("epochs", "cpu_seconds"), strict=True):
        for arm, colour in colours(arms).items():
            sums = [_sums([job[cost] for job in one["jobs"]]) for one in arms[arm]]
            for line in sums:
                panel.plot(line, range(len(line)), color=colour, lw=0.5, alpha=0.4)
            middle = [statistics.median(at) for at in zip(*sums, strict=True)]
            panel.plot(middle, range(len(middle)), color=colour, lw=1.8, label=arm)
        panel.set_xlabel("epochs" if cost == "epochs" else "CPU seconds, everything charged")
    places[0].set_ylabel("jobs that are over")
    places[1].legend(loc="lower right")
    return save(figure, path)


def _sums(values: Sequence[float]) -> list[float]:
    return [sum(values[:number]) for number in range(len(values) + 1)]


USE = Use(
    title="A stream of jobs, from nothing or from earlier ones",
    arms={arm: str(side) for arm, side in SIDES.items()},
    run=run,
    write=lines,
    reported=tuple(REPORTED),
    tuned=(*SCRATCH, *HEIRS),
)

if __name__ == "__main__":
    main(USE, __doc__)
