"""Where a trial goes on from: its own checkpoint of a lost attempt, or that of the parent it continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heredity.engine.trials.orders import TrialOrder
from heredity.errors import CheckpointNotFound
from heredity.ids import CheckpointKey
from heredity.store import Checkpoint, Store

STEPS = "steps"
"""Under this name a checkpoint's metadata say how many steps lie behind it."""


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """A checkpoint to go on from as it is."""

    checkpoint: Checkpoint
    step: int
    is_own: bool


def resume_point(order: TrialOrder, store: Store) -> ResumePoint | None:
    """The trial's own last checkpoint, else that of the parent that it continues; None if there is neither.

    A checkpoint that was dropped or collected is passed over: the one before it serves as well.
    """
    own = _last_that_exists(order.resume_from, store)
    if own is not None:
        return ResumePoint(own, steps_of(own), is_own=True)
    if not order.continues or not order.parents:
        return None
    key = next(iter(order.parents.values()))
    if key is None:
        return None
    parent = store[key]
    return ResumePoint(parent, steps_of(parent), is_own=False)


def steps_of(checkpoint: Checkpoint) -> int:
    """How many steps lie behind a checkpoint, as its trial said when it saved it; 0 if it did not."""
    steps = checkpoint.metadata.get(STEPS)
    return steps if isinstance(steps, int) and not isinstance(steps, bool) else 0


def _last_that_exists(keys: Sequence[CheckpointKey], store: Store) -> Checkpoint | None:
    for key in reversed(keys):
        try:
            return store[key]
        except CheckpointNotFound:
            continue
    return None
