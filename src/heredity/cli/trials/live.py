"""The trials of a running experiment, live on the terminal, or a line an event where nobody watches."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from heredity.cli.output import number_text, seconds_text, state_text, verdict_text
from heredity.cli.trials.columns import as_table, fitting, trial_sheet
from heredity.dashboard.reading.best import best_among, best_trials
from heredity.engine.driving.loop import Observer
from heredity.experiment import ExperimentState, TrialRecord, TrialState, headline
from heredity.experiment import events as happened
from heredity.ids import TrialId

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
        screen, shown_at = _Screen(), 0.0

        def show(state: ExperimentState, event: happened.Event | None) -> None:
            nonlocal shown_at
            screen.note(state, event)
            if time.monotonic() - shown_at >= REFRESH_SECONDS:
                live.update(screen.drawn(state, console.width), refresh=True)
                shown_at = time.monotonic()

        yield show


class _Screen:
    """Draws the counts and the trials that moved last, without going through all of them.

    A look at all trials for each picture would make large experiments quadratic.
    """

    def __init__(self) -> None:
        self._moved: dict[TrialId, None] | None = None
        """The trials that moved last, the latest at the end."""
        self._best: frozenset[TrialId] = frozenset()
        self._scored: set[TrialId] = set()
        """Those that have ended since the best were looked for."""

    def note(self, state: ExperimentState, event: happened.Event | None) -> None:
        """Take in what has happened; the first time, all that lies before."""
        if self._moved is None:
            latest = heapq.nlargest(MAX_ROWS, state.trials.values(), key=_moved_at)
            self._moved = {record.id: None for record in reversed(latest)}
            self._best = best_trials(state)
        elif isinstance(event, (happened.TrialProposed, *_ABOUT_TRIALS)):
            self._moved.pop(event.trial, None)
            self._moved[event.trial] = None
            if len(self._moved) > MAX_ROWS:
                del self._moved[next(iter(self._moved))]
            if isinstance(event, happened.TrialCompleted | happened.TrialStoppedEarly):
                self._scored.add(event.trial)

    def drawn(self, state: ExperimentState, width: int) -> Group:
        """The picture of now."""
        head = Text(f"{state.rules.experiment}: ", style="bold") + counts_text(state)
        bar = ProgressBar(
            total=max(1, len(state.trials)),
            completed=_num_ended(state),
            width=60,
            complete_style="cyan",
            finished_style="green",
        )
        sheet, _ = fitting(trial_sheet(state, self._rows(state), marked=self._marked(state)), width)
        return Group(head, bar, as_table(sheet))

    def _rows(self, state: ExperimentState) -> list[TrialRecord]:
        running = state.running()
        names = {record.id for record in running}
        others = [state.trials[trial] for trial in self._moved or () if trial not in names]
        return sorted([*others, *running][-MAX_ROWS:], key=lambda record: record.number)

    def _marked(self, state: ExperimentState) -> frozenset[TrialId]:
        if self._scored:
            candidates = sorted(
                (state.trials[trial] for trial in self._best | self._scored), key=lambda record: record.number
            )
            self._best, self._scored = best_among(candidates, state), set()
        return self._best


def _num_ended(state: ExperimentState) -> int:
    return sum(num for kind, num in state.counts().items() if kind.is_end)


def _moved_at(record: TrialRecord) -> tuple[bool, float]:
    return record.state is TrialState.RUNNING, record.ended_at or record.started_at or record.proposed_at


def counts_text(state: ExperimentState) -> Text:
    """How many trials are in each state."""
    counts = state.counts()
    parts = [Text(f"{counts[kind]} ") + state_text(kind.value) for kind in TrialState if counts[kind]]
    return Text(", ").join(parts)


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
        num_ended = _num_ended(state)
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
