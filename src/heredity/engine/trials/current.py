"""The trial that this process runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heredity.engine.trials.trial import Trial


class _Slot:
    trial: Trial | None = None


# Of the process, not of a thread or a context: a training library's threads ask for their trial as well.
_slot = _Slot()


def held_trial() -> Trial | None:
    """The trial whose function runs in this process now, if there is one."""
    return _slot.trial


@contextmanager
def holding(trial: Trial) -> Iterator[None]:
    """Let `held_trial` give this trial for a while."""
    before, _slot.trial = _slot.trial, trial
    try:
        yield
    finally:
        _slot.trial = before
