"""A journal that grows, read from where it was left."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from heredity.encoding import decode
from heredity.errors import CorruptJournal, IllegalMove
from heredity.experiment import ExperimentState
from heredity.experiment.event_json import event_from_json
from heredity.experiment.events import Event, ExperimentStarted
from heredity.journal import has_driver


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
