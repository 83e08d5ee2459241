"""What a checkpoint inherited, as text and as a table."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from heredity.cli.output import VERDICT_STYLES, add_row, table, verdict_text
from heredity.dashboard.reading.plans import entry_of, plan_rows
from heredity.encoding import Json


def inheritance_text(metadata: Mapping[str, Json]) -> Text:
    """From whom, how much and how, in a line; a dash where the checkpoint does not say."""
    entry = entry_of(metadata)
    if entry is None:
        return verdict_text(None)
    words = f" from {entry.get('parent')}, by {entry.get('policy')}"
    reason = entry.get("reason")
    return Text.assemble(verdict_text(entry), words, f": {reason}" if reason else "")


def plan_table(plan: Json) -> Table:
    """A recorded plan, one row a tensor."""
    rows = table("tensor~", "verdict", "from~", "how~", "reason~")
    for tensor, verdict, source, how, reason in plan_rows(plan):
        add_row(rows, tensor, Text(verdict, style=VERDICT_STYLES.get(verdict, "")), source, how, reason)
    return rows
