"""The points of a grid, one after the other."""

from __future__ import annotations

from collections.abc import Mapping

from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.space import Dimension, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.numbering import numbered
from heredity.strategies.sampling.untried import UntriedPoints


class GridSearch:
    """Proposes every point of a grid that the constraints allow; the last dimension changes fastest.

    Args:
        space: What may be searched.
        num_values: How many values of each dimension the grid has at most, evenly spread; unordered choices
            give all of theirs.
        max_steps: How many steps each trial is to train; None: as many as its function likes.

    Raises:
        ConfigError: `num_values` is below 1.
    """

    def __init__(
        self, space: Space | Mapping[str, Dimension], *, num_values: int, max_steps: int | None = None
    ) -> None:
        if num_values < 1:
            raise ConfigError(f"GridSearch: num_values: expected at least 1, got {num_values}.")
        space = as_space(space)
        self._untried = UntriedPoints(space)
        self._points = space.grid(num_values)
        self._max_steps = max_steps
        self._num_proposed = 0

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`. It is exhausted after the last point."""
        point = next((point for point in self._points if self._untried.claim(point)), None)
        if point is None:
            return NoProposal.EXHAUSTED
        self._num_proposed += 1
        return Proposal(numbered(self._num_proposed), point, max_steps=self._max_steps)

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`. Results change nothing here."""
