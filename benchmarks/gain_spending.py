"""A strategy that proposes nothing more once its trials have been given a budget of steps."""

from __future__ import annotations

from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.strategies import NoProposal, Proposal, Strategy


class Spending:
    """Ends a strategy at the first proposal that would take more steps than are left.

    Args:
        strategy: Its proposals say how many steps they take.
        max_steps: For all trials together.
    """

    def __init__(self, strategy: Strategy, *, max_steps: int) -> None:
        self._strategy = strategy
        self._left = max_steps
        self._reached: dict[TrialId, int] = {}

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        if self._left <= 0:
            return NoProposal.EXHAUSTED
        answer = self._strategy.ask()
        if not isinstance(answer, Proposal):
            return answer
        if answer.max_steps is None:
            raise ValueError(f"trial {answer.trial_id} may take any number of steps")
        behind = self._reached[answer.parents[0]] if answer.continues else 0
        own = answer.max_steps - behind
        self._left -= own
        if self._left < 0:
            return NoProposal.EXHAUSTED
        self._reached[answer.trial_id] = answer.max_steps
        return answer

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        self._strategy.tell(result)
