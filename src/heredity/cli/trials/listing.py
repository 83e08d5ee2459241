"""The trials of an experiment as a list: `heredity ls EXPERIMENT`, with filters, and while it grows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click
from rich.console import Group, RenderableType
from rich.text import Text

from heredity.cli.completing.names import NAME
from heredity.cli.output import console, print_json
from heredity.cli.places import ExperimentPlace
from heredity.cli.shell.options import is_quiet
from heredity.cli.trials.choosing import ORDERS, Wanted, chosen
from heredity.cli.trials.columns import Sheet, as_table, fitting, print_plain, trial_sheet
from heredity.cli.trials.following import follow_lines, follow_screen
from heredity.cli.trials.live import counts_text, line_printer
from heredity.cli.values import trial_to_json
from heredity.dashboard.reading.best import best_trials
from heredity.engine.directory import JOURNAL_NAME
from heredity.errors import ConfigError
from heredity.experiment import ExperimentState, TrialRecord, TrialState
from heredity.ids import TrialId
from heredity.journal import without_garbage_collection

TERMINAL_ROWS = 50
"""More than that is no answer to a look, unless it is asked for; a program gets all."""

Command = TypeVar("Command", bound=Callable[..., object])

_OPTIONS = [
    click.option(
        "--state",
        multiple=True,
        type=click.Choice([state.value for state in TrialState]),
        help="Only trials in this state; may be given several times.",
    ),
    click.option("--parent", metavar="TRIAL", type=NAME, help="Only the children of a trial."),
    click.option("--founders", is_flag=True, help="Only trials without parents."),
    click.option("--at-least", type=float, metavar="SCORE", help="Only trials with such a score or more."),
    click.option("--at-most", type=float, metavar="SCORE", help="Only trials with such a score or less."),
    click.option(
        "--front", is_flag=True, help="Only trials that no other one dominates; of one score, the best."
    ),
    click.option("--best", type=click.IntRange(min=1), metavar="N", help="The N best, the best one first."),
    click.option("--last", type=click.IntRange(min=1), metavar="N", help="The N proposed last."),
    click.option("--all", "all_trials", is_flag=True, help=f"On a terminal too, more than {TERMINAL_ROWS}."),
    click.option("--sort", type=click.Choice(ORDERS), default="number", help="The order of the rows."),
]


def listing_options(command: Command) -> Command:
    """Give a command the options that `Wanted` holds."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def list_trials(place: ExperimentPlace, wanted: Wanted, *, pager: bool) -> None:
    """Print the trials that are asked for.

    Raises:
        ConfigError: The parent is no trial of this experiment.
    """
    screen = console()
    marked = best_trials(place.state)
    records = chosen(place.state, wanted, marked=marked)
    if not screen.is_terminal:
        with without_garbage_collection():
            print_plain(screen, trial_sheet(place.state, records, marked=marked))
        return
    shown = records if pager else _shortened(records, wanted)
    page = _page(place.state, shown, num_fitting=len(records), marked=marked, width=screen.width)
    if pager:
        with screen.pager(styles=True):
            screen.print(page)
    else:
        screen.print(page)


def print_trials_json(place: ExperimentPlace, wanted: Wanted) -> None:
    """The same for a program.

    Raises:
        ConfigError: The parent is no trial of this experiment.
    """
    marked = best_trials(place.state)
    records = chosen(place.state, wanted, marked=marked)
    print_json([{**trial_to_json(record), "on_front": record.id in marked} for record in records])


def follow_trials(place: ExperimentPlace, wanted: Wanted) -> ExperimentState:
    """Show the trials until the experiment is over; to a program, a line for each thing that happens."""
    screen, journal = console(), place.directory / JOURNAL_NAME
    if not screen.is_terminal:
        return follow_lines(journal, line_printer(screen))

    def render(state: ExperimentState) -> RenderableType:
        marked = best_trials(state)
        records = chosen(state, wanted, marked=marked)
        num_rows = max(3, screen.height - 8)  # what does not fit a screen cannot be shown anew in place
        shown = records[:num_rows] if wanted.best or wanted.sort != "number" else records[-num_rows:]
        return _page(state, shown, num_fitting=len(records), marked=marked, width=screen.width)

    return follow_screen(screen, journal, render)


def refuse_for_store(wanted: Wanted, *, follow: bool) -> None:
    """Options that ask for trials mean nothing to a store, and are not passed over in silence.

    Raises:
        ConfigError: One was given.
    """
    if follow or wanted != Wanted():
        raise ConfigError(
            "The options that choose trials are for an experiment's directory; this is a store.",
            hint="Of a store, --prefix chooses.",
        )


def _shortened(records: list[TrialRecord], wanted: Wanted) -> list[TrialRecord]:
    if wanted.all_trials or wanted.last or wanted.best or len(records) <= TERMINAL_ROWS:
        return records
    return records[-TERMINAL_ROWS:] if wanted.sort == "number" else records[:TERMINAL_ROWS]


def _page(
    state: ExperimentState,
    records: list[TrialRecord],
    *,
    num_fitting: int,
    marked: frozenset[TrialId],
    width: int,
) -> Group:
    sheet, hidden = fitting(trial_sheet(state, records, marked=marked), width)
    head = Text(f"{state.rules.experiment}: ", style="bold") + counts_text(state)
    return Group(head, as_table(sheet), *_notes(state, sheet, hidden, num_left=num_fitting - len(records)))


def _notes(state: ExperimentState, sheet: Sheet, hidden: list[str], *, num_left: int) -> list[Text]:
    notes = []
    if num_left:
        notes.append(f"{num_left:,} more: --all, --last N, --best N, --pager, or a filter.")
    if any("* " in str(cell) for row in sheet.rows for cell in row):
        is_one = not state.rules.further_objectives
        notes.append("* the best" if is_one else "* no other trial is as good in all and better in one")
    if hidden:
        notes.append(f"No room for: {', '.join(hidden)}. `heredity show` has all, and so has --json.")
    return [] if is_quiet() else [Text(note, style="dim") for note in notes]
