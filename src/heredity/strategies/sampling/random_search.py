"""Random points of a space: the control that every other strategy has to beat."""

from __future__ import annotations

import random
from collections.abc import Mapping

from heredity.experiment import TrialResult
from heredity.space import Dimension, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.numbering import numbered
from heredity.strategies.sampling.untried import UntriedPoints


class RandomSearch:
    """Proposes random points without parents, none of them twice (Bergstra and Bengio 2012).

    Args:
        space: What may be searched.
        seed: The same seed gives the same points.
        max_steps: How many steps each trial is to train; None: as many as its function likes.

    Example:
        >>> from heredity.space import Choice
        >>> from heredity.strategies import RandomSearch
        >>> RandomSearch({"width": Choice([8, 16])}, seed=0).ask().parameters
        {'width': 16}
    """

    def __init__(
        self, space: Space | Mapping[str, Dimension], *, seed: int, max_steps: int | None = None
    ) -> None:
        self._points = UntriedPoints(as_space(space))
        self._rng = random.Random(seed)  # noqa: S311  # no secret
        self._max_steps = max_steps
        self._num_proposed = 0

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`. It is exhausted when every point of a finite space was proposed."""
        point = self._points.draw(self._rng)
        if point is None:
            return NoProposal.EXHAUSTED
        self._num_proposed += 1
        return Proposal(numbered(self._num_proposed), point, max_steps=self._max_steps)

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`. Results change nothing here."""
