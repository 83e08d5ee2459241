"""A search, and then a longer training of the best that it found: the last word is not a short training's."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Literal

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.strategies.base import NoProposal, Proposal, Strategy
from heredity.strategies.numbering import numbered

Start = Literal["continue", "fresh", "both"]


class Finalists:
    """Lets a strategy search, then trains the best few of its trials for longer.

    Scores of short trainings, and inherited ones above all, favour what has been trained the longest;
    finalists that are all trained alike correct this. They go on from their weights, begin anew, or do both,
    which shows whether the architecture is good or merely its weights.

    Args:
        strategy: What searches.
        num_trials: How many of its trials belong to the search; it may end before.
        top: How many finalists there are.
        max_steps: How long each is trained: a finalist that goes on trains so many steps beyond those that
            lie behind it.
        start: ``continue`` from the trial's weights, begin ``fresh``, or ``both``.

    Raises:
        ConfigError: A number is below 1.
    """

    def __init__(
        self,
        strategy: Strategy,
        *,
        num_trials: int,
        top: int = 3,
        max_steps: int,
        start: Start = "continue",
    ) -> None:
        for name, number in (("num_trials", num_trials), ("top", top), ("max_steps", max_steps)):
            if number < 1:
                raise ConfigError(f"Finalists: {name}: expected at least 1, got {number}.")
        if start not in ("continue", "fresh", "both"):
            raise ConfigError(f"Finalists: start: expected continue, fresh or both, got {start!r}.")
        self._strategy = strategy
        self._num_trials = num_trials
        self._top = top
        self._max_steps = max_steps
        self._start: Start = start
        self._searched: dict[TrialId, Proposal] = {}
        self._results: dict[TrialId, TrialResult] = {}
        self._is_searching = True
        self._finals: deque[Proposal] | None = None

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        if self._is_searching and len(self._searched) < self._num_trials:
            answer = self._strategy.ask()
            if isinstance(answer, Proposal):
                self._searched[answer.trial_id] = answer
                return answer
            if answer is NoProposal.NOT_YET:
                return answer
            self._is_searching = False
        if len(self._results) < len(self._searched):
            return NoProposal.NOT_YET
        if self._finals is None:
            self._finals = deque(self._finalists())
        return self._finals.popleft() if self._finals else NoProposal.EXHAUSTED

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        if result.trial_id in self._searched:
            self._results[result.trial_id] = result
            self._strategy.tell(result)

    def _finalists(self) -> list[Proposal]:
        scored = [result for result in self._results.values() if result.merit is not None]
        ranked = sorted(scored, key=lambda result: -(result.merit or 0.0))  # stable: the earlier one first
        return [
            replace(proposal, trial_id=numbered(place, prefix=f"{proposal.trial_id}-"))
            for place, best in enumerate(ranked[: self._top], start=1)
            for proposal in self._proposals(best, place)
        ]

    def _proposals(self, best: TrialResult, place: int) -> list[Proposal]:
        info: dict[str, Json] = {"stage": "final", "place": place, "found_as": best.trial_id}
        fresh = Proposal(
            TrialId("fresh"), best.parameters, max_steps=self._max_steps, info=info | {"start": "fresh"}
        )
        if best.checkpoint is None:
            return [fresh]  # it saved nothing to go on from
        steps_behind = max((report.step for report in best.reports), default=0)
        going_on = Proposal(
            TrialId("final"),
            best.parameters,
            parents=(best.trial_id,),
            max_steps=steps_behind + self._max_steps,
            continues=True,
            info=info | {"start": "continue"},
        )
        return {"continue": [going_on], "fresh": [fresh], "both": [going_on, fresh]}[self._start]
