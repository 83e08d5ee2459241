"""The table of trials: what stands in each column, and which columns fit the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heredity.cli.output import (
    add_row,
    keys_text,
    number_text,
    seconds_text,
    size_text,
    state_text,
    table,
    verdict_text,
)
from heredity.encoding import Json
from heredity.experiment import ExperimentState, TrialRecord, TrialState, headline
from heredity.ids import TrialId

NOTHING = "–"
MAX_CELL = 36
"""Characters of a text that is there to remind, not to be read whole; `heredity show` has all of it."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One column: the lower its rank, the longer it stays when the terminal is narrow."""

    title: str
    rank: int
    cell: Callable[[TrialRecord], Text | str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The cells of a table, before anything is decided about its width."""

    titles: tuple[str, ...]
    ranks: tuple[int, ...]
    rows: tuple[tuple[Text | str, ...], ...]

    def kept(self, columns: Sequence[int]) -> Sheet:
        """Some of the columns."""
        return Sheet(
            tuple(self.titles[i] for i in columns),
            tuple(self.ranks[i] for i in columns),
            tuple(tuple(row[i] for i in columns) for row in self.rows),
        )

    def widths(self) -> list[int]:
        """How wide each column wants to be."""
        titles = [title.rstrip(">~") for title in self.titles]
        columns = zip(titles, *self.rows, strict=True) if self.rows else ((title,) for title in titles)
        return [max(map(_width, column)) for column in columns]


def trial_sheet(
    state: ExperimentState, records: Iterable[TrialRecord], *, marked: frozenset[TrialId]
) -> Sheet:
    """One row a trial; columns in which nothing stands are left out."""
    columns = _columns(state, marked)
    rows = tuple(tuple(column.cell(record) for column in columns) for record in records)
    sheet = Sheet(tuple(c.title for c in columns), tuple(c.rank for c in columns), rows)
    used = [
        i for i, rank in enumerate(sheet.ranks) if rank < 2 or any(_plain(row[i]) != NOTHING for row in rows)
    ]
    return sheet.kept(used)


def fitting(sheet: Sheet, width: int) -> tuple[Sheet, list[str]]:
    """Leave columns out until the rest fits; the trial's name, its state and its score always stay.

    Returns:
        What is left, and the names of the columns that were left out.
    """
    hidden: list[str] = []
    while _table_width(sheet) > width and max(sheet.ranks) > 2:
        least = sheet.ranks.index(max(sheet.ranks))
        hidden.append(sheet.titles[least].rstrip(">~"))
        sheet = sheet.kept([i for i in range(len(sheet.titles)) if i != least])
    return sheet, hidden[::-1]


def _table_width(sheet: Sheet) -> int:
    """What rich's table will take: a blank on each side of a column, and a line around it."""
    return sum(sheet.widths()) + 3 * len(sheet.titles) + 1


def as_table(sheet: Sheet) -> Table:
    """For a terminal."""
    result = table(*sheet.titles)
    for column, width in zip(result.columns, sheet.widths(), strict=True):
        column.min_width = min(width, column.min_width or width)
    for row in sheet.rows:
        add_row(result, *row)
    return result


def print_plain(screen: Console, sheet: Sheet) -> None:
    """For a program, and for many rows: laying a table out would take a minute for a hundred thousand."""
    plain = Sheet(sheet.titles, sheet.ranks, tuple(tuple(map(_plain, row)) for row in sheet.rows))
    widths = plain.widths()
    sides = (">" if title.endswith(">") else "<" for title in sheet.titles)
    line = "  ".join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
    head = [title.rstrip(">~") for title in sheet.titles], ["─" * width for width in widths]
    screen.file.writelines(f"{line.format(*cells).rstrip()}\n" for cells in (*head, *plain.rows))


def _columns(state: ExperimentState, marked: frozenset[TrialId]) -> list[_Column]:
    further = [
        _Column(f"{name}>", 2, lambda record, name=name: _metric(record, name))  # type: ignore[misc]  # bound now
        for name in state.rules.further_objectives
    ]
    return [
        _Column("trial~", 0, lambda record: record.id),
        _Column("parents~", 4, lambda record: keys_text(record.parents)),
        _Column("state", 1, lambda record: state_text(record.state.value)),
        _Column("inherited", 3, lambda record: verdict_text(record.inheritance)),
        _Column(f"{state.rules.objective}>", 1, lambda record: _score(record, is_marked=record.id in marked)),
        *further,
        _Column("steps>", 5, _steps),
        _Column("in all>", 7, _total),
        _Column("time>", 6, lambda record: seconds_text(_seconds_so_far(record))),
        _Column("cpu>", 10, lambda record: _resource(record, "cpu_seconds", seconds_text)),
        _Column("memory>", 11, lambda record: _resource(record, "peak_memory_bytes", _bytes_text)),
        _Column("host", 12, lambda record: _clipped(record.resources.get("host"))),
        _Column("attempts>", 9, lambda record: str(record.attempt) if record.attempt > 1 else NOTHING),
        _Column("strategy's word", 8, lambda record: _clipped(facts_text(record.info))),
        _Column("why", 8, _why),
    ]


def _plain(cell: Text | str) -> str:
    return cell if isinstance(cell, str) else cell.plain


def _width(cell: Text | str) -> int:
    text = _plain(cell)
    return len(text) if text.isascii() else cell_len(text)  # which looks for letters of double width


def _score(record: TrialRecord, *, is_marked: bool) -> Text | str:
    """The score; of a trial that runs, its last report, with a sign that it is not the end."""
    if record.score is None and record.state is TrialState.RUNNING and record.reports:
        return Text(f"{number_text(record.reports[-1].value)} …", style="dim")
    if is_marked:
        return Text(f"* {number_text(record.score)}", style="bold green")
    return number_text(record.score)


def _metric(record: TrialRecord, name: str) -> str:
    value = record.metrics.get(name)
    return number_text(value) if isinstance(value, int | float) else NOTHING


def _steps(record: TrialRecord) -> str:
    """Such as ``27``, ``9/27`` on the way to a budget; with a plus where they go on from a parent's."""
    steps = record.steps
    if not steps and record.max_steps is None:
        return NOTHING
    plus = "+" if record.continues else ""
    # A budget counts from where the line began; own steps count from where the trial did.
    budget = None if record.max_steps is None else record.max_steps - record.first_step
    return f"{plus}{steps}" if budget is None or budget == steps else f"{plus}{steps}/{budget}"


def _total(record: TrialRecord) -> str:
    return str(record.cumulative_steps) if record.ancestor_steps else NOTHING


def _seconds_so_far(record: TrialRecord) -> float | None:
    if record.state is TrialState.RUNNING and record.started_at is not None:
        return time.time() - record.started_at
    return record.seconds


def _resource(record: TrialRecord, name: str, text: Callable[[float | None], str]) -> str:
    value = record.resources.get(name)
    return text(float(value)) if isinstance(value, int | float) else NOTHING


def _bytes_text(value: float | None) -> str:
    return NOTHING if value is None else size_text(int(value))


def _why(record: TrialRecord) -> str:
    if record.error:
        return _clipped(headline(record.error))
    return _clipped(record.stop_reason)


def facts_text(facts: object) -> str:
    """Names and values beside each other; a dash where there are none."""
    if not isinstance(facts, dict):
        return str(facts)
    return ", ".join(f"{name}={value}" for name, value in facts.items()) or NOTHING


def _clipped(value: Json) -> str:
    text = " ".join(str(value).split()) if value else NOTHING
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"
