"""The reference of the command line, made of what each command says of itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from heredity.cli.main import heredity

_HEAD = """\
<!-- Written by `make reference`; change the commands in `src/heredity/cli` instead. -->

# Commands

`heredity COMMAND --help` says the same on the terminal. What they print, and how to have it as JSON, is on
[another page](../command-line.md).
"""


def commands_page() -> str:
    """The page."""
    group = click.Context(heredity, info_name="heredity")
    parts = [_HEAD]
    for name in heredity.list_commands(group):
        command = heredity.get_command(group, name)
        assert command is not None  # noqa: S101  # it was listed
        parts.append(_section(click.Context(command, parent=group, info_name=name)))
    return "\n".join(parts)


def _section(context: click.Context) -> str:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [
        f"## {command.name}",
        "",
        "```text",
        usage,
        "```",
        "",
        *_prose(command.help or ""),
        *_prose(command.epilog or ""),
    ]
    rows = [*_rows(context)]
    if rows:
        lines += ["", "| Option | |", "|---|---|", *rows]
    return "\n".join([*lines, ""])


def _prose(text: str) -> Iterator[str]:
    """Click's marks for a paragraph that keeps its lines become a block of the shell."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if not paragraph.startswith("\b\n"):
            yield from (paragraph, "")
            continue
        title, _, lines = paragraph.removeprefix("\b\n").partition("\n")
        yield from (title, "", "```bash", inspect.cleandoc(lines), "```", "")


def _rows(context: click.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and "--help" not in record[0]:
            option, text = (" ".join(part.split()).replace("|", "\\|") for part in record)
            yield f"| `{option}` | {text} |"
