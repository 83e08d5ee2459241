"""What inheritance is worth beside what people do instead: one parent, one child, one order of the data.

Three families (a residual network on digits and on Fashion-MNIST, a language model over characters), each
with a wider child, a deeper one, and both. All sides begin from the same child with the same random numbers,
read the same data in the same order and have the same optimizer; each has its best learning rate of a small
grid, chosen on a seed that is not counted. Fashion-MNIST is left out where its package is not installed.

Usage: ``nice -n 5 python benchmarks/transfer_peers.py --report benchmarks/results/NAME.md`` (``--tiny`` for a
run of a minute that shows only that all works, ``--go-on`` to add what NAME.json does not have yet; with
``--seeds 0`` as well, only the page is written again).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from transfer_peers_measures import Results, best_rates
from transfer_peers_report import machine, write_report
from transfer_peers_tasks import Family, families, tiny
from transfer_peers_training import run_seed

CHOOSING_SEED = 1000
"""On this one the learning rates are chosen; it is not counted."""


def main() -> None:
    """Run what is missing, keep the numbers beside the page, and write it."""
    options = _options()
    chosen = _families(options.only, is_tiny=options.tiny)
    numbers: Path = options.report.with_suffix(".json")
    results: Results = {"families": {}, "machines": []}
    if options.go_on:
        results = json.loads(numbers.read_text())
    began = time.time()
    with ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool:
        for family in chosen.values():
            results["families"].setdefault(family.name, {"rates": None, "choosing": None, "seeds": {}})
        _choose_rates(pool, results, chosen if options.seeds else {})
        jobs = [
            (family, seed)
            for seed in range(options.seeds)
            for family in chosen.values()
            if str(seed) not in results["families"][family.name]["seeds"]
        ]
        futures = {
            pool.submit(run_seed, family, seed, results["families"][family.name]["rates"]): (family, seed)
            for family, seed in jobs
        }
        for future in as_completed(futures):
            family, seed = futures[future]
            results["families"][family.name]["seeds"][str(seed)] = future.result()
            numbers.write_text(json.dumps(results) + "\n")
            print(
                f"{time.time() - began:.0f} s: {family.name}, seed {seed}, load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    if options.seeds:
        results["machines"].append({**machine(), "seconds": time.time() - began})
    numbers.write_text(json.dumps(results) + "\n")
    write_report(options.report, results)


def _choose_rates(pool: ProcessPoolExecutor, results: Results, families: Mapping[str, Family]) -> None:
    futures: dict[str, Future[dict[str, Any]]] = {  # Any: plain data for JSON
        name: pool.submit(run_seed, family, CHOOSING_SEED, None)
        for name, family in families.items()
        if results["families"][name]["rates"] is None
    }
    for name, future in futures.items():
        kept = results["families"][name]
        kept["choosing"] = future.result()
        kept["rates"] = best_rates(kept["choosing"], own_steps=families[name].own_steps)
        kept["settings"] = _settings(families[name])


def _settings(family: Family) -> dict[str, Any]:  # Any: plain data for JSON
    names = ("parent", "children", "rates", "parent_steps", "own_steps", "every")
    return {name: getattr(family, name) for name in names}


def _families(only: str, *, is_tiny: bool) -> dict[str, Family]:
    kept = {name: family for name, family in families().items() if not only or name in only.split(",")}
    return {name: tiny(family) if is_tiny else family for name, family in kept.items()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--report", type=Path, required=True, help="the page; numbers and plots go beside it")
    parser.add_argument("--tiny", action="store_true", help="tiny networks, a few steps")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2, help="processes, each with one thread")
    parser.add_argument("--only", default="", help="names of families, with commas")
    parser.add_argument("--go-on", action="store_true", help="keep what the page's numbers already have")
    return parser.parse_args()


if __name__ == "__main__":
    main()
