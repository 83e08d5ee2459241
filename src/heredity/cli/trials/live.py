"""The trials of a running experiment, live on the terminal, or a line an event where nobody watches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from heredity.cli.output import number_text, seconds_text, state_text, verdict_text
from heredity.cli.trials.columns import as_table, fitting, trial_sheet
from heredity.dashboard.reading.best import best_trials
from heredity.engine.loop import Observer
from heredity.experiment import ExperimentState, TrialRecord, TrialState, headline
from heredity.experiment import events as happened

REFRESH_SECONDS = 0.125

MAX_ROWS = 24
"""Of a large experiment, the running trials and those that moved last; the head line counts the rest."""


@contextmanager
def live_view(console: Console) -> Iterator[Observer]:
    """Yield an observer that shows the experiment while it runs."""
    if not console.is_terminal:
        yield line_printer(console)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        shown_at = 0.0

        def show(state: ExperimentState, _: happened.Event | None) -> None:
            nonlocal shown_at
            # Not at every event: a table of all trials for each would make large experiments quadratic.
            if time.monotonic() - shown_at >= REFRESH_SECONDS:
                live.update(_screen(state, console.width), refresh=True)
                shown_at = time.monotonic()

        yield show


def _screen(state: ExperimentState, width: int) -> Group:
    head = Text(f"{state.rules.experiment}: ", style="bold") + counts_text(state)
    num_ended = sum(record.state.is_end for record in state.trials.values())
    bar = ProgressBar(
        total=max(1, len(state.trials)),
        completed=num_ended,
        width=60,
        complete_style="cyan",
        finished_style="green",
    )
    marked = best_trials(state)
    sheet, _ = fitting(trial_sheet(state, _rows(state), marked=marked), width)
    return Group(head, bar, as_table(sheet))


def counts_text(state: ExperimentState) -> Text:
    """How many trials are in each state."""
    counts = dict.fromkeys(TrialState, 0)
    for record in state.trials.values():
        counts[record.state] += 1
    parts = [Text(f"{n} ") + state_text(kind.value) for kind, n in counts.items() if n]
    return Text(", ").join(parts)


def _rows(state: ExperimentState) -> list[TrialRecord]:
    records = list(state.trials.values())
    if len(records) <= MAX_ROWS:
        return records
    latest = sorted(records, key=lambda r: (r.state is TrialState.RUNNING, r.ended_at or r.started_at or 0.0))
    return sorted(latest[-MAX_ROWS:], key=lambda record: record.number)


def line_printer(console: Console) -> Observer:
    """An observer that prints a line for what a log should say."""

    def show(state: ExperimentState, event: happened.Event | None) -> None:
        line = None if event is None else _line_of(state, event)
        if line is not None:
            console.print(line, overflow="ignore", crop=False)

    return show


def _line_of(state: ExperimentState, event: happened.Event) -> str | None:
    """What a log should say of an event; most are too many to be said."""
    if isinstance(event, happened.ExperimentResumed):
        num_ended = sum(record.state.is_end for record in state.trials.values())
        return f"resumed: {num_ended} trials have ended, {len(state.trials) - num_ended} go on"
    what = _end_of(state, event)
    match event:
        case happened.TrialStarted():
            parents = state.trials[event.trial].parents
            heir = f", heir of {', '.join(parents)}" if parents else ""
            what = f"started (attempt {event.attempt}{heir})"
        case happened.TrialResumed():
            what = f"goes on from {event.key}, step {event.step}"
        case happened.TrialInherited():
            what = f"inherited {verdict_text(event.inheritance)}"
    return f"{event.trial}: {what}" if what and isinstance(event, _ABOUT_TRIALS) else None


def _end_of(state: ExperimentState, event: happened.Event) -> str:
    match event:
        case happened.TrialCompleted():
            seconds = seconds_text(state.trials[event.trial].seconds)
            return f"completed, score {number_text(event.score)}, {seconds}"
        case happened.TrialStoppedEarly():
            reason = state.trials[event.trial].stop_reason
            return f"stopped early, score {number_text(event.score)}" + (f": {reason}" if reason else "")
        case happened.TrialFailed():
            return f"failed: {headline(event.error)}"
        case happened.TrialLost():
            again = "will be started again" if event.counts else "runs again on `heredity resume`"
            return f"{event.reason}; {again}"
        case _:
            return ""


_ABOUT_TRIALS = (
    happened.TrialStarted,
    happened.TrialInherited,
    happened.TrialResumed,
    happened.TrialCompleted,
    happened.TrialStoppedEarly,
    happened.TrialFailed,
    happened.TrialLost,
)
