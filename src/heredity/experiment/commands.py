"""What is to be done next: the answers of the experiment's state, carried out by the engine."""

from __future__ import annotations

from dataclasses import dataclass

from heredity.experiment.trial import TrialResult
from heredity.ids import TrialId


@dataclass(frozen=True, slots=True)
class StartTrial:
    """Start this attempt; first record `TrialStarted`, then let the executor begin."""

    trial: TrialId
    attempt: int


@dataclass(frozen=True, slots=True)
class TellStrategy:
    """Tell the strategy how a trial ended. Order matters: it decides what is proposed next."""

    result: TrialResult


Command = StartTrial | TellStrategy
"""What is to be done next."""
