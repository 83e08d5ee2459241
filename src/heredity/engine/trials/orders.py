"""What a worker is told about the attempt it runs: names and small values only, never weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heredity.encoding import Json
from heredity.ids import CheckpointKey, ExperimentId, TrialId


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOrder:
    """One attempt at one trial."""

    experiment: ExperimentId
    trial: TrialId
    attempt: int
    parameters: Mapping[str, Json]
    parents: Mapping[TrialId, CheckpointKey | None]
    """Each parent's checkpoint; None where the parent saved nothing."""
    seed: int
    """Differs between trials, not between attempts; a twin has the seed of its original."""
    directory: str
    """The experiment's directory, shared by its trials."""
    store_url: str
    min_coverage: float
    objective: str = "score"
    """What the score is called, where the trial function returns several values."""
    further_objectives: tuple[str, ...] = ()
    """What else it must return."""
    max_steps: int | None = None
    continues: bool = False
    """Whether its steps go on where its first parent's ended."""
    resume_from: tuple[CheckpointKey, ...] = ()
    """What lost attempts of this trial have saved, oldest first."""
    ancestor_steps: int = 0
    """Steps of the longest line of ancestors."""
    is_watched: bool = False
    """Whether each report waits for the driver's word on whether to go on."""
    info: Mapping[str, Json] = field(default_factory=dict)

    @property
    def log_name(self) -> str:
        """Name of the attempt's log, below the experiment's ``logs/``."""
        return f"{self.trial}@{self.attempt}.log"
