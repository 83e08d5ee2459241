"""The weights of all candidates over the epochs of a search, one panel for each choice."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from heredity.errors import ConfigError, InputError
from heredity.oneshot.choosing import Kind
from heredity.oneshot.differentiable.search import DifferentiableSearch

COLUMNS = 4


def weights_over_time(search: DifferentiableSearch, *, path: Path) -> Path:
    """Draw how a search has decided.

    Args:
        search: With at least one epoch behind it.
        path: Where to; matplotlib tells the format by the ending.

    Returns:
        The path.

    Raises:
        ConfigError: matplotlib is missing.
        InputError: No epoch is over.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # optional
    except ImportError as error:
        raise ConfigError(
            "drawing weights needs matplotlib.", hint="pip install 'heredity[pictures]'"
        ) from error
    num_epochs = search.num_steps // search.settings.steps_per_epoch
    if not num_epochs:
        raise InputError("weights_over_time: no epoch of the search is over.")
    num_epochs = min(num_epochs, search.settings.num_epochs)
    points = list(search.state.architecture.points.values())
    weights = [search.weights_after(epoch) for epoch in range(num_epochs)]
    num_rows = math.ceil(len(points) / COLUMNS)
    figure = Figure(figsize=(3 * COLUMNS, 1.9 * num_rows + 0.8), layout="constrained")
    panels = figure.subplots(num_rows, COLUMNS, sharex=True, sharey=True, squeeze=False).flatten()
    names: dict[str, Any] = {}
    for panel, point in zip(panels, points, strict=False):
        values = torch.stack([each[point.label] for each in weights]).tolist()
        panel.set_title(point.label, fontsize=9)
        panel.tick_params(labelsize=8)
        panel.locator_params(axis="x", integer=True)
        panel.grid(visible=True, alpha=0.3)
        for number, name in enumerate(_names(point.candidates, point.num_weights, kind=point.kind)):
            series = [row[number] for row in values]
            color = names[name].get_color() if name in names else f"C{len(names) % 10}"
            marker = "o" if num_epochs == 1 else ""
            [line] = panel.plot(range(1, num_epochs + 1), series, color=color, marker=marker, linewidth=1.4)
            names.setdefault(name, line)
    for panel in panels[len(points) :]:
        panel.set_axis_off()
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("weight", fontsize=9)
    figure.legend(
        names.values(), names.keys(), loc="outside upper center", ncols=min(8, len(names)), fontsize=8
    )
    figure.savefig(path, dpi=110)
    return path


def _names(candidates: tuple[object, ...], num_weights: int, *, kind: Kind) -> list[str]:
    if kind is Kind.INPUTS:
        return [f"input {number}" for number in range(num_weights)]
    return [str(candidate) for candidate in candidates]
