"""The attempts at one trial, read off the journal: how each began, how far it came, how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from heredity.encoding import Json, decode, encode
from heredity.errors import CorruptJournal
from heredity.experiment import events as happened
from heredity.experiment import headline
from heredity.experiment.event_json import event_from_json
from heredity.ids import TrialId


@dataclass(slots=True)
class Attempt:
    """One start of a trial."""

    number: int
    started_at: float
    beginnings: list[str] = field(default_factory=list)
    """Where its weights came from, if not from nothing."""
    num_reports: int = 0
    last_step: int | None = None
    num_checkpoints: int = 0
    ended_at: float | None = None
    ending: str = "runs"

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {
            "attempt": self.number,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "began": list(self.beginnings),
            "reports": self.num_reports,
            "last_step": self.last_step,
            "checkpoints": self.num_checkpoints,
            "ended": self.ending,
        }

    def end(self, at: float, how: str) -> None:
        """Note how it ended."""
        self.ended_at, self.ending = at, how


def attempts_of(journal: Path, trial: TrialId) -> list[Attempt]:
    """Every start of a trial, oldest first.

    Raises:
        CorruptJournal: A line that names the trial is no event.
    """
    attempts: list[Attempt] = []
    for event in _events_about(journal, trial):
        if isinstance(event, happened.TrialStarted):
            attempts.append(Attempt(event.attempt, event.at))
        elif attempts:
            _take(attempts[-1], event)
    return attempts


def _events_about(journal: Path, trial: TrialId) -> Iterator[happened.Event]:
    """Only lines that may be about the trial are parsed: of a long journal that is a few in a million."""
    name = encode(trial)
    with journal.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n") or (name not in line and b'"ExperimentResumed"' not in line):
                continue
            try:
                event = event_from_json(decode(line))
            except (ValueError, RecursionError, CorruptJournal) as error:
                raise CorruptJournal(f"{journal}, line {number}: {error}") from error
            if isinstance(event, happened.ExperimentResumed) or getattr(event, "trial", None) == trial:
                yield event


def _take(attempt: Attempt, event: happened.Event) -> None:
    match event:
        case happened.TrialResumed(is_own=True):
            attempt.beginnings.append(f"resumed from its own {event.key}, step {event.step}")
        case happened.TrialResumed():
            attempt.beginnings.append(f"goes on from {event.key}, step {event.step}")
        case happened.TrialInherited():
            attempt.beginnings.append(f"inherited from {event.inheritance.get('parent', 'its parent')}")
        case happened.TrialReported():
            attempt.num_reports += 1
            attempt.last_step = event.step
        case happened.CheckpointSaved():
            attempt.num_checkpoints += 1
        case _ if attempt.ended_at is None:
            _take_end(attempt, event)


def _take_end(attempt: Attempt, event: happened.Event) -> None:
    match event:
        case happened.TrialCompleted():
            attempt.end(event.at, "completed")
        case happened.TrialStoppedEarly():
            attempt.end(event.at, "stopped early")
        case happened.TrialFailed():
            attempt.end(event.at, f"failed: {headline(event.error)}")
        case happened.TrialLost():
            attempt.end(event.at, f"lost: {event.reason}")
        case happened.ExperimentResumed():
            attempt.end(event.at, "lost: the driver went away")
