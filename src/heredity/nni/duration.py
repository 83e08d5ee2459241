"""An experiment's duration: after it a strategy proposes nothing more."""

from __future__ import annotations

import time
from collections.abc import Sequence

from heredity.experiment import TrialResult
from heredity.nni.tuner import Recorded
from heredity.strategies import NoProposal, Proposal, Strategy


class UntilDuration:
    """Another strategy, until the time is over. A resumed experiment has its whole time again.

    Args:
        strategy: Whose proposals these are.
        seconds: For how long.
        recorded: What the journal tells of: the clock has no say in what was proposed already.
    """

    def __init__(self, strategy: Strategy, seconds: float, *, recorded: Sequence[Recorded]) -> None:
        self._strategy = strategy
        self._ends_at = time.monotonic() + seconds
        self._num_recorded = sum(each.proposal is not None for each in recorded)
        self._was_exhausted = self._num_recorded < len(recorded)
        self._num_proposed = 0

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        is_repeating = self._num_proposed < self._num_recorded
        if not is_repeating and (self._was_exhausted or time.monotonic() > self._ends_at):
            return NoProposal.EXHAUSTED
        answer = self._strategy.ask()
        self._num_proposed += isinstance(answer, Proposal)
        return answer

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        self._strategy.tell(result)
