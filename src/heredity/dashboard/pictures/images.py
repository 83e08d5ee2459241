"""The pictures as .png or .svg: lineage, learning curves, score against cost, storage. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heredity.dashboard.pictures.panels import (
    Panel,
    Run,
    cost_panel,
    curves_panel,
    lineage_panel,
    runs_of,
    storage_bars,
)
from heredity.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap

    from heredity.dashboard.reading.rows import Row
    from heredity.dashboard.reading.sources import Source

VIEWS = ("lineage", "curves", "cost", "storage")
DOTS_PER_INCH = 130
VERDICTS = {"exact": "#1a7f45", "approximate": "#a85f00", "fresh": "#b3261e", "": "#8a95a3"}
RAMP = ("#c3d0e4", "#8db2dd", "#4c8ccf", "#1c62b0", "#08356f")
STAR, FAILED, RUNNING = "#d99a00", "#c0271d", "#0b7fa8"


def draw_views(source: Source, path: Path, *, views: Sequence[str]) -> None:
    """Draw an experiment or a store.

    Args:
        source: What is drawn.
        path: The file; its ending says the format.
        views: Names of `VIEWS`, in this order.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    try:
        from matplotlib import rc_context  # noqa: PLC0415  # optional
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("plot: matplotlib is missing.", hint="pip install 'heredity[pictures]'") from error
    facts = source.facts()
    runs = runs_of(facts)
    painters: dict[str, Callable[[Axes], None]] = {
        "lineage": lambda axes: _paint(axes, lineage_panel(facts, runs)),
        "curves": lambda axes: _paint(axes, curves_panel(facts, runs)),
        "cost": lambda axes: _paint(axes, cost_panel(facts, runs)),
        "storage": lambda axes: _paint_storage(axes, source.storage()),
    }
    columns = 1 if len(views) == 1 else 2
    lines = -(-len(views) // columns)
    # Names are texts: a dollar in one begins no formula.
    with rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(8.5 * columns, 5.4 * lines + 0.4), layout="constrained")
        figure.suptitle(_title(facts), fontsize=13)
        for number, view in enumerate(views, 1):
            axes = figure.add_subplot(lines, columns, number)
            axes.set_title({"cost": "score against cost"}.get(view, view), fontsize=11, loc="left")
            painters[view](axes)
        try:
            figure.savefig(path, dpi=DOTS_PER_INCH)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def _title(facts: Row) -> str:
    experiment, rows = facts["experiment"], facts["rows"]
    assert isinstance(experiment, dict) and isinstance(rows, list)  # noqa: S101, PT018  # as a source makes them
    kind = "checkpoints" if experiment["kind"] == "store" else "trials"
    return f"{experiment['name']}: {len(rows):,} {kind}"


def _paint(axes: Axes, panel: Panel) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415  # optional
    from matplotlib.colors import LinearSegmentedColormap as Ramp  # noqa: PLC0415

    axes.set_xlabel(panel.x_title)
    axes.set_ylabel(panel.y_title)
    axes.grid(visible=True, color="#e7ebf0")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if not panel.places and not panel.lines:
        _say_empty(axes, panel.empty)
        return
    ramp = Ramp.from_list("score", RAMP)
    for line in panel.lines:
        colour = VERDICTS[line.kind] if line.shade is None else ramp(line.shade)
        segment = LineCollection(
            [line.points], colors=[colour], linewidths=line.width, linestyles="--" if line.is_dashed else "-"
        )
        axes.add_collection(segment)
    size = 46 if len(panel.places) < 60 else 12 if len(panel.places) < 600 else 4
    for shape in dict.fromkeys(place.shape for place in panel.places):
        chosen = [place for place in panel.places if place.shape == shape]
        colours = [_colour(place.run, ramp) for place in chosen]
        xs, ys = [place.x for place in chosen], [place.y for place in chosen]
        axes.scatter(
            xs, ys, s=size, c=colours, marker=shape, linewidths=1.2 if shape == "x" else 0.4, zorder=3
        )
    for star in panel.stars:
        axes.scatter(
            [star.x], [star.y], s=max(150, size * 5), c=STAR, marker="*", edgecolors="white", zorder=5
        )
        if len(panel.stars) == 1:
            axes.annotate(star.run.label, (star.x, star.y), (6, 6), textcoords="offset points", fontsize=8)
    axes.autoscale_view()
    if not panel.has_y_ticks:
        axes.set_yticks([])
        axes.locator_params(axis="x", integer=True)
    _label_all(axes, panel)


def _label_all(axes: Axes, panel: Panel) -> None:
    """Names beside the marks, where there are few enough to be read."""
    if not panel.is_labelled or len({place.y for place in panel.places}) > 24:
        return
    starred = {star.run.id for star in panel.stars} if len(panel.stars) == 1 else set()
    for place in panel.places:
        if place.run.id not in starred:
            at = (place.x, place.y)
            axes.annotate(place.run.label, at, (6, 5), textcoords="offset points", fontsize=7)
    axes.margins(x=0.14)


def _colour(run: Run, ramp: LinearSegmentedColormap) -> str | tuple[float, float, float, float]:
    if run.state == "failed":
        return FAILED
    if run.state == "running" and run.shade is None:
        return RUNNING
    if run.shade is None:
        return VERDICTS[""]
    red, green, blue, alpha = ramp(run.shade)
    return red, green, blue, alpha


def _say_empty(axes: Axes, text: str) -> None:
    place = axes.transAxes
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=place, color="#5a6675", wrap=True)
    axes.set(xticks=[], yticks=[])


def _paint_storage(axes: Axes, storage: Row) -> None:
    bars, num_left = storage_bars(storage)
    axes.spines[["top", "right"]].set_visible(False)
    if not bars:
        text = str(storage["problem"]) or "There are no checkpoints."
        axes.text(
            0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="#5a6675", wrap=True
        )
        axes.set(xticks=[], yticks=[])
        return
    axes.set_xlabel("megabytes")
    axes.margins(x=0.05)
    places = range(len(bars), 0, -1)
    own, shared = [bar.own for bar in bars], [bar.shared for bar in bars]
    axes.barh(places, own, color="#1c62b0", label="its own")
    axes.barh(places, shared, left=own, color="#9dbfe6", label="shared with others")
    axes.set_yticks(list(places), [bar.label for bar in bars], fontsize=8)
    if num_left:
        axes.set_xlabel(f"megabytes; the {len(bars)} largest, {num_left:,} more are not drawn")
    axes.legend(loc="lower right", fontsize=8)
