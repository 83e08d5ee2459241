"""What is said of a mistake: what is wrong, then what to type instead."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

import click

from heredity.errors import HeredityError


def explain(error: HeredityError) -> None:
    """Print an error of ours, with its hint."""
    _print(error.message, error.hint)


def explain_usage(error: click.ClickException) -> None:
    """Print what click found wrong with a command's arguments, and where to read on."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    context = getattr(error, "ctx", None)
    hint = "" if context is None else f"See `{context.command_path} --help`."
    _print(error.format_message(), hint)


def nearest(name: str, known: Iterable[str], *, num: int = 1) -> list[str]:
    """The names that may have been meant."""
    return difflib.get_close_matches(name, list(known), n=num, cutoff=0.5)


def no_such_command(name: str, known: Iterable[str], *, ctx: click.Context) -> click.UsageError:
    """The error for a command that does not exist."""
    near = nearest(name, known)
    advice = f" Did you mean `heredity {near[0]}`?" if near else ""
    return click.UsageError(f"There is no command {name!r}.{advice}", ctx=ctx)


def _print(message: str, hint: str) -> None:
    # https://no-color.org: any value but the empty one counts. Without it, click colours on terminals only.
    color = False if os.environ.get("NO_COLOR") else None
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True, color=color)
    if hint:
        click.echo(f"{click.style('hint:', fg='cyan', bold=True)}  {hint}", err=True, color=color)
