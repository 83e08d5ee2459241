"""The base class of assessors, with NNI's methods and their signatures."""

from __future__ import annotations

from enum import Enum
from typing import Any

from .recoverable import Recoverable


class AssessResult(Enum):
    """What an assessor says of a trial."""

    Good = True
    Bad = False


class Assessor(Recoverable):
    """Judges running trials."""

    def assess_trial(self, trial_job_id: str, trial_history: list[Any]) -> AssessResult:
        """Judge a trial by its intermediate results."""
        raise NotImplementedError("Assessor: assess_trial not implemented")

    def trial_end(self, trial_job_id: str, success: bool) -> None:  # noqa: FBT001
        """Learn that a trial has ended."""
