"""Scratch twins: some children of a search are repeated from nothing, to measure what inheritance gave."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId, parse_trial_id
from heredity.strategies.base import NoProposal, Proposal, Strategy
from heredity.strategies.controls.children import goes_on
from heredity.strategies.given import TWIN_SUFFIX

Steps = Literal["own", "cumulative"]


@dataclass(frozen=True, slots=True)
class _Price:
    """Training steps, as far as `max_steps` bound them; None if something does not."""

    behind: int | None
    """What lies behind the trial's step 0."""
    in_all: int | None
    """The same at its end."""


class ScratchTwins:
    """Repeats a share of a strategy's children from nothing, as ``<id>.scratch``, right after the child.

    A twin has its original's hyperparameters and seed, and no parents. The strategy never hears of twins, so
    that the search goes the same way with them and without; only the experiment's `max_trials` counts them.
    What continues its parent with the same hyperparameters is no child, and has no twin.
    `heredity.experiment.inheritance_report` compares the pairs.

    Args:
        strategy: Whose children are repeated.
        share: The share of them, from 0 to 1. Of every ``1 / share`` children one is drawn, so that a short
            search has its twins too.
        seed: Draws which ones.
        steps: How long a twin trains. ``own``: for its original's `max_steps`. ``cumulative``: for as many as
            its original and its longest line of ancestors together, which is what the original's score has
            cost in all.

    Raises:
        ConfigError: A setting is out of its range.
    """

    def __init__(
        self, strategy: Strategy, *, share: float = 0.1, seed: int = 0, steps: Steps = "own"
    ) -> None:
        if not 0 <= share <= 1:
            raise ConfigError(f"ScratchTwins: share: expected 0 to 1, got {share}.")
        if steps not in get_args(Steps):
            raise ConfigError(f"ScratchTwins: steps: expected own or cumulative, got {steps!r}.")
        self._strategy = strategy
        self._share = share
        self._rng = random.Random(seed)  # noqa: S311  # no secret
        self._steps = steps
        self._twin: Proposal | None = None
        self._twins: set[TrialId] = set()
        self._num_children = 0
        self._num_chosen = 0
        self._next_chosen = self._draw(-1)
        self._prices: dict[TrialId, _Price] = {}
        self._parameters: dict[TrialId, Mapping[str, Json]] = {}

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`.

        Raises:
            InvalidName: The twin's name would be too long.
        """
        if self._twin is not None:
            twin, self._twin = self._twin, None
            return twin
        answer = self._strategy.ask()
        if isinstance(answer, Proposal):
            self._prices[answer.trial_id] = self._price_of(answer)
            self._parameters[answer.trial_id] = answer.parameters
            if self._is_child(answer) and self._is_chosen():
                self._twin = self._twin_of(answer)
                self._twins.add(self._twin.trial_id)
        return answer

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`. What twins have done is no news for the strategy."""
        if result.trial_id not in self._twins:
            self._strategy.tell(result)

    def _is_child(self, proposal: Proposal) -> bool:
        is_twin = proposal.twin_of is not None
        return bool(proposal.parents) and not is_twin and not goes_on(proposal, self._parameters)

    def _twin_of(self, proposal: Proposal) -> Proposal:
        trial = proposal.trial_id
        return Proposal(
            parse_trial_id(trial + TWIN_SUFFIX),
            proposal.parameters,
            twin_of=trial,
            max_steps=proposal.max_steps if self._steps == "own" else self._prices[trial].in_all,
            info=proposal.info,
        )

    def _price_of(self, proposal: Proposal) -> _Price:
        parents = [self._prices[parent] for parent in proposal.parents]
        if proposal.continues and parents:
            behind = parents[0].behind  # the parent's own steps are among those of the trial
        elif any(parent.in_all is None for parent in parents):
            behind = None
        else:
            behind = max((parent.in_all or 0 for parent in parents), default=0)
        if behind is None or proposal.max_steps is None:
            return _Price(behind, None)
        return _Price(behind, behind + proposal.max_steps)

    def _is_chosen(self) -> bool:
        number, self._num_children = self._num_children, self._num_children + 1
        if number < self._next_chosen:
            return False
        self._num_chosen += 1
        self._next_chosen = self._draw(number)
        return True

    def _draw(self, before: int) -> float:
        """The number of the next child to be chosen: anywhere within the next 1 / share children."""
        if not self._share:
            return math.inf
        return max(before + 1, int((self._num_chosen + self._rng.random()) / self._share))
