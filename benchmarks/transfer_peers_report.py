"""The page on a run of `transfer_peers`: who wins where, then a table and the curves of each task."""

from __future__ import annotations

import datetime as dt
import os
import platform
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transfer_peers_measures import Paired, Results, Task, quartiles, tasks_of
from transfer_peers_plots import plot_all
from transfer_peers_sides import OURS, PEERS, SCRATCH

READING = "## Reading"


def machine() -> dict[str, Any]:  # Any: plain data for JSON
    """What the numbers were measured on."""
    return {
        "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        "system": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "versions": f"Python {platform.python_version()}, torch {version('torch')}",
        "load": os.getloadavg()[0],
    }


def write_report(path: Path, results: Results) -> None:
    """Write the page and its plots; what was written by hand at its end stays."""
    old = path.read_text() if path.exists() else ""
    reading = old[old.index(READING) :] if READING in old else f"{READING}\n\nNot written yet.\n"
    tasks = tasks_of(results)
    plots = plot_all(tasks, path)
    lines = [*_head(results, tasks), *_duels(tasks), *_defaults(tasks)]
    for family, plot in plots.items():
        lines += [f"## {family}\n", *_parents(tasks, family), f"![curves of {family}]({plot})\n"]
        for task in tasks:
            lines += _table(task) if task.family == family else []
    path.write_text("\n".join(lines) + f"\n{reading}")


def _head(results: Results, tasks: Sequence[Task]) -> Iterator[str]:
    yield "# What inheritance is worth, beside what people do instead\n"
    for run in results["machines"]:
        minutes = f"{run['seconds'] / 60:.0f} min, load at the end {run['load']:.1f}"
        yield f"{run['date']}, {run['system']}, {run['versions']}; one thread a run; {minutes}.\n"
    yield (
        f"{len(tasks[0].runs)} seeds. In each, all sides begin from the same child, inherit from the same "
        "parent, read the same data in the same order and have the same optimizer, with a constant learning "
        "rate after a warm-up: their best of a grid, chosen on a seed that is not counted. Numbers are "
        "medians, with quartiles in brackets. An *end* is the mean of the last three measurements on the "
        "test. A difference is paired by seed, lower is better; it is called *noise* unless all seeds agree "
        "in its sign and its median is at least as large as the distance of its quartiles.\n"
    )


def _duels(tasks: Sequence[Task]) -> Iterator[str]:
    yield "## Duels at equal own steps\n"
    yield f"Better / noise / worse over {len(tasks)} tasks, end against end; what begins alike is *equal*.\n"
    yield "| | " + " | ".join(OURS) + " |"
    yield "|---|" + "---|" * len(OURS)
    for other in (SCRATCH, *PEERS):
        cells = [_tally([task.against(ours, other) for task in tasks]) for ours in OURS]
        yield f"| against {other} | " + " | ".join(cells) + " |"
    cells = [_tally([task.charged(ours) for task in tasks]) for ours in OURS]
    yield f"| against {SCRATCH}, which also has the parent's cost | " + " | ".join(cells) + " |"
    yield ""


def _tally(duels: Sequence[Paired]) -> str:
    counts = Counter(duel.verdict for duel in duels)
    equal = f" (equal {counts['equal']})" if counts["equal"] else ""
    return f"{counts['better']} / {counts['noise']} / {counts['worse']}{equal}"


def _defaults(tasks: Sequence[Task]) -> Iterator[str]:
    yield "## Ways to grow, against each other\n"
    first, *others = OURS
    yield f"Ends less the end of *{first}*, median [quartiles].\n"
    yield "| task | " + " | ".join(others) + " |"
    yield "|---|" + "---|" * len(others)
    for task in tasks:
        yield f"| {task.name} | " + " | ".join(_difference(task.against(o, first)) for o in others) + " |"
    yield ""


def _parents(tasks: Sequence[Task], family: str) -> Iterator[str]:
    task = next(task for task in tasks if task.family == family)
    settings = task.settings
    losses = _spread([points[-1][1] for points in task.parents])
    accuracy = statistics.median(points[-1][2] for points in task.parents)
    ratios = ", ".join(
        f"{other.child} {other.runs[0]['ratio']:.2f}" for other in tasks if other.family == family
    )
    yield (
        f"Parent: width {settings['parent'][0]}, depth {settings['parent'][1]}, "
        f"{settings['parent_steps']} steps, loss {losses}, accuracy {accuracy:.3f}. "
        f"Learning rates: {', '.join(map(str, settings['rates']))}. "
        f"A step of the parent costs, in steps of the child (FLOPs): {ratios}.\n"
    )


def _table(task: Task) -> Iterator[str]:
    width, depth = task.settings["children"][task.child]
    yield f"### {task.name}: width {width}, depth {depth}, {task.own_steps} own steps\n"
    yield (
        f"| side | rate | start | end | accuracy | steps to {SCRATCH}'s end | less {SCRATCH}, equal steps "
        f"| less {SCRATCH} after {task.budget} steps (parent charged) |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for side in task.sides:
        yield _row(task, side)
    yield ""


def _row(task: Task, side: str) -> str:
    if twins := task.twins(side):
        return f"| {side} | | begins as *{twins[0]}* | | | | | |"
    against = "" if side == SCRATCH else _difference(task.against(side, SCRATCH))
    return (
        f"| {side} | {task.rate(side)} | {_spread(task.starts(side))} | {_spread(task.ends(side))} "
        f"| {_spread(task.accuracies(side))} | {_steps(task.reached(side))} | {against} "
        f"| {_difference(task.charged(side))} |"
    )


def _difference(paired: Paired) -> str:
    if paired.verdict == "equal":
        return "equal"
    low, middle, high = quartiles(paired.differences)
    verdict = "noise" if paired.verdict == "noise" else f"**{paired.verdict}**"
    return f"{middle:+.3f} [{low:+.3f}, {high:+.3f}] {verdict}"


def _spread(values: Sequence[float]) -> str:
    low, middle, high = quartiles(values)
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def _steps(steps: Sequence[float | None]) -> str:
    reached = [step for step in steps if step is not None]
    if 2 * len(reached) <= len(steps):
        return f"not reached ({len(reached)} of {len(steps)} seeds)"
    middle = statistics.median([float("inf") if step is None else step for step in steps])
    return f"{middle:.0f}" + (
        "" if len(reached) == len(steps) else f" ({len(reached)} of {len(steps)} seeds)"
    )
