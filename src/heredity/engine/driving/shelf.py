"""The records of an experiment's trials; those that have ended lie in a temporary database, not in memory."""

from __future__ import annotations

import heapq
import logging
import os
import pickle
import sqlite3
import tempfile
import weakref
from collections.abc import ItemsView, Iterator, MutableMapping, ValuesView
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from heredity.experiment import TrialRecord
from heredity.ids import TrialId

LEAST_OPEN = 256
"""So many records stay in memory before those that have ended are put away; among them are most parents."""

_log = logging.getLogger("heredity.engine")

_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = MEMORY;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -500;
CREATE TABLE ended (number INTEGER PRIMARY KEY, trial TEXT NOT NULL UNIQUE, record BLOB NOT NULL);
"""
"""Nobody else sees the database, and the journal is what is kept: so it waits for no disk."""


class Shelf(MutableMapping[TrialId, TrialRecord]):
    """All records, in the order of their proposal; an experiment of any length takes the same memory.

    A record that has ended and was put away comes back as a new object: whoever changes it, puts it back. The
    journal has all that is here, so that the database need not outlive this process: its file, in the folder
    for temporary files, has no name. A copy, and what `pickle` makes of it, is a plain dictionary.

    Args:
        least_open: How many records there are before any is put away.

    Example:
        >>> from heredity.engine.driving.shelf import Shelf
        >>> from heredity.experiment import TrialRecord
        >>> shelf = Shelf()
        >>> shelf["a"] = TrialRecord("a", 1, {"width": 8})
        >>> shelf["a"].parameters, list(shelf)
        ({'width': 8}, ['a'])
    """

    def __init__(self, *, least_open: int = LEAST_OPEN) -> None:
        self._open: dict[TrialId, TrialRecord] = {}
        self._least_open = self._most_open = least_open
        self._num_ended = 0
        self._database = _nameless_database()
        weakref.finalize(self, self._database.close)

    def __getitem__(self, trial: TrialId) -> TrialRecord:
        """The record of a trial.

        Raises:
            KeyError: There is none.
        """
        record = self._open.get(trial)
        if record is not None:
            return record
        packed = self._away("record", trial)
        if packed is None:
            raise KeyError(trial)
        return _unpacked(packed)

    def __setitem__(self, trial: TrialId, record: TrialRecord) -> None:
        """Keep a record, a new one or one that was changed."""
        self._take_down(trial)
        self._open[trial] = record
        if len(self._open) > self._most_open:
            self._put_away()

    def __delitem__(self, trial: TrialId) -> None:
        """Forget a record.

        Raises:
            KeyError: There is none.
        """
        if not self._take_down(trial):
            del self._open[trial]

    def __contains__(self, trial: object) -> bool:
        return trial in self._open or self._away("number", trial) is not None

    def __len__(self) -> int:
        return len(self._open) + self._num_ended

    def __iter__(self) -> Iterator[TrialId]:
        return (record.id for record in self._in_order())

    def __reversed__(self) -> Iterator[TrialId]:
        return reversed(list(self))

    def values(self) -> ValuesView[TrialRecord]:
        """All records, read from the database in one go."""
        return _Records(self)

    def items(self) -> ItemsView[TrialId, TrialRecord]:
        """All records with their names, read from the database in one go."""
        return _NamedRecords(self)

    def __reduce__(self) -> tuple[type[dict[TrialId, TrialRecord]], tuple[dict[TrialId, TrialRecord]]]:
        return dict, (dict(self.items()),)

    def __repr__(self) -> str:
        return f"<{len(self)} trials>"

    def _in_order(self) -> Iterator[TrialRecord]:
        opened, num_ended = sorted(self._open.values(), key=_number), self._num_ended
        with closing(self._database.execute("SELECT record FROM ended ORDER BY number")) as rows:
            for record in heapq.merge((_unpacked(packed) for (packed,) in rows), opened, key=_number):
                if self._num_ended != num_ended:
                    raise RuntimeError("trials were put away while all of them were gone through")
                yield record

    def _put_away(self) -> None:
        """Put those that have ended into the database, all at once; where it has no room, they stay here."""
        ended = [record for record in self._open.values() if record.state.is_end]
        rows = [(record.number, record.id, pickle.dumps(record)) for record in ended]
        try:
            with self._database:
                self._database.execute("BEGIN")
                self._database.executemany("INSERT INTO ended VALUES (?, ?, ?)", rows)
        except sqlite3.OperationalError as error:
            _warn(error)
        else:
            for record in ended:
                del self._open[record.id]
            self._num_ended += len(ended)
        self._most_open = max(self._least_open, 2 * len(self._open))

    def _take_down(self, trial: TrialId) -> bool:
        """Take a record out of the database; give whether it was there."""
        if not self._num_ended or trial in self._open:
            return False
        num = self._database.execute("DELETE FROM ended WHERE trial = ?", (trial,)).rowcount
        self._num_ended -= num
        return num > 0

    def _away(self, column: Literal["record", "number"], trial: object) -> Any:  # noqa: ANN401  # as stored
        """What the database has of a trial; None if it does not have it."""
        query = f"SELECT {column} FROM ended WHERE trial = ?"  # noqa: S608  # one of two columns
        row = self._database.execute(query, (trial,)).fetchone() if isinstance(trial, str) else None
        return None if row is None else row[0]


class _Records(ValuesView[TrialRecord]):
    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self._shelf = shelf

    def __iter__(self) -> Iterator[TrialRecord]:
        return self._shelf._in_order()  # noqa: SLF001  # a view of it


class _NamedRecords(ItemsView[TrialId, TrialRecord]):
    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self._shelf = shelf

    def __iter__(self) -> Iterator[tuple[TrialId, TrialRecord]]:
        return ((record.id, record) for record in self._shelf.values())


def _nameless_database() -> sqlite3.Connection:
    """A database in a file that is gone when it is closed, however this process ends.

    SQLite's own temporary databases write when their cache is full, in the middle of whatever is asked, and
    where there is no room then, they can be read no more. A file is written when a transaction ends.
    """
    try:
        handle, path = tempfile.mkstemp(prefix="heredity-trials-", suffix=".sqlite")
    except OSError as error:
        return _database_in_memory(error)
    os.close(handle)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        database.executescript(_SCHEMA)
    except sqlite3.OperationalError as error:
        return _database_in_memory(error)
    finally:
        Path(path).unlink()
    return database


def _database_in_memory(error: Exception) -> sqlite3.Connection:
    _warn(error)
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database.executescript(_SCHEMA)
    return database


def _warn(error: Exception) -> None:
    _log.warning("the folder for temporary files: %s; ended trials stay in memory", error)


def _number(record: TrialRecord) -> int:
    return record.number


def _unpacked(packed: bytes) -> TrialRecord:
    record: TrialRecord = pickle.loads(packed)  # noqa: S301  # this process has written it
    return record
