"""Names for the trials that a strategy makes up: numbered, so that they sort as they were proposed."""

from __future__ import annotations

from heredity.ids import TrialId, parse_trial_id


def numbered(number: int, *, prefix: str = "") -> TrialId:
    """The name of the trial with this number, from 1: ``00001``, or ``rung-00001`` with a prefix."""
    return parse_trial_id(f"{prefix}{number:05d}")
