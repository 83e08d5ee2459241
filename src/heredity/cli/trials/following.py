"""A journal that grows, read from where it was left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BufferedReader
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live

from heredity.encoding import decode
from heredity.engine.loop import Observer
from heredity.errors import CorruptJournal, IllegalMove
from heredity.experiment import ExperimentState
from heredity.experiment.event_json import event_from_json
from heredity.experiment.events import Event, ExperimentStarted
from heredity.journal import has_driver

POLL_SECONDS = 0.5


class GrowingJournal:
    """The state of an experiment that another process drives, as far as its journal says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: BufferedReader = path.open("rb")
        started = next(self._events(), None)
        if not isinstance(started, ExperimentStarted):
            raise CorruptJournal(f"{path}: expected ExperimentStarted as the first event.")
        self.state = ExperimentState(started)

    def read_on(self) -> Iterator[Event]:
        """Take in what has been written since, event by event.

        Raises:
            CorruptJournal: A whole line is no event, or one that cannot be here.
        """
        for event in self._events():
            try:
                self.state.handle(event)
            except IllegalMove as error:
                raise CorruptJournal(f"{self._path}: {error}") from error
            yield event

    def _events(self) -> Iterator[Event]:
        while True:
            start = self._lines.tell()
            line = self._lines.readline()
            if not line.endswith(b"\n"):  # the end, or a line that is being written
                self._lines.seek(start)
                return
            try:
                yield event_from_json(decode(line))
            except (ValueError, RecursionError, CorruptJournal) as error:
                raise CorruptJournal(f"{self._path}, after byte {start}: {error}") from error

    def is_over(self) -> bool:
        """Whether nothing more will come: all has ended, or nobody on this machine writes the journal."""
        return self.state.is_over or not has_driver(self._path)

    def close(self) -> None:
        """Let go of the file."""
        self._lines.close()


def follow_screen(
    screen: Console, path: Path, render: Callable[[ExperimentState], RenderableType]
) -> ExperimentState:
    """Show an experiment anew whenever its journal has grown, until it is over; return how it ended."""
    with closing(GrowingJournal(path)) as journal, Live(console=screen, auto_refresh=False) as live:
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
    with closing(GrowingJournal(path)) as journal:
        while True:
            is_over = journal.is_over()
            for event in journal.read_on():
                observer(journal.state, event)
            if is_over:
                return journal.state
            time.sleep(POLL_SECONDS)
