"""Successive halving, and Hyperband: all its brackets, from many short trainings to a few long ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.space import Dimension, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.halving.bracket import Bracket
from heredity.strategies.halving.configurations import Configurations, Sampler
from heredity.strategies.halving.rungs import Plan, halving_plan, hyperband_plans, rung_steps
from heredity.strategies.numbering import numbered
from heredity.strategies.sampling import RandomSearch


@dataclass(eq=False)
class SuccessiveHalving:
    """Trains many configurations for a few steps, the best of them for more, and so on up to all steps.

    A trial that is promoted is a new trial that goes on from the one of the rung below: with its weights, its
    optimizer's state and its count of steps (Jamieson and Talwalkar 2016; algorithm 1 of Li et al. 2020).

    Raises:
        ConfigError: A number does not fit the others.
    """

    space: Space | Mapping[str, Dimension]
    """What may be searched."""
    _: KW_ONLY
    seed: int
    """Of the sampler."""
    min_steps: int
    """The least that a configuration is trained for. The lowest rung has ``max_steps``, divided by
    ``reduction`` as often as that leaves at least so many."""
    max_steps: int
    """What the last rung is trained for, the steps of the rungs below included; R in the papers."""
    reduction: int = 3
    """One in so many of each rung goes on, and is trained so many times longer; eta in the papers."""
    num_configurations: int
    """How many begin."""
    num_brackets: int | None = 1
    """How many halvings follow each other; None for no end."""
    sampler: Sampler = RandomSearch
    """Makes the strategy that the configurations come from; by default they are drawn at random."""
    restart: bool = False
    """Begin anew at every rung instead of going on: the baseline, which costs more steps."""

    def __post_init__(self) -> None:
        steps = rung_steps(self.min_steps, self.max_steps, reduction=self.reduction)
        plan = halving_plan(self.num_configurations, steps, reduction=self.reduction)
        configurations = Configurations(self.sampler(as_space(self.space), seed=self.seed))
        self._brackets = _Brackets(
            [(plan, configurations)],
            num_rounds=_checked_rounds("num_brackets", self.num_brackets),
            reduction=self.reduction,
            restart=self.restart,
        )

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        return self._brackets.ask()

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        self._brackets.tell(result)


@dataclass(eq=False)
class Hyperband:
    """Successive halvings that begin with ever fewer configurations, and train them ever longer at first.

    So it need not be known how early a configuration shows what it is worth (Li et al. 2018, algorithm 1).
    While a bracket waits for its last trials, the next one begins.

    Raises:
        ConfigError: A number does not fit the others.
    """

    space: Space | Mapping[str, Dimension]
    """What may be searched."""
    _: KW_ONLY
    seed: int
    """Of the samplers: each bracket has one of its own, kept from round to round."""
    min_steps: int
    """As for `SuccessiveHalving`."""
    max_steps: int
    """As for `SuccessiveHalving`."""
    reduction: int = 3
    """As for `SuccessiveHalving`."""
    num_rounds: int | None = 1
    """How often all brackets are run; None for no end."""
    sampler: Sampler = RandomSearch
    """As for `SuccessiveHalving`."""
    restart: bool = False
    """As for `SuccessiveHalving`."""

    def __post_init__(self) -> None:
        plans = hyperband_plans(self.min_steps, self.max_steps, reduction=self.reduction)
        rng = random.Random(self.seed)  # noqa: S311  # no secret
        space = as_space(self.space)
        self._brackets = _Brackets(
            [(plan, Configurations(self.sampler(space, seed=rng.getrandbits(31)))) for plan in plans],
            num_rounds=_checked_rounds("num_rounds", self.num_rounds),
            reduction=self.reduction,
            restart=self.restart,
        )

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        return self._brackets.ask()

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        self._brackets.tell(result)


class _Brackets:
    """Brackets one after the other; what an earlier one has to propose comes first."""

    def __init__(
        self,
        round_of: Sequence[tuple[Plan, Configurations]],
        *,
        num_rounds: int | None,
        reduction: int,
        restart: bool,
    ) -> None:
        self._round_of = round_of
        self._num_rounds = num_rounds
        self._reduction = reduction
        self._restart = restart
        self._num_opened = 0
        self._num_proposed = 0
        self._open: list[Bracket] = []
        self._bracket_of: dict[TrialId, Bracket] = {}

    def ask(self) -> Proposal | NoProposal:
        trial_id = numbered(self._num_proposed + 1)
        for bracket in self._brackets():
            answer = bracket.ask(trial_id)
            if isinstance(answer, Proposal):
                self._num_proposed += 1
                self._bracket_of[trial_id] = bracket
                return answer
        return NoProposal.NOT_YET if self._bracket_of else NoProposal.EXHAUSTED

    def tell(self, result: TrialResult) -> None:
        bracket = self._bracket_of.pop(result.trial_id)
        bracket.tell(result)
        if bracket.is_over:
            self._open.remove(bracket)

    def _brackets(self) -> Iterator[Bracket]:
        """Those that are open, and the next ones as long as none of these has a place left."""
        yield from self._open
        while all(bracket.is_full for bracket in self._open) and (following := self._next()) is not None:
            self._open.append(following)
            yield following

    def _next(self) -> Bracket | None:
        size = len(self._round_of)
        for _ in range(size):  # past those whose samplers have nothing left
            index, self._num_opened = self._num_opened, self._num_opened + 1
            if self._num_rounds is not None and index >= self._num_rounds * size:
                return None
            plan, configurations = self._round_of[index % size]
            if not configurations.is_exhausted:
                info: dict[str, Json] = {"bracket": plan.bracket, "round": index // size}
                return Bracket(
                    plan, configurations, reduction=self._reduction, restart=self._restart, info=info
                )
        return None


def _checked_rounds(name: str, number: int | None) -> int | None:
    if number is not None and number < 1:
        raise ConfigError(f"{name}: expected at least 1, or None for no end, got {number}.")
    return number
