"""What every command has: examples in its help, and `--quiet`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

_QUIET = "heredity.quiet"

Command = TypeVar("Command", bound=Callable[..., object])


def examples(*lines: str) -> str:
    """The end of a command's help: lines that can be typed as they stand."""
    # click keeps the lines of a paragraph that begins with this mark.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's interface
    ctx.meta[_QUIET] = value


def quiet_option(command: Command) -> Command:
    """Give a command the option `--quiet`, which is asked for by `is_quiet`."""
    return click.option(
        *("-q", "--quiet"),
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="No progress, no advice, no confirmation: only what was asked for, and errors.",
    )(command)


def is_quiet() -> bool:
    """Whether the command that runs was told to be quiet."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))
