"""Ten thousand trials in one experiment, a process each: does the driver slow down, and does its memory grow?

The driver's resident memory and the time are read whenever a hundredth of the trials has ended. What it is
that grows is found in a second experiment of the same length, inline, under `tracemalloc`.

Usage: ``python benchmarks/trial_overhead_many.py --report benchmarks/results/NAME.md``
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from trial_overhead import machine
from trial_overhead_accounts import go_first
from trial_overhead_plots import memory_plot
from trial_overhead_sides import CONCURRENCY, HERE

import heredity as hd
from heredity.engine.function import FunctionReference
from heredity.experiment import ExperimentState
from heredity.space import Float
from heredity.strategies import RandomSearch

NUM_PLACES = 8
"""Lines of the program that are named, by the memory that they hold."""
MEBI = 1 << 20


class Sampler:
    """An observer that reads time and memory every so many trials."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._begin = time.perf_counter()
        self.samples = [self._sample(0)]

    def __call__(self, state: ExperimentState, event: object) -> None:
        if event is None:
            return
        num_ended = len(state.trials) - state.num_running
        if num_ended >= self.samples[-1]["num_trials"] + self._every:
            self.samples.append(self._sample(num_ended))

    def _sample(self, num_trials: int) -> dict[str, float]:
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return {
            "num_trials": num_trials,
            "seconds": time.perf_counter() - self._begin,
            "cpu_seconds": time.process_time(),
            "resident_bytes": int(fields["VmRSS"].split()[0]) * 1024,
            "own_bytes": int(fields["RssAnon"].split()[0]) * 1024,
        }


def experiment(num_trials: int, folder: Path, executor: Literal["inline", "processes"]) -> hd.Experiment:
    return hd.Experiment(
        train=FunctionReference("trial_overhead_bare", "train", folder=str(HERE)),
        name="many",
        strategy=RandomSearch({"x": Float(0, 1)}, seed=0),
        seed=0,
        budget=hd.Budget(concurrency=CONCURRENCY, max_trials=num_trials),
        directory=folder / executor,
        executor=executor,
    )


def measure(num_trials: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        many = experiment(num_trials, Path(name), "processes")
        sampler = Sampler(max(1, num_trials // 100))
        many.observers.append(sampler)
        state = many.run()
        assert all(record.state.value == "completed" for record in state.trials.values())
        journal = (Path(name) / "processes" / "journal.jsonl").stat().st_size
    return {"samples": sampler.samples, "journal_bytes": journal}


def what_grows(num_trials: int) -> dict[str, Any]:
    """The lines of the program that hold the memory which has come during the second half of the trials."""
    first: list[tracemalloc.Snapshot] = []

    def watch(state: ExperimentState, event: object) -> None:
        if event is not None and not first and len(state.trials) >= num_trials // 2:
            gc.collect()
            first.append(tracemalloc.take_snapshot())

    with tempfile.TemporaryDirectory() as name:
        many = experiment(num_trials, Path(name), "inline")
        many.observers.append(watch)
        tracemalloc.start()
        state = many.run()
        gc.collect()
        last = tracemalloc.take_snapshot()
        tracemalloc.stop()
    num = len(state.trials) - num_trials // 2
    found = last.compare_to(first[0], "lineno")
    ours = [each for each in found if "tracemalloc" not in each.traceback[0].filename]
    return {
        "bytes_a_trial": sum(each.size_diff for each in ours) / num,
        "places": [
            {"place": _place(each.traceback[0]), "bytes_a_trial": each.size_diff / num}
            for each in sorted(ours, key=lambda each: -each.size_diff)[:NUM_PLACES]
        ],
    }


def _place(frame: tracemalloc.Frame) -> str:
    path = Path(frame.filename)
    parts = path.parts
    name = "/".join(parts[parts.index("heredity") + 1 :]) if "heredity" in parts else path.name
    return f"{name}:{frame.lineno}"


def at(samples: Sequence[Mapping[str, float]], num_trials: float) -> Mapping[str, float]:
    """The sample nearest to so many trials."""
    return min(samples, key=lambda sample: abs(sample["num_trials"] - num_trials))


def page(results: Mapping[str, Any], path: Path) -> str:
    samples, grows = results["samples"], results["grows"]
    num = int(samples[-1]["num_trials"])
    plot = memory_plot(samples, path)
    moments = [0, num // 10, num // 2, num]
    rows = [_row(samples, at(samples, moment)) for moment in moments]
    places = [f"| `{each['place']}` | {each['bytes_a_trial']:.0f} |" for each in grows["places"]]
    own = [at(samples, moment)["own_bytes"] for moment in (num // 10, num)]
    slope = (own[1] - own[0]) / (num - num // 10)
    text = f"""# {num:,} trials in one experiment

{results["machine"]}; load before {results["load"][0]:.1f}, after {results["load"][1]:.1f}.
Executor `processes`, {CONCURRENCY} at a time, a random point and no report a trial.
{samples[-1]["seconds"]:.0f} s in all, of which the driver used {samples[-1]["cpu_seconds"]:.0f} CPU s.
The journal has {results["journal_bytes"] / num:.0f} bytes a trial.

| trials ended | driver, resident MiB | of it its own | ms a trial, in the tenth before |
|---|---|---|---|
{chr(10).join(rows)}

![Memory]({plot})

The driver's own memory grows by {slope / 1024:.2f} KiB a trial. Inline, `tracemalloc` counts
{grows["bytes_a_trial"] / 1024:.2f} KiB a trial of Python objects; by the line that made them:

| line | bytes a trial |
|---|---|
{chr(10).join(places)}

`python benchmarks/trial_overhead_many.py --report benchmarks/results/NAME.md` repeats it.
"""
    old = path.read_text() if path.exists() else ""
    reading = "\n## Reading\n"
    return text + (reading + old.partition(reading)[2] if reading in old else "")


def _row(samples: Sequence[Mapping[str, float]], now: Mapping[str, float]) -> str:
    resident, own = now["resident_bytes"] / MEBI, now["own_bytes"] / MEBI
    return f"| {int(now['num_trials']):,} | {resident:.1f} | {own:.1f} | {_pace(samples, now)} |"


def _pace(samples: Sequence[Mapping[str, float]], now: Mapping[str, float]) -> str:
    before = at(samples, now["num_trials"] - samples[-1]["num_trials"] / 10)
    num = now["num_trials"] - before["num_trials"]
    return f"{(now['seconds'] - before['seconds']) / num * 1000:.1f}" if num else ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", type=Path, required=True, help="the page to write; JSON goes beside it")
    parser.add_argument("--trials", type=int, default=10_000, help="0: make the page anew from its numbers")
    arguments = parser.parse_args()
    numbers = arguments.report.with_suffix(".json")
    if arguments.trials:
        go_first()
        before = os.getloadavg()[0]
        results = {**measure(arguments.trials), "load": [before, os.getloadavg()[0]], "machine": machine()}
        results["grows"] = what_grows(arguments.trials)
        numbers.write_text(json.dumps(results, indent=1) + "\n")
    arguments.report.write_text(page(json.loads(numbers.read_text()), arguments.report))


if __name__ == "__main__":
    main()
