"""Stops trials that have not reached what they must have reached by a step."""

from __future__ import annotations

import math
from collections.abc import Mapping

from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.strategies.base import Progress


class ThresholdStopper:
    """Stops a trial whose best report is below a threshold when its step has come.

    Args:
        thresholds: By step, the least merit: a trial that has reported at this step or later must have
            reached it once. More is better in merits: where the score is minimized, the merit is its
            negative.

    Raises:
        ConfigError: There is none, or one is not finite.
    """

    def __init__(self, thresholds: Mapping[int, float]) -> None:
        if not thresholds or not all(map(math.isfinite, thresholds.values())):
            raise ConfigError(
                f"ThresholdStopper: expected a finite merit for each of one or more steps, got {thresholds}."
            )
        self._thresholds = sorted(thresholds.items())
        self._best: dict[TrialId, float] = {}

    def should_stop(self, progress: Progress) -> str:
        """See `Stopper.should_stop`."""
        best = max(progress.merit, self._best.get(progress.trial_id, progress.merit))
        self._best[progress.trial_id] = best
        for step, threshold in self._thresholds:
            if step <= progress.step and best < threshold:
                return f"its best by step {progress.step}, {best:.6g}, is below {threshold:.6g}"
        return ""

    def tell(self, result: TrialResult) -> None:
        """See `Stopper.tell`."""
        self._best.pop(result.trial_id, None)
