"""What has happened in an experiment. The journal is a list of these; replaying it rebuilds the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heredity.encoding import Json
from heredity.ids import CheckpointKey, TrialId

FORMAT_VERSION = 2
"""Version of the journal's format, written into its first line.

What version 2 brought has defaults below, so that journals of version 1 are read as they are.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentStarted:
    """The first event of every journal: the rules that hold for all later ones."""

    at: float
    format: int
    experiment: str
    seed: int
    concurrency: int
    max_trials: int | None
    max_retries: int
    direction: str
    """``maximize`` or ``minimize``: which scores are better."""
    objective: str = "score"
    """What the score is called."""
    further_objectives: Mapping[str, Json] = field(default_factory=dict)
    """The direction of each metric that counts beside the score, by its name."""
    on_parent_failure: str = "fail"
    """What becomes of the children that wait for a parent that fails: see `ParentFailure`."""
    retry_delay_seconds: float = 0.0
    """For how long a trial rests after its first loss; after each further one, twice as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResumed:
    """A new driver took over; nothing of the old one runs any more."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentInterrupted:
    """The driver was told to end in order; the experiment can be resumed."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyExhausted:
    """The strategy will propose nothing more."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialProposed:
    """The strategy proposed a trial; its parents may be unfinished."""

    at: float
    trial: TrialId
    parameters: Mapping[str, Json]
    parents: tuple[TrialId, ...]
    twin_of: TrialId | None
    max_steps: int | None = None
    """How many training steps it is to take; None: as many as its function likes."""
    continues: bool = False
    """Whether its steps go on where its first parent's ended."""
    info: Mapping[str, Json] = field(default_factory=dict)
    """What the strategy has to say of it: its rung, its generation, what was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted:
    """An attempt at the trial began."""

    at: float
    trial: TrialId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResumed:
    """The trial goes on from a checkpoint: its own of a lost attempt, or that of the parent it continues.

    As it is, unless `TrialInherited` follows: then the parent has another shape, and only its steps go on.
    """

    at: float
    trial: TrialId
    attempt: int
    key: CheckpointKey
    step: int
    """Steps that lie behind the checkpoint."""
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialInherited:
    """The trial took over weights: from which checkpoint, with which certificate."""

    at: float
    trial: TrialId
    attempt: int
    inheritance: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReported:
    """The trial reported a value after so many of its own steps."""

    at: float
    trial: TrialId
    attempt: int
    step: int
    value: float
    metrics: Mapping[str, Json] = field(default_factory=dict)
    """What else was measured, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStopRequested:
    """A stopper found that the trial is not worth going on with; it is told so by this report."""

    at: float
    trial: TrialId
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved:
    """The trial's checkpoint is in the store, whole."""

    at: float
    trial: TrialId
    attempt: int
    key: CheckpointKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCompleted:
    """The trial function returned its score (None: it has none)."""

    at: float
    trial: TrialId
    attempt: int
    score: float | None
    metrics: Mapping[str, Json] = field(default_factory=dict)
    """The further objectives, and what else was measured, by name."""
    resources: Mapping[str, Json] = field(default_factory=dict)
    """What the attempt used: see `heredity.engine.trials.resources`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStoppedEarly:
    """The trial ended before its time because it was told to; its last report is its score."""

    at: float
    trial: TrialId
    attempt: int
    score: float | None
    metrics: Mapping[str, Json] = field(default_factory=dict)
    """The further objectives, and what else was measured, by name."""
    resources: Mapping[str, Json] = field(default_factory=dict)
    """What the attempt used: see `heredity.engine.trials.resources`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFailed:
    """The trial crashed, hung or was killed; `error` holds the reason and the traceback."""

    at: float
    trial: TrialId
    attempt: int
    error: str
    resources: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLost:
    """The attempt vanished by no fault of the trial: its machine, or the driver's end."""

    at: float
    trial: TrialId
    attempt: int
    reason: str
    counts: bool
    """Whether this loss uses up one of the trial's retries; an interrupt by the user does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRested:
    """The pause after a loss is over: the trial waits for a free slot again, first in line."""

    at: float
    trial: TrialId


@dataclass(frozen=True, slots=True, kw_only=True)
class LateEventRefused:
    """An attempt that is no longer the current one did something; nothing was changed by it."""

    at: float
    trial: TrialId
    attempt: int
    what: str


AttemptEvent = (
    TrialResumed
    | TrialInherited
    | TrialReported
    | TrialStopRequested
    | CheckpointSaved
    | TrialCompleted
    | TrialStoppedEarly
    | TrialFailed
    | TrialLost
)
"""Events of one attempt, which are refused once the attempt is not the current one."""

Event = (
    ExperimentStarted
    | ExperimentResumed
    | ExperimentInterrupted
    | StrategyExhausted
    | TrialProposed
    | TrialStarted
    | TrialRested
    | LateEventRefused
    | AttemptEvent
)
