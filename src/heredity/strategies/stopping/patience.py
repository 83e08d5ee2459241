"""Stops trials that have not become better for a while."""

from __future__ import annotations

from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.strategies.base import Progress


class PatienceStopper:
    """Stops a trial on a plateau: so many reports in a row have not improved on the best before them.

    Each trial is judged by itself, so that heirs and founders are treated alike. A trial that continues its
    parent begins anew.

    Args:
        num_reports: How many reports in a row may bring nothing.
        min_delta: An improvement by no more than this is none.
        min_steps: No trial is stopped before this step.

    Raises:
        ConfigError: A setting is out of its range.
    """

    def __init__(self, *, num_reports: int, min_delta: float = 0.0, min_steps: int = 0) -> None:
        if num_reports < 1:
            raise ConfigError(f"PatienceStopper: num_reports: expected at least 1, got {num_reports}.")
        if not min_delta >= 0:
            raise ConfigError(f"PatienceStopper: min_delta: expected 0 or more, got {min_delta}.")
        self._num_reports = num_reports
        self._min_delta = min_delta
        self._min_steps = min_steps
        self._reported: dict[TrialId, list[tuple[int, float, int]]] = {}
        """Of each report: its step, the merit to be improved on after it, and how many in a row had not."""

    def should_stop(self, progress: Progress) -> str:
        """See `Stopper.should_stop`."""
        reported = self._reported.setdefault(progress.trial_id, [])
        while reported and reported[-1][0] >= progress.step:
            reported.pop()  # the trial was lost, and reports again what it had reported
        if not reported or progress.merit > reported[-1][1] + self._min_delta:
            reported.append((progress.step, progress.merit, 0))
            return ""
        best, num_in_vain = reported[-1][1], reported[-1][2] + 1
        reported.append((progress.step, best, num_in_vain))
        if num_in_vain < self._num_reports or progress.step < self._min_steps:
            return ""
        return (
            f"{num_in_vain} reports in a row have not improved on {best:.6g} by more than {self._min_delta:g}"
        )

    def tell(self, result: TrialResult) -> None:
        """See `Stopper.tell`."""
        self._reported.pop(result.trial_id, None)
