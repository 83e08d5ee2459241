"""A plan as a short table: tensors that fare alike share a row, whatever their numbers in the names."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.transfer import How, Verdict

if TYPE_CHECKING:
    from heredity.transfer import Step, TransferPlan

HEADER = ("tensors", "verdict", "from", "how", "reason")
MOST_ROWS = 40
"""A table of more rows is cut; the plan itself prints them all."""

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Row:
    """Tensors that fare alike."""

    tensors: str
    verdict: str
    source: str
    how: str
    reason: str

    @property
    def cells(self) -> tuple[str, ...]:
        """As `HEADER` names them."""
        return self.tensors, self.verdict, self.source, self.how, self.reason


def folded(plan: TransferPlan) -> list[Row]:
    """The rows of a plan: first what changes, in the child's order; at last the unchanged copies, as one."""
    groups: dict[tuple[str, ...], list[Step]] = {}
    for step in plan.steps:
        groups.setdefault(_likeness(plan, step), []).append(step)
    unchanged = groups.pop(_UNCHANGED, [])
    rows = [_row(plan, steps) for steps in groups.values()]
    if unchanged:
        rows.append(Row(_counted(unchanged), Verdict.EXACT.value, "the same names", How.COPY.value, ""))
    return rows


def unfolded(plan: TransferPlan) -> list[Row]:
    """One row for each tensor."""
    return [_row(plan, [step]) for step in plan.steps]


def text_table(rows: Sequence[Row]) -> str:
    """The rows in columns."""
    shown = [HEADER, *(row.cells for row in rows[:MOST_ROWS])]
    widths = [max(len(cells[i]) for cells in shown) for i in range(len(HEADER) - 1)]
    lines = [
        "  ".join([*(c.ljust(w) for c, w in zip(cells, widths, strict=False)), cells[-1]]).rstrip()
        for cells in shown
    ]
    return "\n".join([*lines, *_cut(rows)])


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells as HTML; whatever is in them is text."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>" for cells in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_rows(rows: Sequence[Row]) -> str:
    """The rows as an HTML table."""
    cut = "".join(f"<p>{html.escape(line)}</p>" for line in _cut(rows))
    return html_table(HEADER, (row.cells for row in rows[:MOST_ROWS])) + cut


_UNCHANGED = ("unchanged",)


def _likeness(plan: TransferPlan, step: Step) -> tuple[str, ...]:
    verdict = plan.certificate.tensors[step.tensor]
    is_same = step.how is How.COPY and step.source == step.tensor
    if is_same and verdict.verdict is Verdict.EXACT and not verdict.reason:
        return _UNCHANGED
    names = (_NUMBER.sub("*", text) for text in (step.tensor, step.source, verdict.reason))
    return verdict.verdict.value, str(step), *names


def _row(plan: TransferPlan, steps: Sequence[Step]) -> Row:
    first, verdict = steps[0], plan.certificate.tensors[steps[0].tensor]
    names, sources = [step.tensor for step in steps], [step.source for step in steps]
    counted = f"{len(steps)} × " if len(steps) > 1 else ""
    return Row(
        counted + _pattern(names), verdict.verdict.value, _pattern(sources), str(first), verdict.reason
    )


def _pattern(names: Sequence[str]) -> str:
    """One name for all: numbers in which they differ become a star."""
    split = [_NUMBER.split(name) for name in names]
    numbers = [_NUMBER.findall(name) for name in names]
    merged = [column[0] if len(set(column)) == 1 else "*" for column in zip(*numbers, strict=True)]
    texts = split[0]
    return texts[0] + "".join(number + text for number, text in zip(merged, texts[1:], strict=True))


def _counted(steps: Sequence[Step]) -> str:
    if len(steps) == 1:
        return steps[0].tensor
    return f"{len(steps)} tensors, unchanged"


def _cut(rows: Sequence[Row]) -> list[str]:
    more = len(rows) - MOST_ROWS
    return [f"… and {more} rows more: print(inheritance.plan) shows all tensors"] if more > 0 else []
