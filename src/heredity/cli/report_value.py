"""`heredity report`: a trial's program, in whatever language, says how far it is."""

from __future__ import annotations

import os
import sys

import click

from heredity.encoding import Json
from heredity.engine.programs.client import Channel
from heredity.engine.programs.messages import CHANNEL_VARIABLE
from heredity.errors import ConfigError

EXIT_STOP = 3
"""The trial should stop."""


@click.command()
@click.argument("value", type=float)
@click.option(
    "--step", type=int, help="The training steps so far; by default one more than at the last report."
)
@click.option(
    "--metric", "metrics", type=(str, float), multiple=True, help="A name and a value of something else."
)
def report(value: float, step: int | None, metrics: tuple[tuple[str, float], ...]) -> None:
    """Report a value, from inside a trial's program.

    Prints "go on" or "stop", and exits with 0 or 3: after "stop" the program may save and should end.
    """
    number = os.environ.get(CHANNEL_VARIABLE)
    if number is None:
        raise ConfigError(
            "report: this is no trial's program.", hint="Use it in the `command:` of an experiment file."
        )
    event: dict[str, Json] = {"event": "TrialReported", "value": value, "metrics": dict(metrics)}
    if step is not None:
        event["step"] = step
    must_stop = Channel(number).send(event)
    click.echo("stop" if must_stop else "go on")
    sys.exit(EXIT_STOP if must_stop else 0)
