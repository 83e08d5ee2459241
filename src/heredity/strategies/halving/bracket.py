"""One synchronous halving: a rung is done when all its trials have ended; then the best of it go on."""

from __future__ import annotations

from collections import deque

from heredity.encoding import Json
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.halving.climbing import Climber, best, promotion
from heredity.strategies.halving.configurations import Configurations
from heredity.strategies.halving.rungs import Plan


class Bracket:
    """The trials of one bracket (Jamieson and Talwalkar 2016; Li et al. 2018).

    Args:
        plan: The rungs.
        configurations: Whom to begin with. If there are fewer than planned, every rung has fewer, and at
            least one.
        reduction: One in so many goes on.
        restart: Whether each rung begins again instead of going on.
        info: What every trial's record should say.
    """

    def __init__(
        self,
        plan: Plan,
        configurations: Configurations,
        *,
        reduction: int,
        restart: bool,
        info: dict[str, Json],
    ) -> None:
        self._plan = plan
        self._configurations = configurations
        self._reduction = reduction
        self._restart = restart
        self._info = info
        self._num_drawn = 0
        self._rung = 0
        self._unfinished: dict[TrialId, Proposal] = {}
        """The running trials of this rung, each with the trial that its configuration began with."""
        self._ended: list[Climber] = []
        self._promoted: deque[Climber] = deque()

    @property
    def is_full(self) -> bool:
        """Whether no more configurations will begin."""
        return self._num_drawn == self._plan.rungs[0].num_configurations or self._configurations.is_exhausted

    @property
    def is_over(self) -> bool:
        """Whether all its trials have ended and none will follow."""
        return self.is_full and not (self._unfinished or self._ended or self._promoted)

    def ask(self, trial_id: TrialId) -> Proposal | NoProposal:
        """The next trial, under this name; or why there is none."""
        if not self.is_full:
            answer = self._draw(trial_id)
            if answer is not NoProposal.EXHAUSTED:
                return answer
        self._close_rung()
        if self._promoted:
            return self._promote(self._promoted.popleft(), trial_id)
        return NoProposal.NOT_YET if self._unfinished else NoProposal.EXHAUSTED

    def tell(self, result: TrialResult) -> None:
        """Learn how a trial of this bracket ended."""
        self._ended.append(Climber(self._unfinished.pop(result.trial_id), self._rung, result))
        if self._rung == 0:
            self._configurations.tell(result)
        self._close_rung()

    def _draw(self, trial_id: TrialId) -> Proposal | NoProposal:
        answer = self._configurations.draw(trial_id, max_steps=self._plan.rungs[0].max_steps, info=self._info)
        if isinstance(answer, Proposal):
            self._num_drawn += 1
            self._unfinished[trial_id] = answer
        return answer

    def _close_rung(self) -> None:
        """Once all trials of the rung have ended, choose who goes on."""
        if not self._ended or self._unfinished or self._promoted or not self.is_full:
            return
        is_last = self._rung == len(self._plan.rungs) - 1
        # The same as the plan says, unless there were not enough configurations to begin with.
        num = 0 if is_last else max(1, self._num_drawn // self._reduction ** (self._rung + 1))
        self._promoted.extend(best(self._ended, num))
        self._ended.clear()
        self._rung += 1

    def _promote(self, climber: Climber, trial_id: TrialId) -> Proposal:
        self._unfinished[trial_id] = climber.first
        max_steps = self._plan.rungs[self._rung].max_steps
        return promotion(climber, trial_id=trial_id, max_steps=max_steps, restart=self._restart)
