"""Regularized evolution: mutants of tournament winners, which start from the winners' weights."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.space import Dimension, Parameters, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.changes import changes
from heredity.strategies.evolution.population import Individual, Population
from heredity.strategies.numbering import numbered
from heredity.strategies.sampling import UntriedPoints

MAX_MUTANTS = 50
"""How many mutants of a winner are made until one is new."""
MUTANTS_A_STEP = 10
"""After so many that were known, mutants differ in one value more."""


@dataclass(eq=False)
class RegularizedEvolution:
    """Founders at random, then mutants of the better ones of a population that ages (Real et al. 2019).

    A child is a mutant of the best of a few trials that are drawn from the population. It names that trial as
    its parent and so begins with its weights. Any number of trials may be unfinished: a child needs an ended
    parent only, and nobody waits for a generation. Each ended trial enters the population and the oldest one
    leaves, so that a score which was lucky, or which comes from the longest line of ancestors, does not rule
    for ever. A trial that fails never enters; a founder that fails is replaced.

    With several objectives the tournaments are won by the lower non-dominated front, then by the larger
    crowding distance (Deb et al. 2002, NSGA-II); the population ages alike.

    A parent that saved nothing cannot give weights: its children begin from nothing.

    Attributes:
        space: What may be searched. No point is proposed twice; when all of a finite space were, the strategy
            is exhausted.
        seed: The same seed and the same results give the same proposals.
        population_size: How many trials the population has; so many founders come first.
        sample_size: How many are drawn, with replacement, for a tournament; the first children wait for so
            many ended trials.
        num_mutations: How many mutations a child has.
        crossover: The share of children that are mixed from two winners before they are mutated. Both are
            their parents; the weights come from the first.
        inherit: Whether children name their parents; False is evolution from scratch.
        max_steps: How many steps a trial is to train; None: as many as its function likes.
        child_max_steps: The same for children, if they are to train for another time than founders.

    Raises:
        ConfigError: A setting is out of its range.
    """

    space: Space | Mapping[str, Dimension]
    _: KW_ONLY
    seed: int
    population_size: int
    sample_size: int
    num_mutations: int = 1
    crossover: float = 0.0
    inherit: bool = True
    max_steps: int | None = None
    child_max_steps: int | None = None
    _num_founders: int = field(init=False, repr=False, default=0)
    """Those that have failed are not among them."""
    _num_proposed: int = field(init=False, repr=False, default=0)
    _is_exhausted: bool = field(init=False, repr=False, default=False)

    def __post_init__(self) -> None:
        for name, number in (
            ("population_size", self.population_size),
            ("num_mutations", self.num_mutations),
        ):
            if number < 1:
                raise ConfigError(f"RegularizedEvolution: {name}: expected at least 1, got {number}.")
        if not 1 <= self.sample_size <= self.population_size:
            raise ConfigError(
                f"RegularizedEvolution: sample_size: expected 1 to population_size = {self.population_size}, "
                f"got {self.sample_size}."
            )
        if not 0 <= self.crossover <= 1:
            raise ConfigError(f"RegularizedEvolution: crossover: expected 0 to 1, got {self.crossover}.")
        self._space = as_space(self.space)
        self._untried = UntriedPoints(self._space)
        self._rng = random.Random(self.seed)  # noqa: S311  # no secret
        self._population = Population(self.population_size)
        self._unfinished: dict[TrialId, tuple[Parameters, int]] = {}

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        proposal = None
        if self._is_exhausted:
            return NoProposal.EXHAUSTED
        if self._num_founders < self.population_size:
            proposal = self._founder()
        if proposal is None:
            if len(self._population) < self.sample_size and self._unfinished:
                return NoProposal.NOT_YET
            proposal = self._child() if len(self._population) else None
        # When all mutants are known, others may be left; and founders that all failed may have been all.
        proposal = proposal or self._founder()
        if proposal is None:
            self._is_exhausted = True
            return NoProposal.EXHAUSTED
        return proposal

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        if result.trial_id not in self._unfinished:
            return
        parameters, generation = self._unfinished.pop(result.trial_id)
        if result.merit is not None:
            self._population.add(Individual(result, parameters, generation))
        elif generation == 0:
            self._num_founders -= 1

    def _founder(self) -> Proposal | None:
        point = self._untried.draw(self._rng)
        if point is None:
            return None
        self._num_founders += 1
        return self._proposal(point, [], generation=0, max_steps=self.max_steps)

    def _child(self) -> Proposal | None:
        first = self._population.winner(self._rng, num_drawn=self.sample_size)
        second = None
        if self.crossover and self._rng.random() < self.crossover:
            second = self._population.winner(self._rng, num_drawn=self.sample_size)
        winners = [first] if second is None or second is first else [first, second]
        point = self._untried_mutant([winner.parameters for winner in winners])
        if point is None:
            return None
        return self._proposal(
            point,
            winners,
            generation=first.generation + 1,
            max_steps=self.max_steps if self.child_max_steps is None else self.child_max_steps,
        )

    def _untried_mutant(self, points: list[Parameters]) -> dict[str, Json] | None:
        for number in range(MAX_MUTANTS):
            mutant = self._mutant(points, num=self.num_mutations + number // MUTANTS_A_STEP)
            if mutant is not None and self._untried.claim(mutant):
                return mutant
        return None

    def _mutant(self, points: list[Parameters], *, num: int) -> dict[str, Json] | None:
        mutant: dict[str, Json] | None = dict(points[0])
        if len(points) == 2:
            mutant = self._space.crossover(points[0], points[1], self._rng)
        for _ in range(num):
            mutant = None if mutant is None else self._space.other(mutant, self._rng)
        return mutant

    def _proposal(
        self, point: dict[str, Json], winners: list[Individual], *, generation: int, max_steps: int | None
    ) -> Proposal:
        self._num_proposed += 1
        trial_id = numbered(self._num_proposed)
        self._unfinished[trial_id] = point, generation
        info: dict[str, Json] = {"generation": generation}
        if winners:
            info["mutated_from"] = winners[0].result.trial_id
            info["changed"] = changes(self._space, winners[0].parameters, point)
        if len(winners) == 2:
            info["crossed_with"] = winners[1].result.trial_id
        parents = [winner.result for winner in winners if self.inherit]
        return Proposal(
            trial_id,
            point,
            parents=tuple(parent.trial_id for parent in parents if parent.checkpoint is not None),
            max_steps=max_steps,
            info=info,
        )
