"""Where a halving's configurations come from: a sampler, whose trials get the halving's names and budgets."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from heredity.encoding import Json
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.space import Space
from heredity.strategies.base import NoProposal, Proposal, Strategy


class Sampler(Protocol):
    """Makes the strategy whose proposals are the configurations: most strategies' classes are one."""

    def __call__(self, space: Space, *, seed: int) -> Strategy:
        """Make a strategy for this space.

        It is told how each configuration did at the rung that it began at, and nothing of the rungs above,
        so that what it compares was trained equally long.
        """
        ...


class Configurations:
    """The proposals of a sampler, under the names that the halving gives them."""

    def __init__(self, sampler: Strategy) -> None:
        self._sampler = sampler
        self._ours: dict[TrialId, TrialId] = {}
        self._theirs: dict[TrialId, TrialId] = {}
        self.is_exhausted = False

    def draw(self, trial_id: TrialId, *, max_steps: int, info: dict[str, Json]) -> Proposal | NoProposal:
        """The next configuration, as the trial that begins it; or why there is none."""
        if self.is_exhausted:
            return NoProposal.EXHAUSTED
        answer = self._sampler.ask()
        if isinstance(answer, NoProposal):
            self.is_exhausted = answer is NoProposal.EXHAUSTED
            return answer
        self._ours[answer.trial_id] = trial_id
        self._theirs[trial_id] = answer.trial_id
        return replace(
            answer,
            trial_id=trial_id,
            parents=tuple(self._ours[parent] for parent in answer.parents),
            twin_of=None if answer.twin_of is None else self._ours[answer.twin_of],
            max_steps=max_steps,
            continues=False,  # every configuration begins to count its steps at the lowest rung
            info={**answer.info, **info, "rung": 0, "configuration": trial_id},
        )

    def tell(self, result: TrialResult) -> None:
        """Tell the sampler how a trial that `draw` has given ended."""
        self._sampler.tell(
            replace(
                result,
                trial_id=self._theirs[result.trial_id],
                parents=tuple(self._theirs[parent] for parent in result.parents),
            )
        )
