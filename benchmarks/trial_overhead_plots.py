"""The plots of the overhead benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
# The same numbers give the same file.
mpl.rcParams.update({"svg.hashsalt": "heredity", "svg.fonttype": "none", "font.size": 8})

import matplotlib.pyplot as plt  # noqa: E402  # after the choice of what draws

OURS, PEER = "#d1495b", "#8d99ae"
MEBI = 1 << 20


def memory_plot(samples: Sequence[Mapping[str, float]], page: Path) -> str:
    """Draw the driver's memory against the trials that have ended; return the file's name."""
    figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
    trials = [sample["num_trials"] for sample in samples]
    for key, label, colour in (
        ("resident_bytes", "resident", PEER),
        ("own_bytes", "of it the driver's own", OURS),
    ):
        axes.plot(trials, [sample[key] / MEBI for sample in samples], color=colour, label=label)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("trials ended")
    axes.set_ylabel("MiB")
    axes.legend()
    path = page.with_name(f"{page.stem}-memory.svg")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return path.name
