"""Several stoppers as one."""

from __future__ import annotations

from collections.abc import Sequence

from heredity.experiment import TrialResult
from heredity.strategies.base import Progress, Stopper


class AnyOf:
    """Stops a trial when any of several stoppers would; all of them hear every report.

    Args:
        stoppers: In any order; their reasons are given in this one.
    """

    def __init__(self, stoppers: Sequence[Stopper]) -> None:
        self._stoppers = tuple(stoppers)

    def should_stop(self, progress: Progress) -> str:
        """See `Stopper.should_stop`."""
        reasons = [stopper.should_stop(progress) for stopper in self._stoppers]
        return "; ".join(filter(None, reasons))

    def tell(self, result: TrialResult) -> None:
        """See `Stopper.tell`."""
        for stopper in self._stoppers:
            stopper.tell(result)
