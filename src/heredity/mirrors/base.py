"""`Mirror`: results of an experiment in the form of another tool. `MirrorSettings`: which, and where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heredity.errors import ConfigError
from heredity.experiment import Report
from heredity.ids import TrialId
from heredity.mirrors.facts import ExperimentFacts, TrialFacts


class Mirror(ABC):
    """What one tool shows of one experiment.

    All calls come from one thread. Any of them may raise anything: the experiment is not disturbed, the trial
    is offered once more at the end, and the result says what is missing. A mirror may be opened again at any
    time, after any end: what `known` answers then is never written again.
    """

    @property
    @abstractmethod
    def place(self) -> str:
        """Where to look: a path or a URL."""

    @abstractmethod
    def known(self) -> set[TrialId]:
        """The trials that it holds whole. What it holds of others is forgotten before they are written."""

    @abstractmethod
    def report(self, trial: TrialFacts, report: Report) -> None:
        """A running trial has reported; the report is the last one of its facts."""

    @abstractmethod
    def write(self, trial: TrialFacts) -> None:
        """A trial has ended. Called once for each."""

    @abstractmethod
    def flush(self) -> None:
        """Show what was held back; called when nothing has happened for a while, and before the end.

        If it raises, it is called again.
        """

    @abstractmethod
    def close(self) -> None:
        """Nothing more comes; what was written counts once this has returned."""


class MirrorSettings(ABC):
    """Which mirror, and where; frozen, so that several experiments can use the same."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """Its name in an experiment file."""

    @abstractmethod
    def open(self, directory: Path, experiment: ExperimentFacts) -> Mirror:
        """Open the mirror of an experiment.

        Args:
            directory: The experiment's; a place that the settings leave open is below it.
            experiment: Its rules.

        Raises:
            ConfigError: The tool is not installed, or the place cannot be used.
        """


def place_of(directory: Path | str | None, experiment_directory: Path, name: str) -> Path:
    """Where a mirror's files go, as its settings say, else below the experiment's directory; made if absent.

    Raises:
        ConfigError: It cannot be made.
    """
    place = experiment_directory / "mirrors" / name if directory is None else Path(directory)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{place}: cannot be made: {error.strerror}.") from error
    return place


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Say how to install what an import did not find.

    Raises:
        ConfigError: Something is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"The mirror {extra!r} cannot be used: {error}.", hint=f"pip install 'heredity[{extra}]'"
        ) from error
