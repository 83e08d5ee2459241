"""The page of the overhead benchmark, made from its numbers."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Results = Mapping[str, Any]  # Any: plain data, as it lies in the JSON file
READING = "\n## Reading\n"
TARGET = 5.0
"""So much less than each peer that gives every trial a process of its own."""
_LEGEND = """A trial computes one number. *A trial*: from the mark of the tenth part of the trials to that
of the last, so without start and stop. *CPU*: of all processes that came of the program, daemons and
orphans too. *Start and stop*: what the whole program took beyond that. No side's trials import torch, but
for Heredity's `inline` and `processes` and the pool, which have done so once for all; real trials of the
others would add one to two CPU seconds each, wherever a process is not reused."""
_COMMAND = """`python benchmarks/trial_overhead.py --report benchmarks/results/NAME.md` repeats it, the peers'
environments included; `trial_overhead_sides.py` has all settings."""


def page(results: Results, path: Path) -> str:
    """The page's text; what stands by hand under its last heading stays."""
    labels = {side["name"]: side for side in results["sides"]}
    runs: dict[str, list[Mapping[str, float]]] = {}
    for name in labels:  # in their order
        runs[name] = [run for run in results["runs"] if run["side"] == name]
    loads = [run["load"] for run in results["runs"] if "load" in run]
    num_rounds = len({run["round"] for run in results["runs"]})
    machine = (
        f"{results['machine']}. Load after each run: {min(loads):.1f} to {max(loads):.1f} (the runs "
        f"themselves make some of it). Two trials at a time, {num_rounds} rounds, all sides in turns; median "
        "(lowest to highest)."
    )
    failures = [
        f"{labels[name]['label']}: {num}" for name, each in runs.items() if (num := _num_failures(each))
    ]
    lines = [
        "# Overhead per trial, beside the peers",
        "",
        machine,
        "",
        _LEGEND,
        "",
        "| | isolation | on disk | trials | ms a trial | CPU ms a trial | start and stop, s | … CPU s |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(labels[name], each) for name, each in runs.items() if each),
        "",
        *_ratios(labels, runs),
        "",
        *([f"Repeated after a failure: {'; '.join(failures)}.", ""] if failures else []),
        _COMMAND,
    ]
    old = path.read_text() if path.exists() else ""
    return "\n".join(lines) + "\n" + (READING + old.partition(READING)[2] if READING in old else "")


def _num_failures(runs: Sequence[Mapping[str, float]]) -> int:
    return sum(int(run.get("num_failures", 0)) for run in runs)


def _row(side: Mapping[str, Any], runs: Sequence[Mapping[str, float]]) -> str:
    nums = sorted({int(run["num_trials"]) for run in runs})
    whole = [run for run in runs if "all_seconds" in run]
    around = [run["all_seconds"] - run["num_trials"] * run["seconds"] for run in whole]
    around_cpu = [run["all_cpu_seconds"] - run["num_trials"] * run["cpu_seconds"] for run in whole]
    version = f" {side['version']}" if side["version"] and side["version"] not in side["label"] else ""
    label = side["label"].replace(",", f"{version},", 1)
    cells = [
        label,
        side["isolation"],
        side["record"],
        " or ".join(f"{num:,}" for num in nums),
        spread([run["seconds"] * 1000 for run in runs]),
        spread([run["cpu_seconds"] * 1000 for run in runs]),
        f"{statistics.median(around):.1f}",
        f"{statistics.median(around_cpu):.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _ratios(
    labels: Mapping[str, Mapping[str, Any]], runs: Mapping[str, Sequence[Mapping[str, float]]]
) -> list[str]:
    """Each peer's cost as a multiple of the executor `processes`."""
    if not runs.get("heredity-processes"):
        return []
    head = (
        f"As a multiple of Heredity's `processes`, median of the ratios within each round. Target: "
        f"{TARGET:g} or more, for frameworks that give each trial a process of its own."
    )
    lines = [head, "", "| | isolation | time | CPU | |", "|---|---|---|---|---|"]
    ours = runs["heredity-processes"]
    for name, side in labels.items():
        if name == "heredity-processes" or not runs[name]:
            continue
        time, cpu = (ratio(runs[name], ours, what) for what in ("seconds", "cpu_seconds"))
        is_framework = not name.startswith("heredity") and name != "pool"
        has_target = side["isolation"] == "own process" and is_framework
        verdict = ("pass" if min(time, cpu) >= TARGET else "**miss**") if has_target else ""
        lines.append(f"| {side['label']} | {side['isolation']} | {time:.3g} | {cpu:.3g} | {verdict} |")
    return lines


def ratio(peer: Sequence[Mapping[str, float]], ours: Sequence[Mapping[str, float]], what: str) -> float:
    """The median of the ratios within each round."""
    by_round = {run["round"]: run[what] for run in ours}
    return statistics.median(run[what] / by_round[run["round"]] for run in peer if run["round"] in by_round)


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"
