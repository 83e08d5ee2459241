"""Results as CSV files that grow: ``trials.csv``, ``reports.csv`` and ``lineage.csv``."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heredity.experiment import Report
from heredity.ids import TrialId
from heredity.mirrors.base import Mirror, MirrorSettings, place_of
from heredity.mirrors.facts import (
    ExperimentFacts,
    Scalar,
    TrialFacts,
    lineage_rows,
    report_rows,
    trial_row,
)

MAX_HELD_BACK = 500
"""Trials that are written at once, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFiles(MirrorSettings):
    """Three files: a row a trial, a row a report, a row for each parent of a child."""

    directory: Path | str | None = None
    """By default ``mirrors/csv`` below the experiment's."""

    @property
    def kind(self) -> str:
        """``csv``."""
        return "csv"

    def open(self, directory: Path, experiment: ExperimentFacts) -> Mirror:  # noqa: ARG002  # it needs no rules
        """Open the files, and drop rows of trials that an end in the middle has left without their own."""
        return _CsvMirror(place_of(self.directory, directory, "csv"))


class _CsvMirror(Mirror):
    """A trial counts once its row is in ``trials.csv``, which is written last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trials = _Table(folder / "trials.csv")
        self._reports = _Table(folder / "reports.csv")
        self._lineage = _Table(folder / "lineage.csv")
        self._known = {TrialId(str(row["trial"])) for row in self._trials.rows()}
        self._held_back: list[TrialFacts] = []
        self._may_have_halves = True
        self._forget_halves()

    @property
    def place(self) -> str:
        return str(self._folder)

    def known(self) -> set[TrialId]:
        return set(self._known)

    def report(self, trial: TrialFacts, report: Report) -> None:
        """Only whole trials are written: a row cannot be taken back if its attempt is lost."""

    def write(self, trial: TrialFacts) -> None:
        self._held_back.append(trial)
        if len(self._held_back) >= MAX_HELD_BACK:
            self.flush()

    def flush(self) -> None:
        if self._may_have_halves:
            self._forget_halves()
        self._may_have_halves = True
        self._reports.append([row for trial in self._held_back for row in report_rows(trial)])
        self._lineage.append([row for trial in self._held_back for row in lineage_rows(trial)])
        self._trials.append([trial_row(trial) for trial in self._held_back])
        self._known |= {trial.id for trial in self._held_back}
        self._held_back = []
        self._may_have_halves = False

    def close(self) -> None:
        """Nothing is held open."""

    def _forget_halves(self) -> None:
        """Drop what belongs to trials whose own row was never written."""
        self._trials.keep(lambda row: row["trial"] in self._known)
        self._reports.keep(lambda row: row["trial"] in self._known)
        self._lineage.keep(lambda row: row["child"] in self._known)
        self._may_have_halves = False


class _Table:
    """One file, whose columns grow with what its rows bring along."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._columns: list[str] = []

    def rows(self) -> Iterable[Mapping[str, str]]:
        """The whole rows that are there."""
        if not self._path.exists():
            return
        # A row is one line (see _cell), so that what was cut off in the middle is the line without an end.
        lines = self._path.read_text("utf-8").split("\n")[:-1]
        reader = csv.DictReader(lines)
        self._columns = list(reader.fieldnames or [])
        yield from reader

    def keep(self, is_kept: Callable[[Mapping[str, str]], bool]) -> None:
        """Drop the other rows, and a last line that was cut in the middle."""
        if not self._path.exists():
            return
        is_cut = not self._path.read_bytes().endswith(b"\n")
        rows = list(self.rows())
        kept = [row for row in rows if is_kept(row)]
        if is_cut or len(kept) < len(rows):
            self._rewrite(kept)

    def append(self, rows: Sequence[Mapping[str, Scalar]]) -> None:
        """Add rows, and columns if they bring some; returns when all is with the operating system."""
        if not rows:
            return
        columns = list(dict.fromkeys([*self._columns, *(name for row in rows for name in row)]))
        if columns != self._columns:
            there = list(self.rows())
            self._columns = columns
            self._rewrite(there)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(_text(rows, columns))

    def _rewrite(self, rows: Sequence[Mapping[str, str]]) -> None:
        aside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        head = _text([dict(zip(self._columns, self._columns, strict=True))], self._columns)
        aside.write_text(head + _text(rows, self._columns), "utf-8")
        aside.replace(self._path)


def _text(rows: Iterable[Mapping[str, Scalar]], columns: Sequence[str]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return buffer.getvalue()


def _cell(value: Scalar) -> Scalar:
    """Truth values as JSON writes them; line ends escaped, so that a row is a line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.replace("\r", "\\r").replace("\n", "\\n")
    return value
