"""`heredity compare`: several experiments side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click
from rich.text import Text

from heredity.cli.comparing.measures import COSTS, Gains, Measures, anytime_curve, measures_of, score_at
from heredity.cli.completing.names import PLACE
from heredity.cli.output import (
    add_row,
    console,
    json_option,
    number_text,
    print_json,
    seconds_text,
    table,
)
from heredity.cli.places import ExperimentPlace, open_place
from heredity.cli.shell.options import examples, quiet_option
from heredity.cli.trials.columns import NOTHING
from heredity.encoding import Json
from heredity.errors import ConfigError

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the budget that all experiments have used, where their curves are read."""


@click.command(
    epilog=examples(
        "heredity compare runs/search/001 runs/random/001",
        "heredity compare runs/search/* --by cpu",
    )
)
@click.argument("places", nargs=-1, required=True, metavar="EXPERIMENT...", type=PLACE)
@click.option(
    "--by",
    type=click.Choice(list(COSTS)),
    default="steps",
    show_default=True,
    help="What the curve of the best so far is drawn against.",
)
@json_option
@quiet_option
def compare(places: tuple[str, ...], by: str, *, as_json: bool) -> None:
    """Put experiments side by side: the best, the cost, the way there, what inheritance gave.

    EXPERIMENT is an experiment's directory; it may still run.
    """
    experiments = [_experiment(place) for place in places]
    measured = [measures_of(experiment.state) for experiment in experiments]
    curves = [anytime_curve(experiment.state, COSTS[by]) for experiment in experiments]
    shared = min(measures.totals[by] for measures in measured)
    points = [share * shared for share in SHARES]
    if as_json:
        print_json(
            [
                _to_json(experiment.directory, measures, curve, by)
                for experiment, measures, curve in zip(experiments, measured, curves, strict=True)
            ]
        )
        return
    _print(_names(places), measured, _curve_rows(curves, points, by))
    _warn(measured)


def _experiment(place: str) -> ExperimentPlace:
    opened = open_place(place)
    if not isinstance(opened, ExperimentPlace):
        raise ConfigError(f"{place} is a store; expected an experiment's directory.")
    return opened


def _to_json(
    directory: Path, measures: Measures, curve: Sequence[tuple[float, float]], by: str
) -> dict[str, Json]:
    return {
        "directory": str(directory),
        "experiment": measures.name,
        "objective": measures.objective,
        "direction": measures.direction,
        "states": dict(measures.states),
        "best": None if measures.best is None else measures.best.to_json(),
        "totals": dict(measures.totals),
        "gains": measures.gains.to_json(),
        "curve": {"by": by, "points": [[paid, score] for paid, score in curve]},
    }


def _names(places: Sequence[str]) -> list[str]:
    """The ends of the paths, as long as they must be to differ."""
    parts = [Path(place).resolve().parts for place in places]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(set(parts)):
            return names
    return list(places)


Row = tuple[str, list[str]]


def _print(names: Sequence[str], measured: Sequence[Measures], curve_rows: Sequence[Row]) -> None:
    """One table, or several below each other where the terminal has no room for all."""
    screen = console()
    all_rows = [*_fact_rows(measured), *_gain_rows(measured), *curve_rows]
    shown = [row for row in all_rows if not row[1] or any(cell != NOTHING for cell in row[1])]
    for columns in _portions(names, shown, screen.width):
        rows = table("", *(f"{names[i]}>" for i in columns))
        for title, cells in shown:
            if not cells:
                rows.add_section()
            add_row(
                rows, title if cells else Text(title, style="bold"), *(cells[i] for i in columns if cells)
            )
        screen.print(rows)


def _portions(names: Sequence[str], rows: Sequence[Row], width: int) -> list[list[int]]:
    """Which experiments stand in each table."""
    left = width - max(len(title) for title, _ in rows) - 4
    widths = [
        max(len(name), *(len(cells[i]) for _, cells in rows if cells)) + 3 for i, name in enumerate(names)
    ]
    portions: list[list[int]] = [[]]
    for i in range(len(names)):
        if portions[-1] and sum(widths[j] for j in portions[-1]) + widths[i] > left:
            portions.append([])
        portions[-1].append(i)
    return portions


def _fact_rows(measured: Sequence[Measures]) -> list[Row]:
    states = list(dict.fromkeys(state for measures in measured for state in measures.states))
    cells: list[tuple[str, Callable[[Measures], str]]] = [
        ("best score", lambda m: NOTHING if m.best is None else number_text(m.best.score)),
        ("its trial", lambda m: NOTHING if m.best is None else m.best.trial),
        ("its steps", lambda m: NOTHING if m.best is None else _count(m.best.steps)),
        ("with its ancestors'", lambda m: NOTHING if m.best is None else _count(m.best.cumulative_steps)),
        ("it inherited", _winner_inherited),
        ("  from", lambda m: NOTHING if m.best is None or m.best.parent is None else m.best.parent),
    ]
    costs: list[tuple[str, Callable[[Measures], str]]] = [
        ("trials", lambda m: _count(m.totals["trials"])),
        *((f"  {state.replace('_', ' ')}", _state_counter(state)) for state in states),
        ("steps", lambda m: _count(m.totals["steps"])),
        ("processor", lambda m: seconds_text(m.totals["cpu"] or None)),
        ("trials' time", lambda m: seconds_text(m.totals["seconds"])),
        ("wall clock", lambda m: seconds_text(m.totals["wall"])),
    ]
    best: list[Row] = [("The best", []), *((name, [cell(m) for m in measured]) for name, cell in cells)]
    return [*best, ("The cost", []), *((name, [cell(m) for m in measured]) for name, cell in costs)]


def _state_counter(state: str) -> Callable[[Measures], str]:
    return lambda measures: _count(measures.states.get(state, 0))


def _winner_inherited(measures: Measures) -> str:
    """An inheriting search can win with a trial that inherited nothing: that says so."""
    best = measures.best
    if best is None:
        return NOTHING
    if not best.verdict:
        return "nothing"
    return best.verdict if best.coverage is None else f"{best.verdict} {best.coverage:.0%}"


def _gain_rows(measured: Sequence[Measures]) -> list[Row]:
    cells: list[tuple[str, Callable[[Gains], str]]] = [
        ("heirs", lambda g: _count(g.num_heirs) if g.num_heirs else NOTHING),
        ("  exact", lambda g: _count(g.num_exact) if g.num_heirs else NOTHING),
        ("mean coverage", lambda g: NOTHING if g.mean_coverage is None else f"{g.mean_coverage:.0%}"),
        ("better than their twins", lambda g: f"{g.num_better} of {g.num_pairs}" if g.num_pairs else NOTHING),
        ("mean gain over twins", lambda g: _signed(g.mean_difference)),
        ("reached the twin's end", lambda g: f"{g.num_reached} of {g.num_pairs}" if g.num_pairs else NOTHING),
        ("  in this share of its steps", lambda g: _share(g.median_share_of_steps)),
    ]
    rows = [(name, [cell(measures.gains) for measures in measured]) for name, cell in cells]
    return [("Inheritance", []), *rows] if any(measures.gains.num_heirs for measures in measured) else []


def _curve_rows(
    curves: Sequence[Sequence[tuple[float, float]]], points: Sequence[float], by: str
) -> list[Row]:
    if not points[-1]:
        return []
    rows: list[Row] = [
        (f"after {_cost_text(paid, by)}", [number_text(score_at(curve, paid)) for curve in curves])
        for paid in points
    ]
    ends = [number_text(curve[-1][1] if curve else None) for curve in curves]
    return [(f"The best so far, by {by}", []), *rows, ("at its end", ends)]


def _cost_text(paid: float, by: str) -> str:
    if by in {"cpu", "seconds"}:
        return seconds_text(paid)
    return f"{_count(paid)} {by}"


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _signed(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.4f}"


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0%}"


def _warn(measured: Sequence[Measures]) -> None:
    """Scores that mean different things stand beside each other: say so."""
    meanings = {(measures.objective, measures.direction) for measures in measured}
    if len(meanings) > 1:
        text = "The scores differ in meaning: " + "; ".join(
            f"{measures.name} has {measures.objective}, {measures.direction}" for measures in measured
        )
        console().print(Text(text, style="yellow"), soft_wrap=True)
