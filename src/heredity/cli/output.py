"""How results look: tables, trees and JSON. The only place that decides on colours and widths."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heredity.encoding import Json, encode

STATE_STYLES: Mapping[str, str] = {
    "waiting": "dim",
    "queued": "dim",
    "running": "bold cyan",
    "completed": "green",
    "stopped_early": "yellow",
    "failed": "bold red",
    "lost": "magenta",
}

VERDICT_STYLES: Mapping[str, str] = {"exact": "green", "approximate": "yellow", "fresh": "red"}

NAME_WIDTH = 12
"""Names are what a table is about: numbers give way before a name is a letter a line."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def console() -> Console:
    """A console on standard output. Where nobody watches, nothing is cut off: the reader is a program."""
    width = None if sys.stdout.isatty() else 10_000
    return Console(width=width, highlight=False, soft_wrap=False, markup=False, emoji=False)


def print_json(value: Json) -> None:
    """Print canonical JSON, one line."""
    click.echo(encode(value).decode())


def table(*columns: str, title: str = "") -> Table:
    """An empty table in the house's form.

    A column whose name ends with ``>`` is set to the right; one that ends with ``~`` may be folded where the
    terminal is narrow; the others are never cut.
    """
    result = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold")
    for column in columns:
        result.add_column(
            column.rstrip(">~"),
            justify="right" if column.endswith(">") else "left",
            no_wrap=not column.endswith("~"),
            overflow="fold",
            min_width=NAME_WIDTH if column.endswith("~") else None,
        )
    return result


def add_row(rows: Table, *cells: str | Text) -> None:
    """Add a row of texts as they are: names may hold what rich takes for markup."""
    rows.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def program() -> str:
    """How the reader of a proposed command calls this program."""
    if shutil.which("heredity"):
        return "heredity"
    script = Path(sys.argv[0])
    return "python -m heredity.cli" if script.name == "__main__.py" else os.path.relpath(script)


def state_text(state: str) -> Text:
    """A trial's state in its colour."""
    return Text(state.replace("_", " "), style=STATE_STYLES.get(state, ""))


def number_text(value: float | None) -> str:
    """A score as people read it; a dash where there is none."""
    return "–" if value is None else f"{value:.4g}"


def seconds_text(value: float | None) -> str:
    """Seconds, or minutes and hours where there are many."""
    if value is None:
        return "–"
    if value < 120:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def size_text(num_bytes: int) -> str:
    """Bytes in the unit that gives the shortest number."""
    size = float(num_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def verdict_text(inheritance: Mapping[str, Json] | None) -> Text:
    """What an inheritance's summary says, in one word and a share."""
    if inheritance is None:
        return Text("–", style="dim")
    verdict = str(inheritance.get("verdict"))
    coverage = inheritance.get("coverage")
    # "100%" is said of all only, as on the dashboard.
    share = (
        f" {coverage if coverage == 1 else min(coverage, 0.99):.0%}"
        if isinstance(coverage, float | int)
        else ""
    )
    return Text(f"{verdict}{share}", style=VERDICT_STYLES.get(verdict, ""))


def keys_text(keys: Sequence[str]) -> str:
    """Names beside each other; a dash where there are none."""
    return ", ".join(keys) or "–"
