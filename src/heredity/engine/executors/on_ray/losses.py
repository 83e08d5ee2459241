"""What the end of a task of Ray's means for its attempt, where the attempt has not said so itself."""

from __future__ import annotations

import time

from ray.exceptions import OutOfMemoryError, RayError, RayTaskError, RuntimeEnvSetupError, TaskCancelledError

from heredity.engine.executors.on_ray.supervisor import DriverGone
from heredity.engine.trials import TrialOrder
from heredity.experiment import events as happened


def end_of(error: RayError | None, *, order: TrialOrder, where: str, why: str) -> happened.AttemptEvent:
    """The last event of an attempt whose task has ended.

    Args:
        error: What the task has raised; None if it returned.
        order: The attempt.
        where: The machine on which it ran; empty if it had not begun.
        why: What the task has returned: why it has not run the attempt.
    """
    if isinstance(error, OutOfMemoryError | RuntimeEnvSetupError | RayTaskError) and not _is_loss(error):
        return failed(order, f"{type(error).__name__}: {error}")
    on = f" on {where}" if where else ""
    if error is None:
        return lost(order, why or f"its task{on} ended without a word")
    if isinstance(error, TaskCancelledError):
        return lost(order, "its task was cancelled", counts=False)
    return lost(order, f"its worker{on} vanished: {type(error).__name__}: {_first_line(str(error))}")


def _is_loss(error: RayError) -> bool:
    """An attempt that has lost its driver says so to whoever still hears it."""
    return isinstance(error, RayTaskError) and isinstance(error.cause, DriverGone)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def lost(order: TrialOrder, reason: str, *, counts: bool = True) -> happened.TrialLost:
    """The attempt vanished by no fault of the trial's."""
    return happened.TrialLost(
        at=time.time(), trial=order.trial, attempt=order.attempt, reason=reason, counts=counts
    )


def failed(order: TrialOrder, error: str) -> happened.TrialFailed:
    """The attempt has failed."""
    return happened.TrialFailed(at=time.time(), trial=order.trial, attempt=order.attempt, error=error)
