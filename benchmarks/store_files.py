"""Saving and loading weights: heredity's store beside safetensors, torch, DCP and Orbax, in one run.

* Times of saving (cold; 90 % or all of the bytes unchanged since the parent) and loading (all; a tenth of the
  tensors; verified or not; lazily mapped, and with every page touched), all sides in turn, the order shuffled
  in each round, everything synced to the disk, page cache warm, one thread.
* Memory beyond the model, each side in a process of its own.
* Memory of several processes that load one checkpoint of 1 GB.
* How soon `Store.wait` sees what another process has put.

Usage: ``python benchmarks/store_files.py --report benchmarks/results/NAME.md``. The raw numbers go beside it
(``NAME.json``); ``--parts`` measures only some parts and takes the others from there. What was added to the
page by hand, from the heading "Reading" on, stays. Orbax needs JAX: ``pip install --group bench-peers``, or
``--orbax-python`` with an interpreter that has it; without, it is left out.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from store_memory import LOADERS, SAVERS, SHARERS, peak_of_loading, peak_of_saving, shares
from store_models import MODELS
from store_times import ORBAX, Setting, loaders, measure, savers
from store_waits import measure_waits
from store_worker import Worker

PACKAGES = ("torch", "safetensors", "numpy", "xxhash")
Results = dict[str, Any]  # Any: plain data, as it goes to the JSON file


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured, where, and with which interpreter for Orbax (None leaves it out)."""

    folder: Path
    orbax_python: str | None
    models: tuple[str, ...] = ("big", "small")
    rounds: int = 21
    seed: int = 0
    settle: Callable[[], None] = os.sync
    memory_model: str = "big"
    savers: tuple[str, ...] = SAVERS
    loaders: tuple[str, ...] = LOADERS
    shared_model: str = "huge"
    sharers: tuple[str, ...] = SHARERS
    num_processes: int = 4
    num_events: int = 300

    @property
    def pythons(self) -> dict[str, str]:
        return dict.fromkeys(ORBAX, self.orbax_python) if self.orbax_python else {}


def times(options: Options) -> Results:
    import torch

    torch.set_num_threads(1)
    found: Results = {}
    for name in options.models:
        with ExitStack() as stack:
            workers = {
                side: stack.enter_context(Worker(side, python=python))
                for side, python in options.pythons.items()
            }
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder)))
            for worker in workers.values():
                worker.ask("make", model=name)
            setting = Setting(MODELS[name], folder, workers)
            for what, actions in {"save": savers(setting), "load": loaders(setting)}.items():
                progress(f"{name}: {what}")
                measured = measure(
                    actions,
                    rounds=options.rounds,
                    folder=folder,
                    seed=options.seed,
                    settle=options.settle,
                )
                found.setdefault(name, {})[what] = measured
    return found


def memory(options: Options) -> Results:
    found: Results = {"model": options.memory_model, "save": {}, "load": {}}
    for do, sides, peak in (
        ("save", options.savers, peak_of_saving),
        ("load", options.loaders, peak_of_loading),
    ):
        for side in (*sides, *options.pythons):
            progress(f"memory: {do} with {side}")
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                measured = peak(
                    side, model=options.memory_model, folder=Path(folder), pythons=options.pythons
                )
            found[do][side] = asdict(measured)
    return found


def sharing(options: Options) -> Results:
    found: Results = {"model": options.shared_model, "sides": {}}
    for side in options.sharers:
        progress(f"{options.num_processes} processes with {side}")
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            found["sides"][side] = shares(
                side, model=options.shared_model, folder=Path(folder), num_processes=options.num_processes
            )
    return found


def waits(options: Options) -> Results:
    progress(f"wait: {options.num_events} events")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        return asdict(measure_waits(Path(folder), num_events=options.num_events, seed=options.seed))


PARTS: dict[str, Callable[[Options], Results]] = {
    "times": times,
    "memory": memory,
    "sharing": sharing,
    "waits": waits,
}


def run(options: Options, *, parts: list[str], results: Results) -> None:
    """Measure these parts, and put them into the results in the place of older ones."""
    for part in parts:
        load_before = os.getloadavg()[0]
        results[part] = PARTS[part](options) | {"machine": machine(load_before)}
    results["orbax"] = orbax_version(options.orbax_python) or results.get("orbax")


def machine(load_before: float) -> Results:
    return {
        "date": str(dt.datetime.now(tz=dt.UTC).date()),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "linux": platform.release(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "load_before": round(load_before, 1),
        "load_after": round(os.getloadavg()[0], 1),
    }


def orbax_version(python: str | None) -> str | None:
    """The version of Orbax that an interpreter has, if it has one."""
    if python is None:
        return None
    code = "import importlib.metadata as m; print(m.version('orbax-checkpoint'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def tiny(options: Options) -> Options:
    """Little of everything, and only our own side where each needs processes of its own."""
    ours = ("heredity",)
    return replace(
        options,
        orbax_python=None,
        models=("tiny",),
        rounds=2,
        settle=lambda: None,
        memory_model="tiny",
        savers=ours,
        loaders=ours,
        shared_model="tiny",
        sharers=ours,
        num_processes=2,
        num_events=5,
    )


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--report", type=Path, required=True, help="the page to write")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--orbax-python", default=sys.executable, help="an interpreter that has Orbax")
    parser.add_argument("--tiny", action="store_true", help="only see whether it works, in seconds")
    parser.add_argument("--folder", type=Path, help="where to save; by default where temporary files go")
    arguments = parser.parse_args()
    python = arguments.orbax_python if orbax_version(arguments.orbax_python) else None
    folder = arguments.folder or Path(tempfile.gettempdir())
    options = Options(folder=folder, orbax_python=python, rounds=arguments.rounds, seed=arguments.seed)
    if arguments.tiny:
        options = tiny(options)
    raw = arguments.report.with_suffix(".json")
    results: Results = json.loads(raw.read_text()) if raw.exists() else {}
    run(options, parts=arguments.parts, results=results)
    raw.write_text(json.dumps(results, separators=(",", ":")))

    from store_report import write_report

    write_report(arguments.report, results)


if __name__ == "__main__":
    main()
