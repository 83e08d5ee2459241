"""Results as Parquet files, written whole when the experiment is over: trials, reports and lineage."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heredity.encoding import encode
from heredity.experiment import Report
from heredity.ids import TrialId
from heredity.mirrors.base import Mirror, MirrorSettings, needing, place_of
from heredity.mirrors.facts import (
    ExperimentFacts,
    Scalar,
    TrialFacts,
    lineage_rows,
    report_rows,
    trial_row,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetFiles(MirrorSettings):
    """The tables of `CsvFiles`, with types. A Parquet file cannot grow: each is written anew at every end."""

    directory: Path | str | None = None
    """By default ``mirrors/parquet`` below the experiment's."""

    @property
    def kind(self) -> str:
        """``parquet``."""
        return "parquet"

    def open(self, directory: Path, experiment: ExperimentFacts) -> Mirror:  # noqa: ARG002  # it needs no rules
        """Make the folder.

        Raises:
            ConfigError: pyarrow is not installed, or the folder cannot be made.
        """
        with needing("parquet"):
            import pyarrow.parquet  # noqa: F401, PLC0415  # optional; here so that its lack is told at once
        return _ParquetMirror(place_of(self.directory, directory, "parquet"))


class _ParquetMirror(Mirror):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trials: list[TrialFacts] = []

    @property
    def place(self) -> str:
        return str(self._folder)

    def known(self) -> set[TrialId]:
        return set()  # all trials are written again

    def report(self, trial: TrialFacts, report: Report) -> None:
        """Only whole trials are written."""

    def write(self, trial: TrialFacts) -> None:
        self._trials.append(trial)

    def flush(self) -> None:
        """Nothing before the end: a Parquet file is written whole."""

    def close(self) -> None:
        trials = sorted(self._trials, key=lambda trial: trial.number)
        _write(self._folder / "reports.parquet", [row for trial in trials for row in report_rows(trial)])
        _write(self._folder / "lineage.parquet", [row for trial in trials for row in lineage_rows(trial)])
        _write(self._folder / "trials.parquet", [trial_row(trial) for trial in trials])


def _write(path: Path, rows: Sequence[Mapping[str, Scalar]]) -> None:
    import pyarrow as pa  # noqa: PLC0415  # optional
    import pyarrow.parquet as pq  # noqa: PLC0415  # optional

    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.table({name: pa.array(_of_one_type([row.get(name) for row in rows])) for name in names})
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    pq.write_table(table, aside)
    aside.replace(path)


MAX_INTEGER = 2**63 - 1


def _of_one_type(values: Sequence[Scalar]) -> list[Scalar]:
    """A column has one type: numbers become floats if one of them is, and what else is mixed becomes JSON."""
    kinds = {type(value) for value in values} - {type(None)}
    too_large = any(type(value) is int and abs(value) > MAX_INTEGER for value in values)
    if kinds == {int, float} or (kinds == {int} and too_large):
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1:
        return list(values)
    return [None if value is None else encode(value).decode() for value in values]
