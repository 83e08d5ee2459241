"""Founders and heirs: who may be compared with whom at the same step."""

from __future__ import annotations

from enum import Enum

from heredity.ids import TrialId
from heredity.strategies.base import Progress


class Kind(Enum):
    """Where a trial began; at the same step of its own, an heir has more training behind it."""

    FOUNDER = "founder"
    HEIR = "heir"
    ANY = "trial"
    """They are not told apart."""


class Kinds:
    """Remembers each trial's kind.

    Args:
        are_separate: Whether founders and heirs are told apart.
    """

    def __init__(self, *, are_separate: bool) -> None:
        self._are_separate = are_separate
        self._known: dict[TrialId, Kind] = {}

    def of(self, progress: Progress) -> Kind:
        """The kind of the trial that reports; one that continues its parent is of the parent's kind."""
        if not self._are_separate:
            return Kind.ANY
        if progress.trial_id not in self._known:
            kind = Kind.HEIR if progress.parents else Kind.FOUNDER
            if progress.continues and progress.parents:
                kind = self._known.get(progress.parents[0], Kind.FOUNDER)
            self._known[progress.trial_id] = kind
        return self._known[progress.trial_id]
