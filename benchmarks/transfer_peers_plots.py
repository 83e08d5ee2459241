"""The curves of a run of `transfer_peers`: one picture a family, one panel a child."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from transfer_peers_measures import Task, quartiles
from transfer_peers_sides import OURS, SCRATCH

mpl.use("svg")
# The same numbers give the same file.
mpl.rcParams.update({"svg.hashsalt": "heredity", "svg.fonttype": "none", "font.size": 8})

import matplotlib.pyplot as plt  # noqa: E402  # after the choice of what draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    SCRATCH: "#222222",
    "heredity, fresh": "#d1495b",
    "heredity, copy, noise 0": "#f4a9a0",
    "heredity, copy, noise 0.5": "#ee6c2f",
    "heredity, copy, noise 1": "#b5179e",
    "partial load": "#8d99ae",
    "slice copy": "#2a6f97",
    "prefix": "#61a5c2",
    "Net2Net, noise 0.05": "#2d6a4f",
    "Auto-Keras, noise 1e-4": "#95c26b",
    "G_stack": "#7f5539",
}


def plot_all(tasks: Sequence[Task], page: Path) -> dict[str, str]:
    """Draw one picture for each family beside the page; return the file names."""
    names = {}
    for family in dict.fromkeys(task.family for task in tasks):
        kept = [task for task in tasks if task.family == family]
        figure, panels = plt.subplots(1, len(kept), figsize=(4.6 * len(kept), 4.2), layout="constrained")
        for panel, task in zip(panels, kept, strict=True):
            _draw(panel, task)
        panels[0].set_ylabel("loss on the test; median and quartiles")
        path = page.with_name(f"{page.stem}-{family}.svg")
        figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
        plt.close(figure)
        names[family] = path.name
    return names


def _draw(panel: Axes, task: Task) -> None:
    for side in task.sides:
        if not task.twins(side):
            _line(panel, task, side)
    panel.axvline(task.own_steps, color="#bbbbbb", lw=0.7, ls=":")
    ends = [loss for side in task.sides for loss in task.ends(side)]
    starts = sorted(loss for side in task.sides for loss in task.starts(side))
    # From nothing everything begins so high that the rest would be one line.
    panel.set_ylim(0.9 * min(ends), 1.1 * max(*ends, starts[len(starts) // 2]))
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter("{x:.2f}")
    panel.yaxis.set_minor_formatter("{x:.2f}")
    panel.set_xlabel("own steps")
    panel.set_title(task.name)
    panel.legend(fontsize=6, loc="upper right")


def _line(panel: Axes, task: Task, side: str) -> None:
    curves = task.points(side)
    steps = [step for step, _, _ in curves[0]]
    spreads = [quartiles([loss for _, loss, _ in at]) for at in zip(*curves, strict=True)]
    label = " = ".join([side, *(other for other in task.sides if side in task.twins(other))])
    style = "-" if side in OURS or side == SCRATCH else "--"
    panel.plot(steps, [middle for _, middle, _ in spreads], style, color=COLOURS[side], lw=1.2, label=label)
    panel.fill_between(
        steps,
        [low for low, _, _ in spreads],
        [high for _, _, high in spreads],
        color=COLOURS[side],
        alpha=0.12,
        lw=0,
    )
