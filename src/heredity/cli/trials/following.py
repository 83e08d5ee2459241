"""An experiment shown while its journal grows."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live

from heredity.dashboard.reading.growing import GrowingJournal
from heredity.engine.driving.loop import Observer
from heredity.experiment import ExperimentState

POLL_SECONDS = 0.5


def follow_screen(
    screen: Console, path: Path, render: Callable[[ExperimentState], RenderableType]
) -> ExperimentState:
    """Show an experiment anew whenever its journal has grown, until it is over; return how it ended."""
    journal = GrowingJournal(path)
    with Live(console=screen, auto_refresh=False) as live:
        while True:
            is_over = journal.is_over()  # asked before the last look, so that nothing falls between the two
            for _ in journal.read_on():
                pass
            live.update(render(journal.state), refresh=True)
            if is_over:
                return journal.state
            time.sleep(POLL_SECONDS)


def follow_lines(path: Path, observer: Observer) -> ExperimentState:
    """Tell an observer each event, those of the past first, until the experiment is over."""
    journal = GrowingJournal(path)
    while True:
        is_over = journal.is_over()
        for event in journal.read_on():
            observer(journal.state, event)
        if is_over:
            return journal.state
        time.sleep(POLL_SECONDS)
