"""The plots of the store's benchmarks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from store_models import MODELS

mpl.use("svg")
# The same numbers give the same file.
mpl.rcParams.update({"svg.hashsalt": "heredity", "svg.fonttype": "none", "font.size": 8})

import matplotlib.pyplot as plt  # noqa: E402  # after the choice of what draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Results = Mapping[str, Any]  # Any: plain data, as it lies in the JSON file
OURS, PEER = "#d1495b", "#8d99ae"


def plot_all(results: Results, page: Path) -> dict[str, str]:
    """Draw what there is beside the page; return the file names."""
    figures = {name: _times(times) for name, times in results.get("times", {}).items() if name != "machine"}
    if "memory" in results:
        figures["memory"] = _memory(results["memory"])
    if "waits" in results:
        figures["waits"] = _waits(results["waits"])
    return {name: save(figure, page, name) for name, figure in figures.items()}


def save(figure: Figure, page: Path, name: str) -> str:
    """Write a figure beside a page; return its file name."""
    path = page.with_name(f"{page.stem}-{name}.svg")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return path.name


def _times(times: Results) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    loads = {
        name.removesuffix(", touched"): seconds
        for name, seconds in times["load"].items()
        if name.endswith("touched") or name.startswith("Orbax")
    }
    _bars(axes[0], times["save"], title="save, synced")
    _bars(axes[1], loads, title="load, every page touched")
    return figure


def _bars(axes: Axes, times: Mapping[str, Sequence[float]], *, title: str) -> None:
    names = list(times)
    ms = [[1000 * value for value in times[name]] for name in names]
    medians = [statistics.median(values) for values in ms]
    quartiles = [statistics.quantiles(values, n=4) if len(values) > 1 else values * 3 for values in ms]
    spread = [
        [median - low for median, (low, _, _) in zip(medians, quartiles, strict=True)],
        [high - median for median, (_, _, high) in zip(medians, quartiles, strict=True)],
    ]
    colours = [OURS if name.startswith("heredity") else PEER for name in names]
    axes.barh(names, medians, xerr=spread, color=colours, error_kw={"lw": 0.8})
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("ms; median and quartiles")
    axes.set_title(title)


def _memory(memory: Results) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(10, 2.8), layout="constrained")
    size = MODELS[memory["model"]].size_bytes
    for place, do in zip(axes, ("save", "load"), strict=True):
        names = list(memory[do])
        own = [memory[do][name]["anonymous"] / size for name in names]
        every = [memory[do][name]["resident"] / size for name in names]
        place.barh(names, every, color="#dfe3ea", label="with pages of files")
        place.barh(names, own, color=[OURS if name.startswith("heredity") else PEER for name in names])
        place.invert_yaxis()
        place.set_title(f"{do}: highest memory, in models")
    axes[1].legend(loc="lower right")
    return figure


def _waits(waits: Results) -> Figure:
    figure, axes = plt.subplots(figsize=(5, 2.8), layout="constrained")
    ordered = sorted(1000 * seconds for seconds in waits["after_link"])
    axes.step(ordered, [100 * (rank + 1) / len(ordered) for rank in range(len(ordered))], color=OURS)
    axes.axvline(2, color=PEER, lw=0.8, ls="--")
    axes.set_xscale("symlog", linthresh=0.1)
    axes.set_xlabel("ms from the name's being there until wait has returned")
    axes.set_ylabel("% of the checkpoints")
    return figure
