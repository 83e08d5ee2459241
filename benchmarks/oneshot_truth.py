"""One-shot search measured against the truth: how well its scores rank networks that were all trained.

The tables are those of ``oneshot_tables.py``; of one that is not complete yet its networks are a random part
of the space. What a method has chosen and the table does not have is trained too, as the table's networks.

Usage: ``python benchmarks/oneshot_truth.py --report benchmarks/results/NAME.md`` (``--seeds 5``, ``--methods
a,b``, ``--space``, ``--go-on`` to add what NAME.json does not have, ``--share 0.1`` for a tenth of the
training, ``--page-only``).
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import torch
from oneshot_methods import METHODS
from oneshot_pages import write_report
from oneshot_spaces import SPACES
from oneshot_tables import TABLES, read_table, row_of, shuffled

Run = dict[str, Any]  # Any: plain data for JSON


def main() -> None:
    """Run what is missing, keep the numbers beside the page, and write it."""
    options = _options()
    torch.set_num_threads(1)
    numbers: Path = options.report.with_suffix(".json")
    runs: list[Run] = json.loads(numbers.read_text()) if options.go_on or options.page_only else []
    done = {(run["space"], run["method"], run["seed"]) for run in runs}
    for job in [] if options.page_only else _jobs(options):
        if job not in done:
            runs.append(run_one(*job, share=options.share, num_judged=options.judge))
            numbers.write_text(json.dumps(runs) + "\n")
            print(*job, f"{runs[-1]['seconds']:.0f} s", runs[-1]["chosen"], flush=True)
    write_report(options.report, runs)


def run_one(name: str, method: str, seed: int, *, share: float, num_judged: int | None) -> Run:
    """One method with one seed, and the truth about what it chose."""
    space, table = SPACES[name], read_table(TABLES / f"oneshot-{name}.csv")
    load = os.getloadavg()[0]
    found = METHODS[method](space, seed, share, shuffled(space)[:num_judged])
    row = table[found.chosen] if found.chosen in table else row_of(space, found.chosen)
    return {
        "space": name,
        "method": method,
        "seed": seed,
        "share": share,
        "day": str(dt.datetime.now(dt.UTC).date()),
        "load": load,
        "seconds": round(found.seconds, 2),
        "judging_seconds": round(found.judging_seconds, 2),
        "scores": {key: round(score, 6) for key, score in found.scores.items()},
        "chosen": found.chosen,
        "chosen_row": row,
        "about": dict(found.about),
    }


def _jobs(options: argparse.Namespace) -> list[tuple[str, str, int]]:
    wanted = options.methods.split(",") if options.methods else []
    return [
        (name, method, seed)
        for seed in range(options.seeds)
        for name, space in SPACES.items()
        for method in METHODS
        if method not in space.refused
        if options.space in ("", name) and (not wanted or method in wanted)
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--report", type=Path, required=True, help="the page; numbers and plots go beside it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--space", choices=["", *SPACES], default="")
    parser.add_argument("--methods", default="", help="some of them, with commas")
    parser.add_argument("--share", type=float, default=1.0, help="of the full training")
    parser.add_argument("--judge", type=int, help="so many networks, in the tables' order; by default all")
    parser.add_argument("--go-on", action="store_true", help="keep what the page's numbers already have")
    parser.add_argument("--page-only", action="store_true", help="run nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
