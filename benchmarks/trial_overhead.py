"""What a trial costs besides its training: 1,000 trivial trials, side by side in one run.

Three ways, interleaved over several rounds on the same machine:

* Heredity, executor `processes`: a fresh process a trial, forked from one that has imported torch; journal
  on disk, every start synced before the trial begins.
* ``concurrent.futures.ProcessPoolExecutor`` with a fresh process a task (``max_tasks_per_child=1``, fork
  server, the same preload): what the standard library offers for the isolation alone, without a record.
* Optuna, ``study.optimize`` with two threads and a journal file: a record, but no isolation.

Usage: ``python benchmarks/trial_overhead.py --trials 1000 --rounds 3 > benchmarks/results/NAME.md``
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

CONCURRENCY = 2
Way = Callable[[int, Path], None]


def heredity(num_trials: int, folder: Path) -> None:
    import heredity as hd
    from heredity.engine.function import FunctionReference
    from heredity.ids import TrialId
    from heredity.strategies import Given, GivenTrial

    trials = [GivenTrial(TrialId(f"t{n}"), {"x": n / num_trials}) for n in range(num_trials)]
    state = hd.Experiment(
        train=FunctionReference("trivial", "train", folder=str(Path(__file__).parent)),
        name="overhead",
        strategy=Given(trials),
        seed=0,
        budget=hd.Budget(concurrency=CONCURRENCY),
        directory=folder,
    ).run()
    assert all(record.state.value == "completed" for record in state.trials.values())


def process_pool(num_trials: int, _: Path) -> None:
    import trivial

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["trivial"])
    with ProcessPoolExecutor(CONCURRENCY, mp_context=context, max_tasks_per_child=1) as pool:
        scores = list(pool.map(trivial.value, [n / num_trials for n in range(num_trials)]))
    assert len(scores) == num_trials


def optuna(num_trials: int, folder: Path) -> None:
    import optuna as peer
    import trivial
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    peer.logging.set_verbosity(peer.logging.ERROR)
    study = peer.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))),
        sampler=peer.samplers.RandomSampler(seed=0),
    )
    study.optimize(
        lambda trial: trivial.value(trial.suggest_float("x", 0, 1)), n_trials=num_trials, n_jobs=CONCURRENCY
    )
    assert len(study.trials) == num_trials


WAYS: dict[str, Way] = {"heredity": heredity, "process_pool": process_pool, "optuna": optuna}
LABELS = {
    "heredity": "Heredity, `processes`",
    "process_pool": "`ProcessPoolExecutor`, a fresh process a task",
    "optuna": "Optuna, 2 threads, journal file",
}


def measure_here(way: str, num_trials: int) -> None:
    """Run one way in this process, and print seconds and CPU seconds of the whole process tree."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        WAYS[way](num_trials, Path(folder))
        seconds = time.perf_counter() - begin
    own = resource.getrusage(resource.RUSAGE_SELF)
    # A fork server's children are charged to it when they end, and to us when it has ended.
    stop_fork_server()
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(seconds, own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime)


def stop_fork_server() -> None:
    from multiprocessing import forkserver

    if "multiprocessing.forkserver" in sys.modules:
        forkserver._forkserver._stop()  # type: ignore[attr-defined]  # noqa: SLF001  # not public


def measure(way: str, num_trials: int) -> tuple[float, float]:
    """Run one way in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--way", way, "--trials", str(num_trials)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"},
    )
    seconds, cpu_seconds = done.stdout.split()[-2:]
    return float(seconds), float(cpu_seconds)


def report(num_trials: int, num_rounds: int) -> None:
    few = max(2, num_trials // 100)
    results: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    starts: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    load_before = os.getloadavg()[0]
    for _ in range(num_rounds):
        for way in WAYS:
            starts[way].append(measure(way, few))
            results[way].append(measure(way, num_trials))
    print(f"# Overhead per trial, {num_trials:,} trivial trials\n")
    today = dt.datetime.now(tz=dt.UTC).date()
    print(
        f"{today}, {platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}; load before: {load_before:.1f}. Two trials at a time, "
        f"{num_rounds} rounds, interleaved; median (lowest to highest).\n"
    )
    print("| way | trials/s | ms a trial | CPU ms a trial | isolated | recorded |")
    print("|---|---|---|---|---|---|")
    facts = {"heredity": ("yes", "yes"), "process_pool": ("yes", "no"), "optuna": ("no", "yes")}
    for way in WAYS:
        # What starting costs once (imports, the fork server) is taken out by a run with few trials.
        rows = [
            tuple((many - little) / (num_trials - few) * 1000 for many, little in zip(a, b, strict=True))
            for a, b in zip(results[way], starts[way], strict=True)
        ]
        wall, cpu = [row[0] for row in rows], [row[1] for row in rows]
        rate = [num_trials / seconds for seconds, _ in results[way]]
        isolated, recorded = facts[way]
        print(
            f"| {LABELS[way]} | {spread(rate)} | {spread(wall)} | {spread(cpu)} | {isolated} | {recorded} |"
        )
    ours, peer = (
        statistics.median(seconds for seconds, _ in results[way]) for way in ("heredity", "process_pool")
    )
    print(f"\nAgainst the process pool: {ours / peer:.2f} of its time for {num_trials:,} trials in all.")
    print("\n`python benchmarks/trial_overhead.py` repeats it.")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS)
    arguments = parser.parse_args()
    if arguments.way:
        measure_here(arguments.way, arguments.trials)
    else:
        report(arguments.trials, arguments.rounds)


if __name__ == "__main__":
    main()
