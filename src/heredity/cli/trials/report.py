"""What is shown at the end: the lineage, each child beside its twin, and what to try next."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from rich.text import Text

from heredity.cli.output import add_row, number_text, program, seconds_text, table, verdict_text
from heredity.cli.trials.lineage import Cut, lineage_lines
from heredity.dashboard.reading.best import best_trials
from heredity.encoding import Json
from heredity.experiment import (
    ExperimentState,
    Outcome,
    TrialState,
    headline,
    outcomes,
)

MAX_LINEAGE_LINES = 100
"""Of a large experiment; `heredity tree` draws all of it."""


def print_report(console: Console, state: ExperimentState, directory: Path, store_url: str) -> None:
    """Print all that the experiment measured."""
    console.print(Text("\nLineage", style="bold"))
    for line in lineage_lines(state, Cut(lines=MAX_LINEAGE_LINES), marked=best_trials(state)):
        console.print(line, soft_wrap=True)
    console.print()
    print_outcomes(console, outcomes(state))
    print_failures(console, state)
    _print_where(console, state, directory, store_url)


def print_outcomes(console: Console, measured: list[Outcome]) -> None:
    """Print two tables, one row a child: what it inherited, and what that gave."""
    heirs = [outcome for outcome in measured if outcome.inheritance is not None]
    if heirs:
        _print_inherited(console, heirs)
    if any(outcome.twin for outcome in heirs):
        _print_gains(console, heirs)
    others = [o.trial for o in measured if o.inheritance is None and o.state == TrialState.COMPLETED.value]
    if others:
        text = f"Took over no weights (they never called trial.inherit): {', '.join(others)}"
        console.print(Text(text, style="yellow"), soft_wrap=True)


def _print_inherited(console: Console, heirs: list[Outcome]) -> None:
    rows = table("child~", "of~", "certificate", "training", "exact>", "approx.>", "new>", "max |Δ|>")
    rows.title = "What was inherited (parameters; |Δ| between the outputs of parent and child)"
    for outcome in heirs:
        summary = outcome.inheritance or {}
        in_training = summary.get("exact_in_training")
        add_row(
            rows,
            outcome.trial,
            ", ".join(outcome.parents),
            verdict_text(summary),
            Text("exact", style="green") if in_training else Text("not exact", style="yellow"),
            *(f"{summary.get(name, 0):,}" for name in ("num_exact", "num_approximate", "num_new")),
            _difference_text(summary.get("max_difference")),
        )
    console.print(rows)
    for outcome in heirs:
        reason = (outcome.inheritance or {}).get("reason")
        if reason:
            console.print(Text.assemble((f"  {outcome.trial}: ", "bold"), str(reason)))


def _print_gains(console: Console, heirs: list[Outcome]) -> None:
    rows = table(
        "child~", "parent>", "start>", "end>", "twin's end>", "steps to reach it>", "time>", "twin's time>"
    )
    rows.title = "What it gave (the twin: the same child from nothing, at equal budget)"
    for outcome in heirs:
        add_row(
            rows,
            outcome.trial,
            number_text(outcome.parent_score),
            number_text(outcome.start),
            number_text(outcome.score),
            number_text(outcome.twin_score),
            _steps_text(outcome),
            seconds_text(outcome.seconds),
            seconds_text(outcome.twin_seconds),
        )
    console.print(rows)


def _difference_text(value: Json) -> str:
    if not isinstance(value, int | float):
        return "not measured"
    return f"{value:.1e}" if value else "0"


def _steps_text(outcome: Outcome) -> str:
    if outcome.twin_score is None:
        return "–"
    if outcome.steps_to_twin is None:
        return f"not in {outcome.steps}"
    return f"{outcome.steps_to_twin} of {outcome.twin_steps}"


def print_failures(console: Console, state: ExperimentState) -> None:
    """Print a line for every trial that failed, and where its log lies."""
    failed = [record for record in state.trials.values() if record.state is TrialState.FAILED]
    for record in failed:
        console.print(Text(f"{record.id} failed: ", style="bold red") + Text(headline(record.error)))


def _print_where(console: Console, state: ExperimentState, directory: Path, store_url: str) -> None:
    where, store = _shortest(directory), store_url if "://" in store_url else _shortest(Path(store_url))
    console.print(Text.assemble(("\nJournal and logs  ", "bold"), where), soft_wrap=True)
    console.print(Text.assemble(("Weights           ", "bold"), store, "\n"), soft_wrap=True)
    console.print(Text("Next", style="bold"))
    commands = _next_commands(state, where, store)
    width = max(len(command) for command in commands)
    for command, why in commands.items():
        console.print(Text.assemble(f"  {command:<{width}}  ", (why, "dim")), soft_wrap=True)


def _next_commands(state: ExperimentState, where: str, store: str) -> dict[str, str]:
    """Commands to try, on trials and checkpoints that are there."""
    heir = next((record for record in state.trials.values() if record.inheritance), None)
    trial = heir or next(iter(state.trials.values()), None)
    if trial is None:
        return {f"{program()} ls {where}": "the trials"}
    commands = {
        f"{program()} show {where} {trial.id}": "one trial: parameters, reports, inheritance, log, error"
    }
    commands[f"{program()} ls {store}"] = "the checkpoints, with their own and their shared bytes"
    if heir is not None and heir.checkpoint is not None:
        commands[f"{program()} diff {where} {heir.parents[0]} {heir.id}"] = "what training has changed since"
    return commands


def _shortest(path: Path) -> str:
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
