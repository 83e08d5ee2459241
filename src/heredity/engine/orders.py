"""What a worker is told about the attempt it runs: names and small values only, never weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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

    @property
    def log_name(self) -> str:
        """Name of the attempt's log, below the experiment's ``logs/``."""
        return f"{self.trial}@{self.attempt}.log"
