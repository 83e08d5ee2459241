"""Stops at each rung what is not among the best that have come there: asynchronous halving by stopping."""

from __future__ import annotations

from bisect import insort

from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.strategies.base import Progress
from heredity.strategies.stopping.kinds import Kind, Kinds


class HalvingStopper:
    """Lets one of `reduction` trials go on from each rung, judged by those that came there before.

    ASHA (Li et al. 2020) in the form that stops running trials instead of promoting ended ones. The rungs
    lie at ``min_steps``, ``min_steps * reduction``, ``min_steps * reduction**2``, and so on. The first trials
    at a rung go on, since there is nothing to judge them by: that is the price for waiting for nobody.
    Reports that pass several rungs at once count at all of them.

    Args:
        min_steps: Where the first rung lies.
        max_steps: Where trials end; there is no rung from there on.
        reduction: One of so many trials goes on.
        separate_kinds: Whether heirs are compared with heirs only, and founders with founders.

    Raises:
        ConfigError: A setting is out of its range.
    """

    def __init__(
        self, *, min_steps: int, max_steps: int, reduction: int = 3, separate_kinds: bool = True
    ) -> None:
        if not 1 <= min_steps <= max_steps:
            raise ConfigError(
                f"HalvingStopper: expected 1 <= min_steps <= max_steps, got {min_steps} and {max_steps}."
            )
        if reduction < 2:
            raise ConfigError(f"HalvingStopper: reduction: expected at least 2, got {reduction}.")
        self._reduction = reduction
        self._rungs: list[int] = []
        while min_steps < max_steps:
            self._rungs.append(min_steps)
            min_steps *= reduction
        self._kinds = Kinds(are_separate=separate_kinds)
        self._num_passed: dict[TrialId, int] = {}
        self._merits: dict[tuple[Kind, int], list[float]] = {}

    def should_stop(self, progress: Progress) -> str:
        """See `Stopper.should_stop`."""
        kind, passed, reason = self._kinds.of(progress), self._passed(progress), ""
        while passed < len(self._rungs) and self._rungs[passed] <= progress.step:
            merits = self._merits.setdefault((kind, passed), [])
            insort(merits, progress.merit)
            reason = self._judged(progress.merit, merits, rung=self._rungs[passed], kind=kind)
            passed += 1
        self._num_passed[progress.trial_id] = passed
        return reason

    def tell(self, result: TrialResult) -> None:
        """See `Stopper.tell`. What counts was known at the rungs."""

    def _passed(self, progress: Progress) -> int:
        if progress.trial_id not in self._num_passed and progress.continues and progress.parents:
            return self._num_passed.get(progress.parents[0], 0)
        return self._num_passed.get(progress.trial_id, 0)

    def _judged(self, merit: float, merits: list[float], *, rung: int, kind: Kind) -> str:
        num_going_on = len(merits) // self._reduction
        if not num_going_on or merit >= merits[-num_going_on]:
            return ""
        return (
            f"at the rung of step {rung}, {merit:.6g} is not among the best {num_going_on} "
            f"of {len(merits)} {kind.value}s"
        )
