"""Bayesian optimization over architectures, in which each child is an edit of a trained network."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heredity.encoding import Json, encode
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.space import Dimension, Parameters, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.morphism.climbing import checked_start
from heredity.strategies.morphism.distance import EditDistance, Floats
from heredity.strategies.morphism.edits import Edits
from heredity.strategies.morphism.gaussian_process import fitted, standardized
from heredity.strategies.morphism.tree_search import Exploration, Found, Promise, most_promising
from heredity.strategies.numbering import numbered

_TRIES = 100
"""How often a founder is drawn anew that has been proposed already."""


@dataclass(slots=True)
class _Tried:
    """A trial that was proposed."""

    trial_id: TrialId
    point: dict[str, Json]
    merit: float | None = None
    has_ended: bool = False
    has_checkpoint: bool = False


class BayesianMorphism:
    """Network morphism guided by a Gaussian process, after Auto-Keras (Jin, Song and Hu 2019).

    The process learns from all trials how good architectures are, by the edits between them (`EditDistance`).
    Of what one edit or several make of the networks so far, the architecture with the highest upper
    confidence bound is trained next; see `heredity.strategies.morphism.tree_search`. Its parent is the
    network that the edits began from, so it inherits.

    Asynchronous: for an unfinished trial the mean is put in, so that nobody goes where somebody is already
    (the constant liar of Ginsbourger, Le Riche and Carraro 2010). For a failed one it is the worst score. A
    network that saved nothing counts for the process, and never becomes a parent; if none has saved
    anything, children begin from nothing.

    In a trial's ``info`` stand its ``role`` (``founder`` or ``child``), its ``edits`` in words, its
    ``promise``, in standard deviations of the scores so far, and the ``policy`` for `heredity.Trial.begin`.

    Args:
        space: What may be searched.
        seed: Draws the founders that are not given, and the edits that are looked at.
        edits: What may be edited; see `Edits`.
        exploration: How it explores; see `Exploration`.
        start: The first founders; as many as are missing are drawn from the space.
        max_steps: Training steps of each trial.

    Raises:
        ConfigError: The edits do not fit the space, or a founder is no point of it.
    """

    def __init__(
        self,
        space: Space | Mapping[str, Dimension],
        *,
        seed: int,
        edits: Edits,
        exploration: Exploration | None = None,
        start: Sequence[Parameters] = (),
        max_steps: int | None = None,
    ) -> None:
        self._space = as_space(space)
        edits.check(self._space)
        self._seed, self._edits, self._max_steps = seed, edits, max_steps
        self._exploration = exploration or Exploration()
        self._start = [checked_start(self._space, point) for point in start]
        self._distance = EditDistance(self._space)
        self._distances_nn: Floats = np.zeros((0, 0))
        self._tried: list[_Tried] = []
        self._known: set[bytes] = set()

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        # Seeded anew for each proposal, so that an answer without one leaves no trace.
        rng = random.Random(f"{self._seed}/{len(self._tried)}")  # noqa: S311  # no secret
        num_founders = max(self._exploration.num_founders, len(self._start))
        if len(self._tried) < num_founders or all(
            trial.has_ended and trial.merit is None for trial in self._tried
        ):
            return self._founder(rng)
        if all(trial.merit is None for trial in self._tried):
            return NoProposal.NOT_YET
        return self._child(rng)

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        trial = next(trial for trial in self._tried if trial.trial_id == result.trial_id)
        trial.has_ended = True
        trial.merit = result.merit
        trial.has_checkpoint = result.checkpoint is not None

    def _founder(self, rng: random.Random) -> Proposal | NoProposal:
        if len(self._tried) < len(self._start):
            point: dict[str, Json] | None = self._start[len(self._tried)]
        else:
            drawn = (self._space.sample(rng) for _ in range(_TRIES))
            point = next(
                (each for each in drawn if encode(self._space.canonical(each)) not in self._known), None
            )
        if point is None:
            return self._none()
        return self._proposal(point, info={"role": "founder"})

    def _child(self, rng: random.Random) -> Proposal | NoProposal:
        tried = [trial for trial in self._tried if trial.has_checkpoint and trial.merit is not None]
        tried = tried or [trial for trial in self._tried if trial.merit is not None]
        found = most_promising(
            self._space,
            [trial.point for trial in tried],
            promise=self._promise(),
            edits=self._edits,
            exploration=self._exploration,
            known=frozenset(self._known),
            rng=rng,
        )
        return self._none() if found is None else self._heir(tried[found.origin], found)

    def _heir(self, parent: _Tried, found: Found) -> Proposal:
        info: dict[str, Json] = {
            "role": "child",
            "edits": list(found.edited.told),
            "promise": found.promise,
            "policy": self._edits.policy(found.edited),
        }
        parents = (parent.trial_id,) if parent.has_checkpoint else ()
        return self._proposal(found.edited.point, info=info, parents=parents)

    def _proposal(
        self, point: dict[str, Json], *, info: dict[str, Json], parents: tuple[TrialId, ...] = ()
    ) -> Proposal:
        point = self._space.canonical(point)
        trial = _Tried(numbered(len(self._tried) + 1), point)
        self._distances_nn = self._with_one_more(point)
        self._tried.append(trial)
        self._known.add(encode(point))
        return Proposal(trial.trial_id, point, parents=parents, max_steps=self._max_steps, info=info)

    def _none(self) -> NoProposal:
        is_idle = all(trial.has_ended for trial in self._tried)
        return NoProposal.EXHAUSTED if is_idle else NoProposal.NOT_YET

    def _with_one_more(self, point: dict[str, Json]) -> Floats:
        num = len(self._tried)
        table = np.zeros((num + 1, num + 1))
        table[:num, :num] = self._distances_nn
        table[num, :num] = table[:num, num] = self._distance.table(
            [point], [trial.point for trial in self._tried]
        )[0]
        return table

    def _promise(self) -> Promise:
        """The upper confidence bound, from all that is known now."""
        merits = np.array([trial.merit for trial in self._tried if trial.merit is not None], dtype=np.float64)
        known = standardized(merits)
        scores, worst = iter(known.tolist()), float(known.min())
        values = np.array(
            [
                next(scores) if trial.merit is not None else worst if trial.has_ended else 0.0
                for trial in self._tried
            ]
        )
        model = fitted(self._distances_nn, values)
        targets = self._distance.to([trial.point for trial in self._tried])

        def promise(points: Sequence[dict[str, Json]]) -> Floats:
            expected, deviation = model.predict(targets.table(points))
            return expected + self._exploration.optimism * deviation

        return promise
