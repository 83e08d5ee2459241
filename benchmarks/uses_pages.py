"""What the pages about uses have in common: their frame, medians, paired differences and curves."""

from __future__ import annotations

import math
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import torch

mpl.use("svg")
# The same numbers give the same file.
mpl.rcParams.update({"svg.hashsalt": "heredity", "svg.fonttype": "none", "font.size": 8})

import matplotlib.pyplot as plt  # noqa: E402  # after the choice of what draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Run = Mapping[str, Any]  # Any: plain data, as it lies in the JSON file
READING = "## Reading"
_T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Student's t for an interval of 95 %, by the number of pairs."""


def write_page(path: Path, title: str, runs: Sequence[Run], lines: Iterable[str]) -> None:
    """Write the page; what stands under "Reading" is kept."""
    old = path.read_text() if path.exists() else ""
    reading = old[old.index(READING) :] if READING in old else f"{READING}\n\nNot written yet."
    parts = [f"# {title}", "", _machine(runs), "", *lines, "", reading]
    path.write_text("\n".join(parts).rstrip() + "\n")


def _machine(runs: Sequence[Run]) -> str:
    loads = [run["load"] for run in runs] or [0.0]
    days = sorted({run["day"] for run in runs}) or ["–"]
    return (
        f"{days[-1]}, {platform.machine()}, Python {platform.python_version()}, torch "
        f"{torch.__version__}, one thread; load of the machine at the beginning of each run "
        f"{min(loads):.1f} to {max(loads):.1f}. Seconds are of the processor, and hold training, validation, "
        "tracing, planning, copying, fitting, saving and the engine. Medians over the seeds, with the range; "
        "pairs have the same seed."
    )


def by_arm(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The reported runs of each arm; those that settings were chosen by are left out."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        if run["seed"] < 1000:
            found.setdefault(run["arm"], []).append(run)
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table of Markdown, and an empty line."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return [*lines, ""]


def spread(values: Iterable[float], digits: int) -> str:
    """The median, and the range if there is one."""
    values = sorted(values)
    middle = f"{statistics.median(values):.{digits}f}"
    if values[0] == values[-1]:
        return middle
    return f"{middle} ({values[0]:.{digits}f} to {values[-1]:.{digits}f})"


def paired(ours: Sequence[Run], theirs: Sequence[Run], name: str) -> list[float]:
    """Ours minus theirs, seed by seed."""
    others = {run["seed"]: run[name] for run in theirs}
    return [run[name] - others[run["seed"]] for run in ours if run["seed"] in others]


def ratios(ours: Sequence[Run], theirs: Sequence[Run], name: str) -> list[float]:
    """Ours as a share of theirs, seed by seed."""
    others = {run["seed"]: run[name] for run in theirs}
    return [run[name] / others[run["seed"]] for run in ours if run["seed"] in others]


def difference(gaps: Sequence[float], digits: int = 4) -> str:
    """The mean of paired differences, and its interval of 95 % by Student's t."""
    if not gaps:
        return "–"
    mean = statistics.fmean(gaps)
    if len(gaps) not in _T_95:
        return f"{mean:+.{digits}f}"
    half = _T_95[len(gaps)] * statistics.stdev(gaps) / math.sqrt(len(gaps))
    return f"{mean:+.{digits}f} [{mean - half:+.{digits}f}, {mean + half:+.{digits}f}]"


def each(gaps: Sequence[float], digits: int = 4) -> str:
    """Every pair's difference."""
    return " ".join(f"{gap:+.{digits}f}" for gap in gaps)


def panels(number: int) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels in a row, with one scale of heights."""
    figure, places = plt.subplots(
        1, number, figsize=(4.5 * number, 3.6), layout="constrained", sharey=True, squeeze=False
    )
    for place in places[0]:
        place.grid(alpha=0.3)
    return figure, list(places[0])


def save(figure: Figure, path: Path) -> str:
    """Write a figure beside a page; return the line that shows it."""
    plot = path.with_suffix(".svg")
    figure.savefig(plot, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return f"![Curves]({plot.name})"


def colours(arms: Iterable[str]) -> dict[str, Any]:
    """A colour for each arm."""
    return {arm: plt.get_cmap("tab10")(number % 10) for number, arm in enumerate(arms)}
