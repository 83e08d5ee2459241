"""Optuna's samplers as a strategy, whose trials may inherit from one another."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Literal

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.space import Dimension, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.numbering import numbered
from heredity.strategies.optuna_sampler.heirs import Ancestry, Parents
from heredity.strategies.sampling import UntriedPoints

if TYPE_CHECKING:
    from heredity.strategies.optuna_sampler.library import OptunaStudy

SamplerMaker = Callable[[int], Any]  # Any: a sampler of Optuna's, which need not be installed
"""Makes a sampler of Optuna's from a seed, which it has to use."""

SamplerName = Literal["tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random"]

_TRIES = 5
"""So often may the sampler choose what was tried or constraints reject; then a point is drawn at random."""


@dataclass(eq=False)
class OptunaSampler:
    """Lets one of Optuna's samplers choose the points (Akiba et al. 2019). No point is tried twice.

    Everything that a space has is offered to Optuna: scales and steps of numbers, the order of choices,
    conditions, blocks of any number. The sampler learns merits, so that more is better whatever the
    objective; of trials that were stopped early it learns their last merit and step, as of pruned ones.

    The same seed gives the same points with the same versions of Optuna, numpy and scipy. ``gp`` computes
    with floats in an order that may differ between machines: resume on a like one.

    Raises:
        ConfigError: A setting is wrong, or a package is not installed; the message names it.
    """

    space: Space | Mapping[str, Dimension]
    """What may be searched."""
    _: KW_ONLY
    seed: int
    sampler: SamplerName | SamplerMaker = "tpe"
    """By name; or a function that makes any sampler of Optuna's from a seed."""
    parents: Parents = "none"
    """From which finished trial each inherits: none; of the better half, the ``nearest``; the ``best``."""
    architecture: Collection[str] | None = None
    """The names of the space by which it is measured who is near; None for all."""
    objectives: Sequence[str] = ()
    """The names of the experiment's further objectives, if the sampler should look at them."""
    max_steps: int | None = None
    """How many steps each trial trains; None: as many as its function likes."""

    def __post_init__(self) -> None:
        self._space = as_space(self.space)
        self._ancestry = Ancestry(self._space, parents=self.parents, names=self.architecture)
        self._study = _study(self.sampler, seed=self.seed, num_objectives=1 + len(self.objectives))
        self._rng = random.Random(self.seed)  # noqa: S311  # no secret
        self._untried = UntriedPoints(self._space)
        self._is_exhausted = False
        self._num_proposed = 0
        self._unfinished: dict[TrialId, int] = {}
        """The running trials' numbers in the study."""

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`. It is exhausted when every point of a finite space was proposed."""
        chosen = None if self._is_exhausted else self._choose()
        if chosen is None:
            self._is_exhausted = True
            return NoProposal.EXHAUSTED
        number, point = chosen
        self._num_proposed += 1
        trial_id = numbered(self._num_proposed)
        self._unfinished[trial_id] = number
        return self._proposal(trial_id, point)

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        number = self._unfinished.pop(result.trial_id)
        self._ancestry.take(result)
        merits = [result.merit, *(result.merits.get(name) for name in self.objectives)]
        values = [merit for merit in merits if merit is not None]
        if len(values) < len(merits):
            self._study.fail(number)
        elif result.state is TrialState.STOPPED_EARLY and not self.objectives:
            step = max((report.step for report in result.reports), default=result.steps)
            self._study.stop(number, values[0], step=step)
        else:
            self._study.complete(number, values)

    def _choose(self) -> tuple[int, dict[str, Json]] | None:
        for _ in range(_TRIES):
            number, point = self._study.ask(self._space)
            if not self._space.problems(point) and self._untried.claim(point):
                return number, point
            self._study.fail(number)
        drawn = self._untried.draw(self._rng)
        return None if drawn is None else (self._study.add(self._space, drawn)[0], drawn)

    def _proposal(self, trial_id: TrialId, point: dict[str, Json]) -> Proposal:
        found = self._ancestry.parent_of(point)
        if found is None:
            return Proposal(trial_id, point, max_steps=self.max_steps)
        parent, distance = found
        return Proposal(
            trial_id,
            point,
            parents=(parent.trial_id,),
            max_steps=self.max_steps,
            info={"distance_to_parent": distance},
        )


def _study(sampler: str | SamplerMaker, *, seed: int, num_objectives: int) -> OptunaStudy:
    # On first use: whoever searches otherwise need not have Optuna, nor wait for it.
    if importlib.util.find_spec("optuna") is None:
        raise ConfigError(
            "OptunaSampler needs the package optuna, which is not installed.",
            hint="Install it: pip install 'heredity[optuna]'.",
        )
    library = importlib.import_module("heredity.strategies.optuna_sampler.library")
    study: OptunaStudy = library.OptunaStudy(sampler, seed=seed, num_objectives=num_objectives)
    return study
