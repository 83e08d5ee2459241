"""The page about one task: a table, anytime curves, and what each arm's winner is made of."""

from __future__ import annotations

import datetime as dt
import platform
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from gain_arms import ABOUT, ARMS
from gain_tasks import Task
from uses_pages import spread

Run = Mapping[str, Any]


_ABOUT = (
    "Every arm has {epochs} epochs in all; a child of a search has {short}. *Test* is that of the trial with "
    "the best validation score, as it stands; *retrained* the same architecture from nothing, {again} "
    "epochs, two more seeds. Seconds are of the processor, and hold all: training, tracing, planning, "
    "copying, fitting, saving, the engine. Medians over the seeds, with the range; pairs have the same seed."
)
_ABOUT_SOON = (
    "Spent until a trial has ended with such a validation score: seconds of the processor, and epochs; the "
    "median of the seeds that get there, and how many do. What a long training reaches before its end does "
    "not count, so that an arm of one trial has one time for all."
)
_COLUMNS = (
    *("arm", "n", "test", "retrained", "CPU-s", "of it in trials", "winner inherits"),
    *("its epochs, with ancestors'", "its weights"),
)


def write_report(path: Path, task: Task, runs: Sequence[Run]) -> None:
    """Write the page and its plot; what stands under "Reading" is kept."""
    by_arm: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_arm[run["arm"]].append(run)
    reading = _kept_reading(path)
    plot = path.with_suffix(".svg")
    _plot(plot, by_arm)
    lines = [
        f"# What inheritance gives to a search: {task.name}",
        "",
        _machine(runs),
        "",
        _ABOUT.format(epochs=task.epochs, short=task.short, again=max(1, task.epochs // 4)),
        "",
        f"![Curves]({plot.name})",
        "",
        *_table(by_arm),
        "",
        *_soon(task, by_arm),
        "",
        "## The arms",
        "",
        *(f"- **{arm}**: {ABOUT[arm]}" for arm in ARMS if arm in by_arm),
        "",
        *_pairs(by_arm),
        "",
        reading,
    ]
    path.write_text("\n".join(lines).rstrip() + "\n")


def _table(by_arm: Mapping[str, Sequence[Run]]) -> list[str]:
    rows = [f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|"]
    for arm, runs in by_arm.items():
        winners = [_winner(run) for run in runs]
        epochs = [winner["cumulative_steps"] for winner in winners]
        rows.append(
            f"| {arm} | {len(runs)} | {spread([run['test'] for run in runs], 4)} "
            f"| {spread([statistics.fmean(run['retrained']) for run in runs], 4)} "
            f"| {spread([run['cpu_seconds'] for run in runs], 0)} "
            f"| {spread([sum(trial['cpu_seconds'] for trial in run['trials']) for run in runs], 0)} "
            f"| {sum(run['winner_inherits'] for run in runs)} of {len(runs)} "
            f"| {spread(epochs, 0)} | {spread([winner['num_weights'] for winner in winners], 0)} |"
        )
    return rows


def _soon(task: Task, by_arm: Mapping[str, Sequence[Run]]) -> list[str]:
    """How much each arm has spent when the first of its networks is so good."""
    lines = [
        "## How soon",
        "",
        _ABOUT_SOON,
        "",
        f"| arm | {' | '.join(f'{target:g}' for target in task.targets)} | epochs in all |",
        "|---" * (len(task.targets) + 2) + "|",
    ]
    for arm, runs in by_arm.items():
        cells = [_spent([_reached(run, target) for run in runs]) for target in task.targets]
        epochs = spread([sum(trial["steps"] for trial in run["trials"]) for run in runs], 0)
        lines.append(f"| {arm} | {' | '.join(cells)} | {epochs} |")
    return lines


def _reached(run: Run, target: float) -> tuple[float, int] | None:
    seconds, epochs = 0.0, 0
    for trial in run["trials"]:
        seconds += trial["cpu_seconds"]
        epochs += trial["steps"]
        if trial["score"] >= target:
            return seconds, epochs
    return None


def _spent(reached: Sequence[tuple[float, int] | None]) -> str:
    there = [each for each in reached if each is not None]
    if not there:
        return "none"
    seconds, epochs = (statistics.median(values) for values in zip(*there, strict=True))
    return f"{seconds:.0f} s, {epochs:g} ({len(there)} of {len(reached)})"


def _pairs(by_arm: Mapping[str, Sequence[Run]]) -> list[str]:
    """Each inheriting arm minus its twin and minus the best control of the same seed."""
    controls = [arm for arm in by_arm if not arm.startswith("inherit") and arm != "outside"]
    heirs = [arm for arm in by_arm if arm.startswith("inherit")]
    tests = {arm: {run["seed"]: run["test"] for run in runs} for arm, runs in by_arm.items()}
    rows = [
        "## Paired differences of test",
        "",
        "*Best control*: of the same seed, whichever it is; a hard opponent, chosen after the fact.",
        "",
        "| arm | minus | mean | per seed |",
        "|---|---|---|---|",
    ]
    for heir in heirs:
        others = [arm for arm in controls if arm in tests]
        rows += [_pair(heir, other, tests[heir], tests[other]) for other in others]
        best = (
            {
                seed: max(tests[other][seed] for other in others if seed in tests[other])
                for seed in tests[heir]
            }
            if others
            else {}
        )
        if best:
            rows.append(_pair(heir, "*best control*", tests[heir], best))
    return rows


def _pair(arm: str, other: str, ours: Mapping[int, float], theirs: Mapping[int, float]) -> str:
    seeds = sorted(ours.keys() & theirs.keys())
    gaps = [ours[seed] - theirs[seed] for seed in seeds]
    each = " ".join(f"{gap:+.4f}" for gap in gaps)
    mean = statistics.fmean(gaps) if gaps else float("nan")
    return f"| {arm} | {other} | {mean:+.4f} | {each} |"


def _winner(run: Run) -> Run:
    found: Run = next(trial for trial in run["trials"] if trial["id"] == run["winner"])
    return found


def _curve(run: Run) -> tuple[list[float], list[float]]:
    """Seconds so far, the engine's share among them, and the test score of what validation takes for best."""
    in_trials = sum(trial["cpu_seconds"] for trial in run["trials"])
    scale = run["cpu_seconds"] / in_trials if in_trials else 1.0
    seconds, best, xs, ys = 0.0, None, [], []
    for trial in run["trials"]:
        seconds += trial["cpu_seconds"] * scale
        if best is None or trial["score"] > best["score"]:
            best = trial
        xs.append(seconds)
        ys.append(best["test"])
    return xs, ys


def _plot(path: Path, by_arm: Mapping[str, Sequence[Run]]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "gain"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    colours = [plt.get_cmap("tab20")(number) for number in range(20)]
    for number, (arm, runs) in enumerate(by_arm.items()):
        curves = [_curve(run) for run in runs]
        end = max(xs[-1] for xs, _ in curves)
        grid = [end * part / 200 for part in range(1, 201)]
        heights = [statistics.median(_at(curve, x) for curve in curves) for x in grid]
        style = "-" if arm.startswith("inherit") else "--"
        axes.plot(grid, heights, style, color=colours[number % 20], label=arm, linewidth=1.6)
    axes.set_xlabel("CPU seconds, everything charged")
    axes.set_ylabel("test score of the best so far (median)")
    bottom = sorted(run["test"] for runs in by_arm.values() for run in runs)
    low, high = bottom[len(bottom) // 10], bottom[-1]
    axes.set_ylim(low - 1.5 * (high - low) - 1e-3, high + 0.2 * (high - low) + 1e-3)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right", ncols=2)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _at(curve: tuple[Sequence[float], Sequence[float]], x: float) -> float:
    reached = [y for seconds, y in zip(*curve, strict=True) if seconds <= x]
    return reached[-1] if reached else float("-inf")


def _machine(runs: Sequence[Run]) -> str:
    loads = [run["load"] for run in runs] or [0.0]
    return (
        f"{dt.datetime.now(dt.UTC).date()}, {platform.machine()}, Python {platform.python_version()}, torch "
        f"{torch.__version__}, one thread a run; load of the machine at the beginning of each run "
        f"{min(loads):.1f} to {max(loads):.1f}."
    )


def _kept_reading(path: Path) -> str:
    if path.exists() and "## Reading" in (text := path.read_text()):
        return text[text.index("## Reading") :]
    return "## Reading\n\n(to be written)"
