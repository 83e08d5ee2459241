"""Stops trials that are worse than the median, or another percentile, of those that have completed."""

from __future__ import annotations

from collections.abc import Sequence

from heredity.errors import ConfigError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.strategies.base import Progress
from heredity.strategies.stopping.curves import Curve, Levels
from heredity.strategies.stopping.kinds import Kind, Kinds


class PercentileStopper:
    """Stops a trial whose best report so far is worse than a percentile of the others' running averages.

    The median stopping rule of Vizier (Golovin et al. 2017, section 3.1.1) is the 50th percentile. The others
    are the completed trials, each with the mean of all that it reported up to the step in question. A trial
    that continues its parent has the parent's reports before its own.

    Args:
        percentile: From 0, which stops what is worse than all others, to 100, which stops what is not the
            best.
        min_steps: No trial is stopped before this step.
        min_trials: No trial is stopped before so many of its kind have completed, and reported by its step.
        separate_kinds: Whether heirs are compared with heirs only, and founders with founders. An heir
            begins where its parent ended: among them, founders would all look bad.

    Raises:
        ConfigError: A setting is out of its range.
    """

    def __init__(
        self, percentile: float, *, min_steps: int = 0, min_trials: int = 5, separate_kinds: bool = True
    ) -> None:
        if not 0 <= percentile <= 100:
            raise ConfigError(f"PercentileStopper: percentile: expected 0 to 100, got {percentile}.")
        if min_trials < 1:
            raise ConfigError(f"PercentileStopper: min_trials: expected at least 1, got {min_trials}.")
        self._percentile = percentile
        self._min_steps = min_steps
        self._min_trials = min_trials
        self._kinds = Kinds(are_separate=separate_kinds)
        self._curves: dict[TrialId, tuple[Curve, Kind]] = {}
        self._levels = Levels()

    def should_stop(self, progress: Progress) -> str:
        """See `Stopper.should_stop`."""
        curve, kind = self._curve(progress)
        curve.add(progress.step, progress.merit)
        others = self._levels.at(progress.step, kind)
        if progress.step < self._min_steps or len(others) < self._min_trials:
            return ""
        bar = _at_percentile(others, self._percentile)
        if curve.best >= bar:
            return ""
        return (
            f"its best by step {progress.step}, {curve.best:.6g}, is below {bar:.6g}, the percentile "
            f"{self._percentile:g} of the running averages of {len(others)} completed {kind.value}s"
        )

    def tell(self, result: TrialResult) -> None:
        """See `Stopper.tell`."""
        if result.state is TrialState.FAILED:
            self._curves.pop(result.trial_id, None)
        elif result.state is TrialState.COMPLETED and result.trial_id in self._curves:
            self._levels.add(*self._curves[result.trial_id])

    def _curve(self, progress: Progress) -> tuple[Curve, Kind]:
        if progress.trial_id not in self._curves:
            curve = Curve()
            if progress.continues and progress.parents and progress.parents[0] in self._curves:
                curve = self._curves[progress.parents[0]][0].up_to(progress.step - 1)
            self._curves[progress.trial_id] = curve, self._kinds.of(progress)
        return self._curves[progress.trial_id]


class MedianStopper:
    """Stops a trial whose best report so far is below the median of the others' running averages.

    The median stopping rule of Vizier (Golovin et al. 2017, section 3.1.1).

    Args:
        min_steps: No trial is stopped before this step.
        min_trials: No trial is stopped before so many of its kind have completed, and reported by its step.
        separate_kinds: Whether heirs are compared with heirs only; see `PercentileStopper`.

    Raises:
        ConfigError: A setting is out of its range.
    """

    def __init__(self, *, min_steps: int = 0, min_trials: int = 5, separate_kinds: bool = True) -> None:
        self._stopper = PercentileStopper(
            50, min_steps=min_steps, min_trials=min_trials, separate_kinds=separate_kinds
        )

    def should_stop(self, progress: Progress) -> str:
        """See `Stopper.should_stop`."""
        return self._stopper.should_stop(progress)

    def tell(self, result: TrialResult) -> None:
        """See `Stopper.tell`."""
        self._stopper.tell(result)


def _at_percentile(values: Sequence[float], percentile: float) -> float:
    """Of sorted values, with a straight line between neighbours."""
    place = (len(values) - 1) * percentile / 100
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)
