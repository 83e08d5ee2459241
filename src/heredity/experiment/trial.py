"""A trial's states, the table of legal moves between them, and the record that the experiment keeps of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import Enum

from heredity.encoding import Json
from heredity.errors import IllegalMove
from heredity.ids import CheckpointKey, TrialId


class ParentFailure(Enum):
    """What becomes of the children that wait for a parent, if it fails."""

    FAIL = "fail"
    """They fail too, with a reason that names it."""
    REPARENT = "reparent"
    """The failed parent's own parents take its place; a founder's children become founders."""
    RELEASE = "release"
    """They do without it."""


class TrialState(Enum):
    """Where a trial stands.

    ::

        waiting ──► queued ──► running ──► completed
           │          ▲          ├───────► stopped_early
           │          │          ├───────► failed
           └──────────┼──────────┼───────► failed     (a parent failed)
                      └── lost ◄─┘                    (its machine or its driver went away)
                            └────────────► failed     (too often)
    """

    WAITING = "waiting"
    """For its parents."""
    QUEUED = "queued"
    """For a free slot."""
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED_EARLY = "stopped_early"
    FAILED = "failed"
    LOST = "lost"
    """Not by its own fault; may be tried again, after a pause."""

    # Of a state there is one object. An enum hashes the name, in Python, at each look into a table.
    __hash__ = object.__hash__

    @property
    def is_end(self) -> bool:
        """Whether nothing can happen to the trial any more."""
        return not LEGAL_MOVES[self]

    @property
    def is_success(self) -> bool:
        """Whether children may start from such a parent."""
        return self is TrialState.COMPLETED or self is TrialState.STOPPED_EARLY


LEGAL_MOVES: Mapping[TrialState, frozenset[TrialState]] = {
    TrialState.WAITING: frozenset({TrialState.QUEUED, TrialState.FAILED}),
    TrialState.QUEUED: frozenset({TrialState.RUNNING}),
    TrialState.RUNNING: frozenset(
        {TrialState.COMPLETED, TrialState.STOPPED_EARLY, TrialState.FAILED, TrialState.LOST}
    ),
    TrialState.LOST: frozenset({TrialState.QUEUED, TrialState.FAILED}),
    TrialState.COMPLETED: frozenset(),
    TrialState.STOPPED_EARLY: frozenset(),
    TrialState.FAILED: frozenset(),
}
"""For each state of a trial, the states that may follow."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a trial reported after so many steps."""

    step: int
    value: float
    metrics: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """What an attempt had done before it was lost."""

    checkpoints: tuple[CheckpointKey, ...]
    reports: tuple[Report, ...]
    inheritance: Mapping[str, Json] | None
    first_step: int


@dataclass(slots=True)
class TrialRecord:
    """All that the experiment knows of one trial. Only `ExperimentState` changes it."""

    id: TrialId
    number: int
    parameters: Mapping[str, Json]
    parents: tuple[TrialId, ...] = ()
    twin_of: TrialId | None = None
    """The trial that this one repeats from nothing, at equal budget, to measure what inheritance gave."""
    max_steps: int | None = None
    """How many steps it is to take; None: as many as its function likes."""
    continues: bool = False
    """Whether its steps go on where its first parent's ended."""
    info: Mapping[str, Json] = field(default_factory=dict)
    """What its strategy has to say of it."""
    lost_parents: tuple[TrialId, ...] = ()
    """Parents that it was to have, and that failed."""
    state: TrialState = TrialState.QUEUED
    attempt: int = 0
    """Number of the latest start; what an older attempt does late is refused by this number."""
    num_losses: int = 0
    num_late_events: int = 0
    score: float | None = None
    metrics: Mapping[str, Json] = field(default_factory=dict)
    """What else was measured at the end, the further objectives among it."""
    resources: Mapping[str, Json] = field(default_factory=dict)
    """What the last attempt used."""
    checkpoints: tuple[CheckpointKey, ...] = ()
    """What this attempt saved, oldest first; before them those that it has resumed from."""
    inheritance: Mapping[str, Json] | None = None
    """What came over from the parent, with its certificate; None if the trial never asked."""
    reports: list[Report] = field(default_factory=list)
    lost: LostAttempt | None = None
    """What a lost attempt has left, for the next one to resume from."""
    first_step: int = 0
    """Steps of the parent that it continues, which lie behind it."""
    ancestor_steps: int = 0
    """Training steps of the longest line of its ancestors; 0 while it waits for them."""
    stop_reason: str = ""
    """Why it was asked to stop; empty if it was not."""
    error: str = ""
    proposed_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None

    def move(self, to: TrialState) -> None:
        """Change the state.

        Raises:
            IllegalMove: The table does not allow it.
        """
        if to not in LEGAL_MOVES[self.state]:
            raise IllegalMove(f"trial {self.id}: no move from {self.state.value} to {to.value}")
        self.state = to

    @property
    def checkpoint(self) -> CheckpointKey | None:
        """The checkpoint that children inherit: the last one saved."""
        return self.checkpoints[-1] if self.checkpoints else None

    @property
    def steps(self) -> int:
        """The trial's own training steps, as it reported them."""
        if not self.reports:
            return 0
        last = max([report.step for report in self.reports])
        return max(0, last - self.first_step)  # a function may report before it goes on from its parent

    @property
    def cumulative_steps(self) -> int:
        """Its own steps and its ancestors'."""
        return self.ancestor_steps + self.steps

    @property
    def seconds(self) -> float | None:
        """Wall-clock seconds of the latest attempt, once it has ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


Trials = MutableMapping[TrialId, TrialRecord]
"""The records of an experiment's trials, in the order of their proposal."""

MAX_PAUSE_SECONDS = 300.0
"""For a trial that was lost again and again; of machines that go, most are back by then or never."""


def pause_seconds(num_losses: int, *, first: float) -> float:
    """How long a trial rests after it was lost: after each loss twice as long."""
    return min(first * 2.0 ** min(num_losses - 1, 16), MAX_PAUSE_SECONDS)


END_OF_LOG = "The end of its log:"
"""Stands between the cause of a worker's death and what its log ends with."""


def headline(error: str) -> str:
    """The line of a trial's error that says what happened: of a traceback, the exception's first line."""
    lines = error.strip().splitlines()
    if not lines:
        return "no reason given"
    if END_OF_LOG in error or not any(line.startswith("Traceback") for line in lines):
        return lines[0]
    # Frames are indented; the exception follows the last of them, and may have many lines itself.
    after_frames = [i for i in range(1, len(lines)) if _is_frame(lines[i - 1]) and not _is_frame(lines[i])]
    return lines[after_frames[-1]] if after_frames else lines[-1]


def steps_behind(parents: Iterable[TrialRecord]) -> int:
    """Training steps of the longest line of ancestors that ends with one of these parents."""
    return max((parent.cumulative_steps for parent in parents), default=0)


def error_by_descent(parent: TrialRecord) -> str:
    """The error of who fails with a parent: it names the one whose own failure it was, however far above."""
    if parent.error.startswith(_BY_DESCENT):
        return "its ancestor " + parent.error.split(" ", 2)[2]
    return f"its parent {parent.id} failed: {headline(parent.error)}"


_BY_DESCENT = ("its parent ", "its ancestor ")


def _is_frame(line: str) -> bool:
    return line.startswith("  ")


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How a trial ended: what a strategy is told."""

    trial_id: TrialId
    parameters: Mapping[str, Json]
    parents: tuple[TrialId, ...]
    state: TrialState
    score: float | None
    checkpoint: CheckpointKey | None
    steps: int
    """Its own."""
    merit: float | None = None
    """The score, turned so that more is better; None if it has none."""
    merits: Mapping[str, float] = field(default_factory=dict)
    """The further objectives, turned so that more is better."""
    reports: tuple[Report, ...] = ()
    max_steps: int | None = None
    cost_seconds: float = 0.0
    """Seconds of the processor that its last attempt took; 0 if they were not measured."""
