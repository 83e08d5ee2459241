"""`heredity doctor`: whether a place is fit to hold a store, and what should be changed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

import click
from rich.text import Text

from heredity.cli.main import EXIT_FAILED
from heredity.cli.output import add_row, console, json_option, print_json, table
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.doctor import Finding, Grade, Report, Verdict, examine
from heredity.doctor.meeting import Limits, host, join

_GRADE_STYLES = {Grade.GOOD: "green", Grade.NOTE: "cyan", Grade.POOR: "yellow", Grade.UNFIT: "bold red"}
_VERDICT_STYLES = {
    Verdict.FIT: "bold green",
    Verdict.REMARKS: "bold yellow",
    Verdict.UNFIT: "bold red",
}


@click.command(
    epilog=examples(
        "heredity doctor /mnt/heredity",
        "heredity doctor /mnt/heredity --machines 2",
        "heredity doctor s3://bucket/prefix --json",
    )
)
@click.argument("url")
@click.option(
    "--machines",
    type=click.IntRange(min=2),
    help="Examine from so many machines at once; prints the command for the others.",
)
@click.option(
    "--join", "code", metavar="CODE", help="Take part in an examination that waits for this machine."
)
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    help="Seconds to wait for the other machines.",
)
@json_option
@quiet_option
def doctor(url: str, *, machines: int | None, code: str | None, wait_seconds: float, as_json: bool) -> None:
    """Is this place fit to hold a store, and what should be changed?

    URL is a directory, or a place in an object store; it need not be a store, and may be one in use. All
    writing happens in a folder of its own, which is removed in the end. Exits with 1 if the place is
    unfit.
    """
    if machines is not None and code is not None:
        raise click.UsageError(
            "--machines begins an examination and --join takes part in one; give one of them."
        )
    signal.signal(signal.SIGTERM, _interrupt)
    limits = Limits(arrival_seconds=wait_seconds)
    tell = _teller()
    if code is not None:
        number = join(url, code=code, limits=limits, tell=tell)
        _say(f"done, as machine {number}; the first machine prints what was found")
        return
    if machines is not None:
        report = host(url, num_machines=machines, limits=limits, announce=_announce, tell=tell)
    else:
        report = examine(url, tell=tell)
    if as_json:
        print_json(report.to_json())
    else:
        _show(report)
    sys.exit(EXIT_FAILED if report.verdict is Verdict.UNFIT else 0)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's interface
    # As Ctrl-C does: the folder is removed on the way out.
    raise KeyboardInterrupt


def _say(text: str) -> None:
    click.echo(text, err=True)


def _teller() -> Callable[[str], None]:
    """Where somebody watches, what is being examined: a file server that hangs does so without a word."""
    if is_quiet() or not sys.stderr.isatty():
        return lambda _what: None
    return lambda what: click.echo(f"\r\033[K{what} …\r", nl=False, err=True)


def _announce(url: str, code: str, num_others: int) -> None:
    whom = "the other machine" if num_others == 1 else f"each of the other {num_others} machines"
    command = f"heredity doctor {url} --join {code}"
    _say(f"On {whom}, run:\n\n    {command}\n\n(with that machine's own path to the place).")


def _show(report: Report) -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    has_machines = any(finding.machine for finding in report.findings)
    columns = ["grade", *(["machine~"] if has_machines else []), "examined", "found~"]
    rows = table(*columns)
    # The worst last, beside the verdict.
    for finding in sorted(report.findings, key=lambda each: each.grade.badness):
        if is_quiet() and finding.grade is Grade.GOOD:
            continue
        machine = [finding.machine or "all"] if has_machines else []
        add_row(rows, _grade(finding), *machine, finding.name, _text(finding))
    out = console()
    if rows.row_count:
        out.print(rows)
    if report.left_out:
        names = ", ".join(report.left_out)
        out.print(Text(f"not examined, since the place cannot be written: {names}", style="dim"))
    counts = {grade: sum(f.grade is grade for f in report.findings) for grade in Grade}
    summary = ", ".join(f"{count} {grade}" for grade, count in counts.items() if count)
    verdict = Text(report.verdict.value, style=_VERDICT_STYLES[report.verdict])
    out.print(Text.assemble(f"{report.examined}: ", verdict, f" ({summary})"))


def _grade(finding: Finding) -> Text:
    return Text(finding.grade.value, style=_GRADE_STYLES[finding.grade])


def _text(finding: Finding) -> Text:
    text = Text(finding.seen)
    if finding.expected:
        text.append(f"\nexpected: {finding.expected}", style="dim")
    if finding.change and finding.grade is Grade.GOOD:
        text.append(f"\nhint: {finding.change}", style="dim")
    elif finding.change:
        text.append(f"\nto do: {finding.change}", style="bold")
    return text
