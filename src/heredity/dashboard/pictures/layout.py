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


def layout_of(parents: Mapping[str, Sequence[str]]) -> Layout:
    """Lay out a forest so that no two lines cross the same row at the same generation.

    The child with the deepest line goes on in its parent's row, so that long lines are straight; the others
    follow below, each with the rows of its own descendants. One pass down and one up, without recursion:
    lineages grow deeper than Python's stack.

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
    for trial in reversed(first):
        depths[trial] = 1 + max((depths[child] for child in below[trial]), default=0)
    rows: dict[str, int] = {}
    num_rows = 0
    stack = [trial for trial, parent in reversed(first.items()) if parent is None]
    while stack:
        # A whole line at once: down to its end, along the deepest children.
        trial, line = stack.pop(), []
        while True:
            rows[trial] = num_rows
            children = below[trial]
            if not children:
                break
            heir = max(children, key=lambda child: depths[child])
            line.append([child for child in reversed(children) if child != heir])
            trial = heir
        num_rows += 1
        # The branches nearest to the line's end come first, so that no branch crosses another one.
        for branches in line:
            stack += branches
    order = list(parents)
    return Layout(tuple(generations[t] for t in order), tuple(rows[t] for t in order), num_rows)
