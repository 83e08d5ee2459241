"""A journal that grows, read from where it was left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from heredity.encoding import decode
from heredity.errors import ConfigError, CorruptJournal, IllegalMove
from heredity.experiment import ExperimentState
from heredity.experiment.event_json import event_from_json
from heredity.experiment.events import Event, ExperimentStarted
from heredity.journal import has_driver


class GrowingJournal:
    """The state of an experiment that another process drives, as far as its journal says.

    Nothing is held open between two readings.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._num_bytes = 0
        started = next(self._events(), None)
        if not isinstance(started, ExperimentStarted):
            raise CorruptJournal(f"{path}: expected ExperimentStarted as the first event.")
        self.state = ExperimentState(started)

    def read_on(self) -> Iterator[Event]:
        """Take in what has been written since, event by event.

        Raises:
            ConfigError: The journal is gone.
            CorruptJournal: A whole line is no event, or one that cannot be here.
        """
        for event in self._events():
            try:
                self.state.handle(event)
            except IllegalMove as error:
                raise CorruptJournal(f"{self._path}: {error}") from error
            yield event

    def _events(self) -> Iterator[Event]:
        try:
            with self._path.open("rb") as lines:
                lines.seek(self._num_bytes)
                for line in lines:
                    if not line.endswith(b"\n"):  # it is being written
                        return
                    yield self._event_of(line)
        except OSError as error:
            raise ConfigError(f"{self._path}: no journal that can be read: {error.strerror}.") from error

    def _event_of(self, line: bytes) -> Event:
        try:
            event = event_from_json(decode(line))
        except (ValueError, RecursionError, CorruptJournal) as error:
            raise CorruptJournal(f"{self._path}, after byte {self._num_bytes}: {error}") from error
        self._num_bytes += len(line)
        return event

    def is_over(self) -> bool:
        """Whether nothing more will come: all has ended, or nobody on this machine writes the journal."""
        return self.state.is_over or not has_driver(self._path)
