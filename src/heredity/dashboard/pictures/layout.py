"""Where each trial of a lineage stands: its generation, and a row of its own line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of trials, in the order in which they were given."""

    generations: tuple[int, ...]
    """How many trials lie between each one and its founder, along first parents."""
    rows: tuple[int, ...]
    """Trials of one row are a line: each the child of the one before that has the most descendants below."""
    num_rows: int
    packed: tuple[int, ...]
    """The same on fewer rows: lines that are generations apart share one. Only if generations go across."""


def layout_of(parents: Mapping[str, Sequence[str]]) -> Layout:
    """Lay out a forest so that no two lines cross the same row at the same generation.

    The child with the deepest line, the heir, goes on in its parent's row, so that long lines are straight;
    the others follow below, each with the rows of its own descendants. No recursion: lineages grow deeper
    than Python's stack.

    Args:
        parents: The parents of each trial, which stand before it; a trial hangs on its first known parent.
    """
    first = {trial: next((p for p in known if p in parents), None) for trial, known in parents.items()}
    below: dict[str, list[str]] = {trial: [] for trial in first}
    generations: dict[str, int] = {}
    for trial, parent in first.items():
        generations[trial] = 0 if parent is None else generations[parent] + 1
        if parent is not None:
            below[parent].append(trial)
    depths: dict[str, int] = {}
    heirs: dict[str, str] = {}
    for trial in reversed(first):
        depths[trial] = 1 + max((depths[child] for child in below[trial]), default=0)
        if below[trial]:
            heirs[trial] = max(below[trial], key=lambda child: depths[child])
    founders = [trial for trial, parent in first.items() if parent is None]
    lines = _Lines(first, founders, below, depths, heirs)
    rows, packed = _rows(lines), _packed(lines)
    return Layout(
        tuple(generations[trial] for trial in parents),
        tuple(rows[trial] for trial in parents),
        1 + max(rows.values(), default=-1),
        tuple(packed[trial] for trial in parents),
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """A forest, cut into lines: each trial's heir goes on in its row."""

    first: dict[str, str | None]
    """The parent of each trial; parents stand before their children."""
    founders: Sequence[str]
    below: Mapping[str, Sequence[str]]
    depths: Mapping[str, int]
    heirs: Mapping[str, str]

    def branches(self, trial: str) -> list[str]:
        """Its children but for the heir."""
        return [child for child in self.below[trial] if child != self.heirs.get(trial)]


def _rows(lines: _Lines) -> dict[str, int]:
    """A row for each line, so that nothing of two branches shares one."""
    rows: dict[str, int] = {}
    num_rows = 0
    stack = list(reversed(lines.founders))
    while stack:
        # A whole line at once: down to its end, along the heirs.
        trial: str | None = stack.pop()
        while trial is not None:
            rows[trial] = num_rows
            # The branches nearest to the line's end are taken first, so that no branch crosses another one.
            stack += reversed(lines.branches(trial))
            trial = lines.heirs.get(trial)
        num_rows += 1
    return rows


def _packed(lines: _Lines) -> dict[str, int]:
    """Rows that are shared by lines which are a generation or more apart.

    Each branch moves up until it touches what lies above it, as in Reingold and Tilford's drawing of trees
    (1981). A line is as long as all that hangs on it, so of what lies above only the lower edge counts.
    """
    edges: dict[str, list[int]] = {}
    """Of what hangs on a trial: how far down it reaches at each generation, the last generation first."""
    offsets: dict[str, int] = {}
    for trial in reversed(lines.first):
        heir = lines.heirs.get(trial)
        edge = [] if heir is None else edges.pop(heir)
        for branch in lines.branches(trial):
            offsets[branch] = _put_below(edge, edges.pop(branch), start=len(edge))
        edge.append(0)
        edges[trial] = edge
    whole = [-1] * max((lines.depths[founder] for founder in lines.founders), default=0)
    for founder in lines.founders:
        offsets[founder] = _put_below(whole, edges[founder], start=len(whole))
    packed: dict[str, int] = {}
    for trial, parent in lines.first.items():
        packed[trial] = (0 if parent is None else packed[parent]) + offsets.get(trial, 0)
    return packed


def _put_below(above: list[int], edge: Sequence[int], *, start: int) -> int:
    """Put a branch that begins at the first generation of what lies above it; how many rows it moves down."""
    end = start - len(edge)
    offset = 1 + max(above[max(0, end - 1) : start])
    above[end:start] = [offset + row for row in edge]
    return offset
