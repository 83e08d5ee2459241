"""What a page is told: an experiment that grows, or a store; at first all, then what has changed."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path
from typing import Protocol

from heredity.dashboard.pictures.layout import Layout, layout_of
from heredity.dashboard.reading.best import best_trials
from heredity.dashboard.reading.details import Detail, checkpoint_detail, trial_detail
from heredity.dashboard.reading.growing import GrowingJournal
from heredity.dashboard.reading.plans import entry_of
from heredity.dashboard.reading.rows import Row, experiment_facts, finite, points_each, short_facts, trial_row
from heredity.dashboard.reading.storage import storage_facts
from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialState
from heredity.experiment.lineage import all_cumulative_steps
from heredity.ids import TrialId
from heredity.store import Checkpoint, Store

LOOK_SECONDS = 0.5
"""The journal is not read more often, however many pages ask."""

STORE_SECONDS = 5.0
"""A store is not listed more often."""


class Source(Protocol):
    """Facts for pages; safe to use from several threads."""

    def facts(self, since: int = 0, *, session: str = "") -> Row:
        """All facts, or of the rows only those that have changed since that cursor of `session`."""
        ...

    def detail(self, name: str, *, log_bytes: int) -> Detail:
        """All that is known of one trial or checkpoint.

        Raises:
            ConfigError: There is none of this name.
        """
        ...

    def storage(self) -> Row:
        """What the checkpoints take."""
        ...


class _Changes:
    """Rows, each with the number of the look at which it changed last."""

    def __init__(self) -> None:
        self._session = secrets.token_hex(8)
        self._cursor = 0
        self._rows: dict[str, tuple[int, Row]] = {}
        self._layout: tuple[int, Layout] | None = None

    def take(self, rows: dict[str, Row], layout: Layout | None) -> None:
        """Note rows, some of which may have changed, and a layout, if it may have."""
        self._cursor += 1
        for name, row in rows.items():
            known = self._rows.get(name)
            if known is None or known[1] != row:
                self._rows[name] = (self._cursor, row)
        if layout is not None and (self._layout is None or self._layout[1] != layout):
            self._layout = (self._cursor, layout)

    def forget(self, names: set[str]) -> None:
        """Rows are gone: every page begins anew."""
        if names:
            self._session = secrets.token_hex(8)
            self._rows = {name: row for name, row in self._rows.items() if name not in names}

    def since(self, cursor: int, session: str) -> Row:
        """What a page that was told all up to a cursor does not know."""
        if session != self._session:
            cursor = 0
        changed = [row for at, row in self._rows.values() if at > cursor]
        facts: Row = {
            "session": self._session,
            "cursor": self._cursor,
            "is_whole": cursor == 0,
            "rows": changed,
        }
        if self._layout is not None and self._layout[0] > cursor:
            layout = self._layout[1]
            facts["layout"] = [list(layout.generations), list(layout.rows), list(layout.packed)]
        return facts


class ExperimentSource:
    """An experiment's directory.

    Args:
        directory: With its journal and its logs.
        store: Where its checkpoints lie; a text says why it cannot be opened.

    Raises:
        OSError: There is no journal.
        CorruptJournal: It does not begin as a journal does.
    """

    def __init__(self, directory: Path, *, store: Store | str) -> None:
        self._directory = directory
        self._store = store
        self._lock = threading.Lock()
        self._journal = GrowingJournal(directory / "journal.jsonl")
        self._changes = _Changes()
        self._looked_at = float("-inf")
        self._known: dict[TrialId, tuple[TrialState, int]] = {}

    def facts(self, since: int = 0, *, session: str = "") -> Row:
        """See `Source`."""
        with self._lock:
            self._look()
            is_driven = not self._journal.is_over()
            state = self._journal.state
            head = experiment_facts(state, place=str(self._directory), is_driven=is_driven)
            marked: list[Json] = [str(trial) for trial in sorted(best_trials(state))]
            return {**self._changes.since(since, session), "experiment": head, "best": marked}

    def detail(self, name: str, *, log_bytes: int) -> Detail:
        """See `Source`."""
        with self._lock:
            record = self._journal.state.trials.get(TrialId(name))
            if record is None:
                raise ConfigError(f"{self._directory}: there is no trial {name!r:.80}.")
            return trial_detail(record, directory=self._directory, store=self._store, log_bytes=log_bytes)

    def storage(self) -> Row:
        """See `Source`."""
        with self._lock:
            trials = {
                str(key): str(trial)
                for trial, record in self._journal.state.trials.items()
                for key in record.checkpoints
            }
        return storage_facts(self._store, trials=trials)

    def _look(self) -> None:
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        touched = {getattr(event, "trial", None) for event in self._journal.read_on()}
        trials = self._journal.state.trials
        if not touched and len(trials) == len(self._known):
            return
        totals = all_cumulative_steps(trials)
        # A failed parent fails its children, and a driver's end loses what ran, with no event of theirs.
        now = {trial: (record.state, totals[trial]) for trial, record in trials.items()}
        changed = [trial for trial in trials if trial in touched or self._known.get(trial) != now[trial]]
        points = points_each(len(trials))
        rows = {
            str(trial): trial_row(trials[trial], total_steps=totals[trial], points=points)
            for trial in changed
        }
        is_new = len(trials) != len(self._known) or any(trials[t].lost_parents for t in changed)
        layout = layout_of({trial: record.parents for trial, record in trials.items()}) if is_new else None
        self._known = now
        self._changes.take(rows, layout)


class StoreSource:
    """A store without its experiment: checkpoints stand where trials would."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._changes = _Changes()
        self._looked_at = float("-inf")
        self._known: dict[str, Row] = {}

    def facts(self, since: int = 0, *, session: str = "") -> Row:
        """See `Source`."""
        with self._lock:
            self._look()
            scores = [(row["score"], name) for name, row in self._known.items() if row["score"] is not None]
            best: list[Json] = [max(scores, key=lambda pair: float(str(pair[0])))[1]] if scores else []
            return {
                **self._changes.since(since, session),
                "experiment": {
                    "kind": "store",
                    "name": self._store.url.rstrip("/").rpartition("/")[2],
                    "place": self._store.url,
                    "objective": "score",
                    "direction": "maximize",
                    "further": {},
                    "is_over": False,
                    "is_driven": True,
                },
                "best": best,
            }

    def detail(self, name: str, *, log_bytes: int) -> Detail:  # noqa: ARG002  # a checkpoint has no log
        """See `Source`."""
        return checkpoint_detail(self._store[name])

    def storage(self) -> Row:
        """See `Source`."""
        return storage_facts(self._store, trials={})

    def _look(self) -> None:
        if time.monotonic() - self._looked_at < STORE_SECONDS:
            return
        self._looked_at = time.monotonic()
        checkpoints = self._store.checkpoints()
        rows = {str(each.key): _checkpoint_row(each, number) for number, each in enumerate(checkpoints, 1)}
        self._changes.forget(self._known.keys() - rows.keys())
        self._known = rows
        self._changes.take(
            rows, layout_of(_parents_first({name: _parents(row) for name, row in rows.items()}))
        )


def _checkpoint_row(checkpoint: Checkpoint, number: int) -> Row:
    entry = entry_of(checkpoint.metadata) or {}
    metadata = {name: value for name, value in checkpoint.metadata.items() if name != "inheritance"}
    return {
        "id": checkpoint.key,
        "number": number,
        "state": "saved",
        "parents": list(checkpoint.parents),
        "score": finite(checkpoint.score),
        "started": checkpoint.created.timestamp(),
        "verdict": str(entry["verdict"]) if "verdict" in entry else None,
        "coverage": finite(entry.get("coverage")),
        "parameters": short_facts(metadata),
        "has_cells": "architecture" in metadata,
    }


def _parents(row: Row) -> list[str]:
    parents = row["parents"]
    return [str(parent) for parent in parents] if isinstance(parents, list) else []


def _parents_first(parents: dict[str, list[str]]) -> dict[str, list[str]]:
    """By creation parents stand first, unless clocks of machines differ: such a parent is left out."""
    seen: set[str] = set()
    result = {}
    for name, known in parents.items():
        result[name] = [parent for parent in known if parent in seen]
        seen.add(name)
    return result
