"""How the benchmarks of uses run: arms and seeds one after another, numbers kept beside the page."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gain_tasks import Task
from uses_training import FINAL

import heredity as hd
from heredity.encoding import Json
from heredity.strategies import Strategy

Run = dict[str, Any]  # Any: plain data for JSON
TUNING_SEED = 1000
"""On this one settings are chosen; it is not reported."""

Train = Callable[[hd.Trial], dict[str, float]]


@dataclass(frozen=True)
class Use:
    """One use of inheritance, and how it is measured.

    Attributes:
        title: The page's.
        arms: What each does, by name.
        run: One arm with one seed, at a share of the full size.
        write: The page's text and plot, given where it lies and all runs.
        reported: The arms that run on the reported seeds; none for all.
        tuned: The arms that run on a seed which is not reported, to choose a setting by.
    """

    title: str
    arms: Mapping[str, str]
    run: Callable[[str, int, float], Run]
    write: Callable[[Path, Sequence[Mapping[str, Any]]], Iterable[str]]
    reported: Sequence[str] = ()
    tuned: Sequence[str] = ()


def main(use: Use, description: str, arguments: Sequence[str] | None = None) -> None:
    """Run what is missing, keep the numbers beside the page, and write it.

    Args:
        use: What is measured.
        description: Of the command.
        arguments: Its arguments; None for those of the command line.
    """
    options = _options(use, description, arguments)
    numbers: Path = options.report.with_suffix(".json")
    runs: list[Run] = json.loads(numbers.read_text()) if options.go_on or options.page_only else []
    done = {(run["arm"], run["seed"]) for run in runs}
    arms = options.arms.split(",") if options.arms else use.reported or list(use.arms)
    jobs = [(arm, TUNING_SEED) for arm in use.tuned]
    jobs += [(arm, seed) for seed in range(options.seeds) for arm in arms]
    torch.set_num_threads(1)
    for arm, seed in [] if options.page_only else jobs:
        if (arm, seed) in done:
            continue
        load, began = os.getloadavg()[0], time.process_time()
        about = {"arm": arm, "seed": seed, "day": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", "load": load}
        runs.append({**about, **use.run(arm, seed, options.share)})
        numbers.write_text(json.dumps(runs, separators=(",", ":")) + "\n")
        print(arm, seed, f"{time.process_time() - began:.0f} CPU-s in all", flush=True)
    order = list(use.arms)
    ordered = sorted(runs, key=lambda run: (order.index(run["arm"]), run["seed"]))
    from uses_pages import write_page

    write_page(options.report, use.title, ordered, use.write(options.report, ordered))


def run_experiment(task: Task, strategy: Strategy, train: Train, *, seed: int, last: int | None) -> Run:
    """One experiment, in this process, its store on disk: its trials, and all the seconds that it took.

    The winner is the best of those that were trained up to the ``last`` epoch; None: of the finalists. Nobody
    who searches reads the test split, so its seconds are not charged.
    """
    make_ready(task)
    before = time.process_time()
    with tempfile.TemporaryDirectory() as folder, quiet():
        state = hd.Experiment(
            train=train,
            name="uses",
            strategy=strategy,
            seed=seed,
            budget=hd.Budget(concurrency=1, min_coverage=0.0),
            executor="inline",
            directory=str(Path(folder, "run")),
        ).run()
        used = time.process_time() - before
    trials: list[Run] = []
    for record in state.trials.values():
        if record.score is None:  # it would distort the comparison
            raise RuntimeError(f"trial {record.id}: {record.error}")
        used -= as_number(record.metrics["test_seconds"])
        trials.append(
            {
                "id": record.id,
                "parents": list(record.parents),
                "parameters": dict(record.parameters),
                "score": record.score,
                "test": record.metrics["test"],
                "epochs": record.metrics["epochs"],
                "cpu_seconds": as_number(record.resources["cpu_seconds"])
                - as_number(record.metrics["test_seconds"]),
                "max_steps": record.max_steps,
                "info": dict(record.info),
                "inherits": record.inheritance is not None,
            }
        )
    finals = [
        trial
        for trial in trials
        if (trial["info"].get("stage") == FINAL if last is None else trial["max_steps"] == last)
    ]
    best = max(finals, key=lambda trial: float(trial["score"]))
    return {
        "cpu_seconds": used,
        "epochs": sum(trial["epochs"] for trial in trials),
        "score": best["score"],
        "test": best["test"],
        "winner": best["id"],
        "trials": trials,
    }


def make_ready(task: Task) -> None:
    """Make the data, and import and compile what every process needs once, whatever its arm."""
    if task.name in _READY:
        return
    _READY.add(task.name)
    inputs = (task.load().train[0][:2],)
    store = hd.open_store(f"memory://uses-{task.name}")
    hd.save(store, task.build(task.default), key="parent", example_inputs=inputs)
    hd.inherit(task.build(task.default), store["parent"], example_inputs=inputs)


_READY: set[str] = set()


def scaled(number: float, share: float, *, least: int = 1) -> int:
    """A share of a number, and at least so much."""
    return max(least, round(number * share))


@contextmanager
def quiet() -> Iterator[None]:
    """Each trial prints what it inherited; into nothing."""
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def as_number(value: Json) -> float:
    """A number out of a record; TypeError if it is none."""
    if not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r}")
    return float(value)


def _options(use: Use, description: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--report", type=Path, required=True, help="the page; numbers and plots go beside it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arms", default="", help=f"some of {', '.join(use.arms)}, with commas")
    parser.add_argument("--share", type=float, default=1.0, help="of the full size")
    parser.add_argument("--go-on", action="store_true", help="keep what the page's numbers already have")
    parser.add_argument("--page-only", action="store_true", help="run nothing")
    return parser.parse_args(arguments)
