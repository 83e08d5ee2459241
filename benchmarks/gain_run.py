"""What inheritance gives to a search: all arms have the same budget, data, recipe and seeds; all is charged.

Each run is one experiment of Heredity's own, in one process with one thread, its store on disk: training,
tracing, planning, copying, fitting, saving and the engine are in the seconds that its curve is drawn over.

Usage: ``python benchmarks/gain_run.py --task mnist-1d --report benchmarks/results/NAME.md`` (``--seeds 5``,
``--arms a,b``, ``--go-on`` to add what NAME.json does not have yet, ``--share 0.1`` for a tenth of the
budget, ``--page-only`` to write the page again).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from gain_arms import ARMS, Plan
from gain_report import write_report
from gain_tasks import TASKS, Task
from gain_training import make_train
from uses_running import as_number, make_ready, quiet

import heredity as hd
from heredity.experiment import ExperimentState, TrialRecord
from heredity.ids import TrialId
from heredity.strategies import Given, GivenTrial

Run = dict[str, Any]  # Any: plain data for JSON
NUM_RETRAINED = 2


def main() -> None:
    """Run what is missing, keep the numbers beside the page, and write it."""
    options = _options()
    numbers: Path = options.report.with_suffix(".json")
    runs: list[Run] = json.loads(numbers.read_text()) if options.go_on or options.page_only else []
    task = _scaled(TASKS[options.task], options.share)
    done = {(run["arm"], run["seed"]) for run in runs}
    arms = options.arms.split(",") if options.arms else list(ARMS)
    wanted = [] if options.page_only else [(arm, seed) for seed in range(options.seeds) for arm in arms]
    jobs = [job for job in wanted if job not in done]
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(run_arm, options.task, arm, seed, options.share) for arm, seed in jobs]
        for future in as_completed(futures):
            runs.append(future.result())
            numbers.write_text(json.dumps(runs) + "\n")
            last = runs[-1]
            print(last["arm"], last["seed"], f"{last['cpu_seconds']:.0f} s", last["test"], flush=True)
    write_report(
        options.report, task, sorted(runs, key=lambda run: (list(ARMS).index(run["arm"]), run["seed"]))
    )


def run_arm(task_name: str, arm: str, seed: int, share: float) -> Run:
    """One arm's whole search with one seed, and its winner trained anew."""
    task = _scaled(TASKS[task_name], share)
    make_ready(task)
    plan = ARMS[arm](task, seed)
    before, load = time.process_time(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, quiet():
        state = _experiment(task, plan, seed=seed, folder=folder).run()
    used = time.process_time() - before
    trials = [_trial(record, state) for record in state.trials.values()]
    used -= sum(trial["test_seconds"] for trial in trials)
    best = max(trials, key=lambda trial: trial["score"])
    again = _retrained(task, best["parameters"], seed=seed)
    return {
        "task": task_name,
        "arm": arm,
        "seed": seed,
        "load": load,
        "cpu_seconds": used,
        "trials": trials,
        "winner": best["id"],
        "score": best["score"],
        "test": best["test"],
        "winner_inherits": best["is_heir"],
        "retrained": again,
    }


def _experiment(task: Task, plan: Plan, *, seed: int, folder: str) -> hd.Experiment:
    return hd.Experiment(
        train=make_train(task, plan.recipe),
        name="gain",
        strategy=plan.strategy,
        seed=seed,
        budget=hd.Budget(concurrency=1, max_trials=plan.max_trials, min_coverage=0.0),
        executor="inline",
        directory=str(Path(folder, "run")),
    )


def _trial(record: TrialRecord, state: ExperimentState) -> Run:
    """One trial as plain data; a failed one raises, since it would distort the comparison."""
    if record.score is None:
        raise RuntimeError(f"trial {record.id}: {record.error}")
    trials = state.trials
    lineage = [record]
    while lineage[-1].parents:
        lineage.append(trials[lineage[-1].parents[0]])
    return {
        "id": record.id,
        "parents": list(record.parents),
        "parameters": dict(record.parameters),
        "score": record.score,
        "test": record.metrics["test"],
        "test_seconds": record.metrics["test_seconds"],
        "cpu_seconds": as_number(record.resources["cpu_seconds"]) - as_number(record.metrics["test_seconds"]),
        "num_weights": record.metrics["num_weights"],
        "steps": record.steps,
        "cumulative_steps": sum(ancestor.steps for ancestor in lineage),
        "is_final": record.info.get("stage") == "final",
        # Whether another architecture's weights are among what it began with.
        "is_heir": any(ancestor.inheritance is not None for ancestor in lineage),
        "verdict": None if record.inheritance is None else record.inheritance["verdict"],
    }


def _retrained(task: Task, parameters: Run, *, seed: int) -> list[float]:
    strategy = Given([GivenTrial(TrialId(f"again-{number}"), parameters) for number in range(NUM_RETRAINED)])
    long = replace(task, short=max(1, task.epochs // 4))
    with tempfile.TemporaryDirectory() as folder:
        state = _experiment(long, Plan(strategy), seed=1000 + seed, folder=folder).run()
    return [as_number(record.metrics["test"]) for record in state.trials.values()]


def _scaled(task: Task, share: float) -> Task:
    return replace(task, epochs=max(task.short * 4, round(task.epochs * share)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", choices=list(TASKS), required=True)
    parser.add_argument("--report", type=Path, required=True, help="the page; numbers and plots go beside it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arms", default="", help="some of them, with commas")
    parser.add_argument("--workers", type=int, default=1, help="processes, each with one thread")
    parser.add_argument("--share", type=float, default=1.0, help="of the full budget")
    parser.add_argument("--go-on", action="store_true", help="keep what the page's numbers already have")
    parser.add_argument("--page-only", action="store_true", help="run nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
