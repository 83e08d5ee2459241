"""The plots of the measurement past one machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib import pyplot as plt
from scale_assumptions import Beats
from trial_overhead_plots import OURS, PEER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Simulated = Mapping[str, list[dict[str, float]]]
_COLOURS = (PEER, OURS, "#2a9d8f")


def load_plot(loads: Mapping[str, float], simulated: Simulated, page: Path) -> str:
    """Draw what is asked of each part against the trials at a time; dots are the simulated driver."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    places = [100, 100_000]
    for number, (name, load) in enumerate(sorted(loads.items(), key=lambda item: -item[1])):
        axes.plot(places, [load * num for num in places], label=name, color=f"C{number}")
    for (name, rows), colour in zip(simulated.items(), _COLOURS, strict=False):
        nums = [row["num_attempts"] for row in rows]
        axes.plot(
            nums, [row["driver_load"] for row in rows], "o", ms=3, color=colour, label=f"driver: {name}"
        )
    axes.axhline(1, color="black", lw=0.8, ls="--")
    axes.axvline(10_000, color="black", lw=0.8, ls=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-3, 100)
    axes.set_xlabel("trials at a time")
    axes.set_ylabel("asked for, as a share of what it can do")
    axes.legend(fontsize=6, loc="upper left")
    return _saved(figure, page, "loads")


def delay_plot(simulated: Simulated, page: Path) -> str:
    """Draw handovers and silences against the trials at a time."""
    figure, both = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for axes, key, title in (
        (both[0], "handover_median_seconds", "handover, median"),
        (both[1], "longest_silence_seconds", "longest silence"),
    ):
        for (name, rows), colour in zip(simulated.items(), _COLOURS, strict=False):
            nums = [row["num_attempts"] for row in rows if row[key]]
            axes.plot(nums, [row[key] for row in rows if row[key]], "o-", ms=3, color=colour, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("trials at a time")
        axes.set_ylabel("s")
        axes.set_title(title)
    both[1].axhline(Beats().silence_seconds, color="black", lw=0.8, ls="--")
    both[0].legend(fontsize=6)
    return _saved(figure, page, "delays")


def _saved(figure: Figure, page: Path, name: str) -> str:
    path = page.with_name(f"{page.stem}-{name}.svg")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return path.name
