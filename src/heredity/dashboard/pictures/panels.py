"""What stands where in each picture: plain data out of facts, drawn elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heredity.dashboard.reading.rows import Row

SHAPES = {"failed": "x", "stopped_early": "s", "lost": "D"}
MAX_LABEL = 28
MAX_BARS = 24
LOW_SHARE = 0.05
"""Scores below this share of all have the lowest shade: one bad score must not make the others alike."""


@dataclass(frozen=True, slots=True)
class Run:
    """A trial or a checkpoint, as far as pictures need it."""

    id: str
    state: str
    score: float | None
    merit: float | None
    shade: float | None
    """From 0, the worst, to 1, the best."""
    steps: float
    total: float
    parents: tuple[str, ...]
    verdict: str
    curve: tuple[tuple[float, float], ...]

    @property
    def label(self) -> str:
        """Its name, short enough to stand beside a mark."""
        name = self.id if len(self.id) <= MAX_LABEL else self.id[: MAX_LABEL - 1] + "…"
        return name if self.score is None else f"{name}  {self.score:.4g}"


@dataclass(frozen=True, slots=True)
class Place:
    """A mark."""

    run: Run
    x: float
    y: float

    @property
    def shape(self) -> str:
        """By its state, so that no state is told by its colour alone."""
        return SHAPES.get(self.run.state, "o")


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    kind: str = ""
    shade: float | None = None
    width: float = 1.0
    is_dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture with two axes."""

    x_title: str
    y_title: str
    empty: str
    has_y_ticks: bool = True
    is_labelled: bool = False
    places: Sequence[Place] = ()
    lines: Sequence[Line] = ()
    stars: Sequence[Place] = field(default=())


@dataclass(frozen=True, slots=True)
class Bar:
    """What one checkpoint takes, in megabytes."""

    label: str
    own: float
    shared: float


def runs_of(facts: Row) -> list[Run]:
    """The rows of a source, in their order, each with its shade."""
    sign = -1.0 if _experiment(facts)["direction"] == "minimize" else 1.0
    rows = _rows(facts)
    merits = sorted(sign * row["score"] for row in rows if row["score"] is not None)
    low = merits[int(len(merits) * LOW_SHARE)] if merits else 0.0
    span = (merits[-1] - low) or 1.0 if merits else 1.0
    return [_run(row, sign=sign, low=low, span=span) for row in rows]


def _run(row: dict[str, Any], *, sign: float, low: float, span: float) -> Run:
    merit = None if row["score"] is None else sign * row["score"]
    return Run(
        id=row["id"],
        state=row["state"],
        score=row["score"],
        merit=merit,
        shade=None if merit is None else min(1.0, max(0.0, (merit - low) / span)),
        steps=row.get("steps", 0),
        total=row.get("total", 0),
        parents=tuple(row["parents"]),
        verdict=row["verdict"] or "",
        curve=tuple((step, value) for step, value in row.get("curve", ()) if value is not None),
    )


def lineage_panel(facts: Row, runs: Sequence[Run]) -> Panel:
    """Each trial by its generation, in the row of its line, which lines far apart share."""
    layout: Any = facts.get("layout") or [[], [], []]
    places = {
        run.id: Place(run, generation, -row)
        for run, generation, row in zip(runs, layout[0], layout[2], strict=True)
    }
    lines = [
        _elbow(places[parent], places[run.id], is_second=which > 0, is_thin=len(runs) > 500)
        for run in runs
        for which, parent in enumerate(run.parents)
        if parent in places
    ]
    return Panel(
        x_title="generation (children between a trial and its founder)",
        y_title="lines of descent",
        empty="Nothing has been proposed yet.",
        has_y_ticks=False,
        is_labelled=True,
        places=list(places.values()),
        lines=lines,
        stars=[places[name] for name in _best(facts) if name in places],
    )


def _elbow(start: Place, end: Place, *, is_second: bool, is_thin: bool) -> Line:
    bend = start.x + min(0.5, (end.x - start.x) / 2)
    points = ((start.x, start.y), (bend, end.y), (end.x, end.y))
    kind = "" if is_second or end.run.verdict not in {"exact", "approximate", "fresh"} else end.run.verdict
    return Line(points, kind=kind, width=0.4 if is_thin else 1.2, is_dashed=is_second)


def curves_panel(facts: Row, runs: Sequence[Run]) -> Panel:
    """What each trial reported, behind the steps of its ancestors; the best one's line is thick."""
    by_name = {run.id: run for run in runs}
    ordered = sorted(runs, key=lambda run: run.shade or 0.0)
    width = 1.2 if len(runs) < 60 else 0.5
    lines = [Line(_curve(run), shade=run.shade or 0.0, width=width) for run in ordered if len(run.curve) > 1]
    best = _best(facts)[:1]
    line = _line_of(by_name[best[0]], by_name) if best and best[0] in by_name else []
    lines += [Line(_curve(run), shade=1.0, width=2.6) for run in line if len(run.curve) > 1]
    ends = [Place(run, *_curve(run)[-1]) for run in line[-1:] if run.curve]
    objective = _experiment(facts)["objective"]
    return Panel(
        x_title="training steps, the ancestors' before a trial's own",
        y_title=f"{objective}, as reported",
        empty="Nothing has been reported.",
        lines=lines,
        stars=ends,
    )


def _curve(run: Run) -> tuple[tuple[float, float], ...]:
    return tuple((step + run.total - run.steps, value) for step, value in run.curve)


def _line_of(run: Run, by_name: dict[str, Run]) -> list[Run]:
    line = [run]
    while line[-1].parents and line[-1].parents[0] in by_name:
        line.append(by_name[line[-1].parents[0]])
    return line[::-1]


def cost_panel(facts: Row, runs: Sequence[Run]) -> Panel:
    """Scores by steps in all, and the front: what no other trial beats at a lower cost."""
    places = [Place(run, run.total, run.score) for run in runs if run.score is not None]
    front = cheapest_best(places)
    steps: list[tuple[float, float]] = []
    for place in front:
        if steps:
            steps.append((place.x, steps[-1][1]))
        steps.append((place.x, place.y))
    return Panel(
        x_title="training steps, the ancestors' among them",
        y_title=str(_experiment(facts)["objective"]),
        empty="No trial has a score.",
        places=places,
        lines=[Line(tuple(steps), kind="approximate", width=1.6)] if len(steps) > 1 else [],
        stars=front,
    )


def cheapest_best(places: Iterable[Place]) -> list[Place]:
    """The Pareto front of merit and cost, the cheapest first; of equal ones the first stands for all."""
    front: list[Place] = []
    most = -math.inf
    for place in sorted(places, key=lambda place: (place.x, -(place.run.merit or 0.0))):
        if place.run.merit is not None and place.run.merit > most:
            most = place.run.merit
            front.append(place)
    return front


def storage_bars(storage: Row) -> tuple[list[Bar], int]:
    """The checkpoints that take most of their own, and how many others there are."""
    rows: Any = storage["rows"]
    largest = sorted(rows, key=lambda row: row[3] + row[4], reverse=True)[:MAX_BARS]
    bars = [Bar(_short(row[0]), row[3] / 1e6, row[4] / 1e6) for row in largest]
    return bars, len(rows) - len(bars)


def _short(name: str) -> str:
    return name if len(name) <= MAX_LABEL else "…" + name[1 - MAX_LABEL :]


def _experiment(facts: Row) -> dict[str, Any]:
    experiment = facts["experiment"]
    assert isinstance(experiment, dict)  # noqa: S101  # as every source makes it
    return experiment


def _rows(facts: Row) -> list[dict[str, Any]]:
    rows = facts["rows"]
    assert isinstance(rows, list)  # noqa: S101  # as every source makes them
    return rows


def _best(facts: Row) -> list[str]:
    best = facts["best"]
    return [str(name) for name in best] if isinstance(best, list) else []
