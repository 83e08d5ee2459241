"""Successive halving that waits for nobody: a trial that is among the best of its rung goes on at once."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.space import Dimension, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.halving.climbing import Climber, may_climb, promotion, rank
from heredity.strategies.halving.configurations import Configurations, Sampler
from heredity.strategies.halving.rungs import rung_steps
from heredity.strategies.numbering import numbered
from heredity.strategies.sampling import RandomSearch


@dataclass(eq=False)
class ASHA:
    """Asynchronous successive halving (Li et al. 2020, algorithm 2).

    Asked for a trial, it promotes the best that is among the top ``1 / reduction`` of a rung and was not
    promoted before, from the highest rung that has one; if there is none, a new configuration begins at the
    lowest. So every worker always has work, at the price of a few promotions that more results would not
    have confirmed. What failed counts as the worst of its rung.

    Raises:
        ConfigError: A number does not fit the others.
    """

    space: Space | Mapping[str, Dimension]
    """What may be searched."""
    _: KW_ONLY
    seed: int
    """Of the sampler."""
    min_steps: int
    """As for `SuccessiveHalving`."""
    max_steps: int
    """As for `SuccessiveHalving`."""
    reduction: int = 3
    """As for `SuccessiveHalving`."""
    num_configurations: int | None = None
    """How many begin; None for no end, where the experiment's budget is the end."""
    sampler: Sampler = RandomSearch
    """As for `SuccessiveHalving`."""
    restart: bool = False
    """As for `SuccessiveHalving`."""

    def __post_init__(self) -> None:
        if self.num_configurations is not None and self.num_configurations < 1:
            raise ConfigError(
                f"num_configurations: expected at least 1, or None for no end, got {self.num_configurations}."
            )
        self._steps = rung_steps(self.min_steps, self.max_steps, reduction=self.reduction)
        self._rungs = [_Rung(self.reduction) for _ in self._steps]
        self._configurations = Configurations(self.sampler(as_space(self.space), seed=self.seed))
        self._num_drawn = 0
        self._num_proposed = 0
        self._unfinished: dict[TrialId, tuple[Proposal, int]] = {}
        """The running trials, each with the trial that its configuration began with, and its rung."""

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        trial_id = numbered(self._num_proposed + 1)
        answer = self._promote(trial_id) or self._draw(trial_id)
        if isinstance(answer, Proposal):
            self._num_proposed += 1
        elif self._unfinished:
            return NoProposal.NOT_YET  # its end may let another be promoted
        return answer

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        first, rung = self._unfinished.pop(result.trial_id)
        if rung == 0:
            self._configurations.tell(result)
        self._rungs[rung].take(Climber(first, rung, result))

    def _promote(self, trial_id: TrialId) -> Proposal | None:
        for rung in reversed(range(len(self._rungs) - 1)):
            climber = self._rungs[rung].promotable()
            if climber is not None:
                self._rungs[rung].promoted.add(climber.result.trial_id)
                self._unfinished[trial_id] = climber.first, rung + 1
                return promotion(
                    climber, trial_id=trial_id, max_steps=self._steps[rung + 1], restart=self.restart
                )
        return None

    def _draw(self, trial_id: TrialId) -> Proposal | NoProposal:
        if self._num_drawn == self.num_configurations:
            return NoProposal.EXHAUSTED
        answer = self._configurations.draw(trial_id, max_steps=self._steps[0], info={})
        if isinstance(answer, Proposal):
            self._num_drawn += 1
            self._unfinished[trial_id] = answer, 0
        return answer


class _Rung:
    """What has ended at one rung, best first."""

    def __init__(self, reduction: int) -> None:
        self._reduction = reduction
        self._ranked: list[Climber] = []
        self._num_ended = 0
        self.promoted: set[TrialId] = set()

    def take(self, climber: Climber) -> None:
        self._num_ended += 1
        if may_climb(climber.result):
            insort(self._ranked, climber, key=rank)

    def promotable(self) -> Climber | None:
        """The best of the top share that was not promoted yet."""
        top = self._ranked[: self._num_ended // self._reduction]
        return next((climber for climber in top if climber.result.trial_id not in self.promoted), None)
