"""`heredity report EXPERIMENT -o FILE`: the dashboard's pictures as one file, without a server."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from heredity.cli.output import size_text
from heredity.cli.pictures.sources import source_of
from heredity.dashboard.report import write_report
from heredity.errors import ConfigError


def report_file(place: str, out: Path) -> None:
    """Write the report, and say what is in it.

    Raises:
        ConfigError: The place holds nothing, or the file's name is of another kind.
    """
    if out.suffix.lower() not in {".html", ".htm"}:
        raise ConfigError(
            f"report: {out}: expected a name that ends with .html.",
            hint="`heredity plot` makes .png and .svg.",
        )
    num_details = write_report(source_of(place), out, now=dt.datetime.now().astimezone())
    click.echo(f"{out}, {size_text(out.stat().st_size)}, with the plans and logs of {num_details}")
