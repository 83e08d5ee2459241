"""An experiment or a store as one HTML file that works without a server and without a network."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

from heredity.dashboard.page.assembling import page_html
from heredity.dashboard.reading.details import Detail
from heredity.dashboard.reading.rows import Row
from heredity.dashboard.reading.sources import Source
from heredity.encoding import Json
from heredity.errors import ConfigError

MAX_DETAIL_BYTES = 6_000_000
"""Of plans, logs and errors together; the best trials and their ancestors come first."""
LOG_BYTES = 8_000
"""Of each log."""


def write_report(source: Source, path: Path, *, now: dt.datetime) -> int:
    """Write the report.

    Args:
        source: What is shown.
        path: The file.
        now: The time that it says it was made.

    Returns:
        Of how many trials it holds the details.

    Raises:
        ConfigError: The file cannot be written.
    """
    facts = source.facts()
    details = details_within(source, facts, max_bytes=MAX_DETAIL_BYTES)
    embedded: Json = {
        "made": now.strftime("%Y-%m-%d %H:%M"),
        "facts": facts,
        "storage": source.storage(),
    }
    experiment = facts["experiment"]
    title = str(experiment["name"]) if isinstance(experiment, dict) else ""
    page = page_html(f"{title} – Heredity", embedded=embedded, details=dict(details))
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    return len(details)


def details_within(source: Source, facts: Row, *, max_bytes: int) -> dict[str, Detail]:
    """The details of the best trials, of their ancestors, then of all others, until the room is used up."""
    details: dict[str, Detail] = {}
    room = max_bytes
    for name in _by_interest(facts):
        detail = source.detail(name, log_bytes=LOG_BYTES)
        room -= len(json.dumps(detail))
        if room < 0:
            break
        details[name] = detail
    return details


def _by_interest(facts: Row) -> Iterator[str]:
    rows, best = facts["rows"], facts["best"]
    if not isinstance(rows, list) or not isinstance(best, list):
        return
    parents = {str(row["id"]): row["parents"] for row in rows}
    told: set[str] = set()
    near = [str(name) for name in best]
    while near:
        fresh = [name for name in dict.fromkeys(near) if name in parents and name not in told]
        yield from fresh
        told.update(fresh)
        near = [str(parent) for name in fresh for parent in parents[name]]
    yield from (name for name in reversed(parents) if name not in told)
