"""`heredity report`: a trial's program says how far it is; or an experiment becomes a page."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.encoding import Json
from heredity.engine.programs.client import Channel
from heredity.engine.programs.messages import CHANNEL_VARIABLE
from heredity.errors import ConfigError

EXIT_STOP = 3
"""The trial should stop."""


@click.command(
    epilog=examples(
        "heredity report 0.93 --step 1000 --metric loss 0.2",
        "heredity report 0.93 --quiet || exit 0",
        "heredity report runs/search/001 -o search.html",
    )
)
@click.argument("what", metavar="VALUE | PLACE")
@click.option(
    "--step", type=int, help="The training steps so far; by default one more than at the last report."
)
@click.option(
    "--metric", "metrics", type=(str, float), multiple=True, help="A name and a value of something else."
)
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write a page about PLACE instead."
)
@quiet_option
def report(what: str, step: int | None, metrics: tuple[tuple[str, float], ...], out: Path | None) -> None:
    """Report a value, from inside a trial's program; or write a page about an experiment.

    heredity report VALUE prints "go on" or "stop", and exits with 0 or 3: after "stop" the program may save
    and should end.

    heredity report PLACE -o FILE.html writes one file that needs no server. PLACE is an experiment's
    directory, or a store's directory or URL.
    """
    if out is None:
        _report_value(_number(what), step, dict(metrics))
        return
    if step is not None or metrics:
        raise ConfigError("report: --step and --metric belong to a value, not to a page.")
    from heredity.cli.pictures.report import report_file  # noqa: PLC0415  # programs report often

    report_file(what, out)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(
            f"report: expected a number, got {text!r:.80}; a page about it needs a file to be written to.",
            hint="heredity report PLACE -o report.html writes a page about an experiment or a store.",
        ) from error


def _report_value(value: float, step: int | None, metrics: dict[str, Json]) -> None:
    number = os.environ.get(CHANNEL_VARIABLE)
    if number is None:
        raise ConfigError(
            "report: this is no trial's program.", hint="Use it in the `command:` of an experiment file."
        )
    event: dict[str, Json] = {"event": "TrialReported", "value": value, "metrics": metrics}
    if step is not None:
        event["step"] = step
    must_stop = Channel(number).send(event)
    if not is_quiet():
        click.echo("stop" if must_stop else "go on")
    sys.exit(EXIT_STOP if must_stop else 0)
