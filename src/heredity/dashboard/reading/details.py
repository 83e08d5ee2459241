"""All that is known of one trial or one checkpoint: facts, plan, attempts, curves, log, cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from heredity.dashboard.reading.attempts import attempts_of
from heredity.dashboard.reading.cells import ARCHITECTURE, cell_facts
from heredity.dashboard.reading.plans import entry_of, plan_rows, recorded_plan
from heredity.dashboard.reading.rows import finite, numbers
from heredity.dashboard.reading.texts import clipped, log_lines_of, paragraph, printable, value_text
from heredity.encoding import Json
from heredity.errors import HeredityError
from heredity.experiment import TrialRecord
from heredity.ids import CheckpointKey
from heredity.store import Checkpoint, Store

LOG_BYTES = 60_000
"""Of the end of a log; the rest is in its file."""

Detail = dict[str, Json]


def trial_detail(record: TrialRecord, *, directory: Path, store: Store | str, log_bytes: int) -> Detail:
    """All that is known of a trial.

    Args:
        record: The trial.
        directory: The experiment's directory, with its journal and logs.
        store: Where its checkpoints lie; a text says why it cannot be opened.
        log_bytes: How much of the end of its log is wanted.

    Raises:
        CorruptJournal: A line that names the trial is no event.
    """
    checkpoint = record.checkpoint
    return {
        "id": record.id,
        "parameters": _facts(record.parameters),
        "info": _facts(record.info),
        "resources": _facts(record.resources),
        "metrics": _facts(record.metrics),
        "summary": _facts(record.inheritance or {}),
        "is_heir": record.inheritance is not None,
        "checkpoints": list(record.checkpoints),
        "attempts": _attempts(record, directory / "journal.jsonl"),
        "curves": _curves(record),
        "error": paragraph(record.error),
        "log": _log(directory / "logs" / f"{record.id}@{record.attempt}.log", log_bytes),
        **_of_store(store, checkpoint, architecture=record.parameters),
    }


def checkpoint_detail(checkpoint: Checkpoint) -> Detail:
    """All that is known of a checkpoint."""
    metadata = {name: value for name, value in checkpoint.metadata.items() if name != "inheritance"}
    entry = entry_of(checkpoint.metadata) or {}
    return {
        "id": checkpoint.key,
        "metadata": _facts(metadata),
        "summary": _facts({name: value for name, value in entry.items() if name != "plan"}),
        **_of_checkpoint(checkpoint, architecture={}),
        "tensors": [
            [
                printable(name),
                entry.dtype,
                " × ".join(map(str, entry.shape)) or "scalar",
                "" if entry.owner == checkpoint.key else entry.owner,
            ]
            for name, entry in checkpoint.manifest.tensors.items()
        ],
    }


def _of_store(store: Store | str, key: CheckpointKey | None, *, architecture: Mapping[str, Json]) -> Detail:
    """The plan and the cells; what the store cannot give is told in the detail itself."""
    own: Detail = {"plan": [], "cells": cell_facts(architecture), "problem": ""}
    if key is None:
        return own
    if isinstance(store, str):
        return {**own, "problem": clipped(f"No plan is shown: {store}")}
    try:
        return _of_checkpoint(store[key], architecture=architecture)
    except HeredityError as error:
        return {**own, "problem": clipped(error.message)}


def _of_checkpoint(checkpoint: Checkpoint, *, architecture: Mapping[str, Json]) -> Detail:
    metadata = checkpoint.metadata
    derived = metadata.get(ARCHITECTURE)
    cells = cell_facts(architecture) or (cell_facts(derived) if isinstance(derived, Mapping) else [])
    plan = recorded_plan(metadata, key=checkpoint.key)
    rows = [[printable(cell) for cell in row] for row in plan_rows(plan)]
    return {"plan": rows, "cells": cells, "problem": ""}


def _facts(values: Mapping[str, Json]) -> list[Json]:
    return [[printable(name), value_text(value)] for name, value in values.items()]


def _curves(record: TrialRecord) -> dict[str, Json]:
    """What the trial measured beside its score, by name: own steps and values."""
    curves: dict[str, list[Json]] = {}
    for report in record.reports:
        for name in numbers(report.metrics):
            point = [report.step - record.first_step, finite(report.metrics[name])]
            curves.setdefault(printable(name), []).append(point)
    return dict(curves)


def _attempts(record: TrialRecord, journal: Path) -> list[Json]:
    """For one attempt the trial's own facts are enough; the journal is read again for several."""
    if record.attempt < 2:
        return []
    return [attempt.to_json() for attempt in attempts_of(journal, record.id)]


def _log(log: Path, num_bytes: int) -> Detail:
    try:
        size = log.stat().st_size
        lines = log_lines_of(log, tail_bytes=num_bytes) if num_bytes else []
    except OSError as error:
        return {
            "file": log.name,
            "lines": [],
            "left_out": 0,
            "problem": error.strerror or "it cannot be read",
        }
    left_out = max(0, size - num_bytes)
    return {"file": log.name, "lines": lines[bool(left_out) :], "left_out": left_out, "problem": ""}
