"""How a store, a checkpoint and an experiment show themselves in a notebook: tables in which all is text."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heredity.experiment import TrialRecord
    from heredity.store import Checkpoint

MOST_ROWS = 20


def store_html(url: str, checkpoints: Sequence[Checkpoint]) -> str:
    """The last checkpoints of a store."""
    rows = [
        (each.key, ", ".join(each.parents), _number(each.score), f"{each.created:%Y-%m-%d %H:%M:%S} UTC")
        for each in checkpoints[-MOST_ROWS:]
    ]
    note = _left_out(len(checkpoints) - len(rows), "before these")
    title = f"{url}: {len(checkpoints):,} checkpoints"
    return table_html(title, ("checkpoint", "parents", "score", "saved"), rows, note=note)


def checkpoint_html(checkpoint: Checkpoint) -> str:
    """The tensors of a checkpoint."""
    entries = list(checkpoint.manifest.tensors.items())
    rows = [
        (
            name,
            entry.dtype,
            " × ".join(map(str, entry.shape)) or "scalar",
            "itself" if entry.owner == checkpoint.key else entry.owner,
        )
        for name, entry in entries[:MOST_ROWS]
    ]
    parents = f", parents {', '.join(checkpoint.parents)}" if checkpoint.parents else ""
    title = f"{checkpoint.key}: score {_number(checkpoint.score)}{parents}"
    note = _left_out(len(entries) - len(rows), "tensors more")
    return table_html(title, ("tensor", "dtype", "shape", "lies with"), rows, note=note)


def experiment_html(name: str, trials: Sequence[TrialRecord], *, place: str) -> str:
    """The last trials of an experiment, and how many there are in each state."""
    rows = [
        (
            each.id,
            each.state.value.replace("_", " "),
            _number(each.score),
            ", ".join(each.parents),
            str((each.inheritance or {}).get("verdict", "")),
            str(each.steps),
        )
        for each in trials[-MOST_ROWS:]
    ]
    counts = Counter(each.state.value.replace("_", " ") for each in trials)
    states = ", ".join(f"{count:,} {state}" for state, count in counts.items()) or "no trials yet"
    note = _left_out(len(trials) - len(rows), "before these")
    note += f" Pictures: heredity dashboard {place}" if place else ""
    columns = ("trial", "state", "score", "parents", "inherited", "steps")
    return table_html(f"{name}: {states}", columns, rows, note=note.strip())


def table_html(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, note: str) -> str:
    """A table with a title above and a note below."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>" for cells in rows
    )
    end = f"<p>{html.escape(note)}</p>" if note else ""
    return (
        f"<div><p><b>{html.escape(title)}</b></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{end}</div>"
    )


def _left_out(number: int, what: str) -> str:
    return f"… and {number:,} {what}." if number else ""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
