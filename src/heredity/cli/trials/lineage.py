"""Who inherited from whom among trials, drawn as a tree, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from heredity.cli.output import number_text, state_text, verdict_text
from heredity.errors import ConfigError
from heredity.experiment import ExperimentState, TrialRecord, children, founders
from heredity.ids import TrialId


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How much of a lineage is drawn."""

    root: TrialId | None = None
    """Only this trial and its descendants."""
    depth: int | None = None
    """Generations below the founders, or below the root."""
    lines: int | None = None
    """At most so many trials."""


@dataclass(frozen=True, slots=True)
class _Node:
    trial: TrialId
    indent: str
    is_last: bool
    depth: int


def lineage_lines(state: ExperimentState, cut: Cut, *, marked: frozenset[TrialId]) -> Iterator[Text]:
    """One line a trial; a trial with several parents stands under the first one and names the others.

    What is cut off is counted where it would stand.

    Raises:
        ConfigError: The root is no trial of this experiment.
    """
    if cut.root is not None and cut.root not in state.trials:
        raise ConfigError(f"Experiment {state.rules.experiment} has no trial {cut.root!r}.")
    below = children(state.trials)
    sizes = _sizes(below)
    yield Text(state.rules.experiment, style="bold")
    tops = founders(state.trials) if cut.root is None else [cut.root]
    stack = _nodes(tops, indent="", depth=0)
    num_drawn = 0
    while stack:  # no recursion: lineages grow deeper than Python's stack
        if num_drawn == cut.lines:
            num_left = sum(sizes[node.trial] for node in stack)
            yield Text(f"… and {num_left:,} more", style="dim")
            return
        node = stack.pop()
        num_drawn += 1
        branch, indent = ("└── ", "    ") if node.is_last else ("├── ", "│   ")
        label = _label(state.trials[node.trial], is_marked=node.trial in marked)
        yield Text.assemble((node.indent + branch, "dim"), label)
        if cut.depth is None or node.depth < cut.depth:
            stack += _nodes(below[node.trial], indent=node.indent + indent, depth=node.depth + 1)
        elif sizes[node.trial] > 1:
            yield Text(f"{node.indent}{indent}└── … {sizes[node.trial] - 1:,} below", style="dim")


def _nodes(trials: list[TrialId], *, indent: str, depth: int) -> list[_Node]:
    """The first one comes last, where a stack gives it out first."""
    return [_Node(trial, indent, trial == trials[-1], depth) for trial in reversed(trials)]


def _sizes(below: dict[TrialId, list[TrialId]]) -> dict[TrialId, int]:
    """How many trials there are from each one down; parents stand before their children."""
    sizes: dict[TrialId, int] = {}
    for trial in reversed(below):
        sizes[trial] = 1 + sum(sizes[child] for child in below[trial])
    return sizes


def _label(record: TrialRecord, *, is_marked: bool) -> Text:
    parts: list[Text | tuple[str, str] | str] = [(f"{record.id} ", "bold"), state_text(record.state.value)]
    if record.score is not None:
        style = "bold green" if is_marked else ""
        parts.append((f"  {'* ' if is_marked else ''}score {number_text(record.score)}", style))
    if record.inheritance is not None:
        parts += [("  inherited ", "dim"), verdict_text(record.inheritance)]
    elif record.continues and record.first_step:
        parts.append((f"  goes on from step {record.first_step}", "dim"))
    if len(record.parents) > 1:
        parts.append((f"  also of {', '.join(record.parents[1:])}", "dim"))
    if record.lost_parents:
        parts.append((f"  was to have {', '.join(record.lost_parents)}", "dim"))
    if record.twin_of is not None:
        parts.append((f"  (twin of {record.twin_of}, from nothing)", "dim"))
    return Text.assemble(*parts)
