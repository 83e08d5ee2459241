"""A search in a supernet: it is trained first, architectures are judged by its weights, the best go on."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Literal

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.strategies.base import NoProposal, Proposal, Strategy
from heredity.strategies.numbering import numbered

SUPERNET = TrialId("supernet")

Start = Literal["supernet", "fresh", "both"]


class SupernetSearch:
    """Trains a supernet, lets a strategy search in it, then trains the best few (Guo et al. 2020, SPOS).

    One experiment, one lineage: the supernet is the parent of every trial that follows. ``trial.info`` says
    what a trial is by its ``stage``: ``supernet``, which has no hyperparameters; ``search``, which judges an
    architecture by the supernet's weights and trains nothing; ``final``, which trains its part of them.

    Args:
        strategy: What searches, such as regularized evolution over the supernet's space. Whatever parents it
            names, a trial's only parent is the supernet.
        supernet_steps: How long the supernet is trained.
        num_trials: How many architectures are judged; the strategy may end before.
        top: How many are trained at the end.
        max_steps: How long each of them is trained.
        start: From the ``supernet``'s weights, ``fresh`` as a control, or ``both``.

    Raises:
        ConfigError: A number is below 1, or there is no such start.
    """

    def __init__(  # three stages
        self,
        strategy: Strategy,
        *,
        supernet_steps: int,
        num_trials: int,
        top: int = 3,
        max_steps: int,
        start: Start = "supernet",
    ) -> None:
        numbers = {"supernet_steps": supernet_steps, "num_trials": num_trials, "top": top}
        for name, number in {**numbers, "max_steps": max_steps}.items():
            if number < 1:
                raise ConfigError(f"SupernetSearch: {name}: expected at least 1, got {number}.")
        if start not in ("supernet", "fresh", "both"):
            raise ConfigError(f"SupernetSearch: start: expected supernet, fresh or both, got {start!r}.")
        self._strategy = strategy
        self._supernet_steps, self._max_steps = supernet_steps, max_steps
        self._num_trials, self._top = num_trials, top
        self._start: Start = start
        self._supernet: TrialResult | None = None
        self._has_begun = False
        self._is_searching = True
        self._searched: dict[TrialId, Proposal] = {}
        self._results: dict[TrialId, TrialResult] = {}
        self._finals: deque[Proposal] | None = None

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        if not self._has_begun:
            self._has_begun = True
            return Proposal(SUPERNET, {}, max_steps=self._supernet_steps, info={"stage": "supernet"})
        if self._supernet is None:
            return NoProposal.NOT_YET
        if self._supernet.state is not TrialState.COMPLETED:
            return NoProposal.EXHAUSTED  # there are no weights to search in
        answer = self._next_to_judge()
        return self._next_final() if answer is NoProposal.EXHAUSTED else answer

    def _next_to_judge(self) -> Proposal | NoProposal:
        if not self._is_searching or len(self._searched) == self._num_trials:
            return NoProposal.EXHAUSTED
        answer = self._strategy.ask()
        self._is_searching = answer is not NoProposal.EXHAUSTED
        return self._judged(answer) if isinstance(answer, Proposal) else answer

    def _next_final(self) -> Proposal | NoProposal:
        if len(self._results) < len(self._searched):
            return NoProposal.NOT_YET
        if self._finals is None:
            self._finals = deque(self._finalists())
        return self._finals.popleft() if self._finals else NoProposal.EXHAUSTED

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        if result.trial_id == SUPERNET:
            self._supernet = result
        elif result.trial_id in self._searched:
            self._results[result.trial_id] = result
            self._strategy.tell(result)

    def _judged(self, answer: Proposal) -> Proposal:
        proposal = replace(
            answer, parents=(SUPERNET,), max_steps=None, info={**answer.info, "stage": "search"}
        )
        self._searched[proposal.trial_id] = proposal
        return proposal

    def _finalists(self) -> list[Proposal]:
        scored = [result for result in self._results.values() if result.merit is not None]
        ranked = sorted(scored, key=lambda result: -(result.merit or 0.0))  # stable: the earlier one first
        starts = ["supernet", "fresh"] if self._start == "both" else [self._start]
        return [
            self._final(best, place, start)
            for place, best in enumerate(ranked[: self._top], start=1)
            for start in starts
        ]

    def _final(self, best: TrialResult, place: int, start: str) -> Proposal:
        info: dict[str, Json] = {"stage": "final", "place": place, "found_as": best.trial_id, "start": start}
        return Proposal(
            numbered(place, prefix="final-" if start == "supernet" else "fresh-"),
            best.parameters,
            parents=(SUPERNET,) if start == "supernet" else (),
            max_steps=self._max_steps,
            info=info,
        )
