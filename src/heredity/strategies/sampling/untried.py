"""The points of a space that were not tried yet: each is given once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.encoding import Json
from heredity.space import Parameters, Space

if TYPE_CHECKING:
    import random

MAX_COUNTED = 100_000
"""Spaces with more points are not walked through."""
MAX_DRAWS = 100
"""After so many draws in a row of what is known, a space is walked through for what is left."""
MAX_DRAWS_UNCOUNTED = 1_000
"""After so many, a space that cannot be walked through counts as empty."""


class UntriedPoints:
    """Draws points of a space that were not drawn or claimed before.

    A space of at most 100,000 points gives every point that its constraints allow. A larger one counts as
    empty when 1,000 draws in a row brought nothing new, which only constraints that leave very little can do.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._known: set[str] = set()
        self._left: list[dict[str, Json]] | None = None

    def claim(self, point: Parameters) -> bool:
        """Take a legal point that came from elsewhere.

        Returns:
            Whether it was untried until now.
        """
        fingerprint = self._space.fingerprint(point)
        if fingerprint in self._known:
            return False
        self._known.add(fingerprint)
        return True

    def draw(self, rng: random.Random) -> dict[str, Json] | None:
        """Draw an untried point.

        Returns:
            A legal point; None if there is none left.

        Raises:
            ConfigError: The constraints leave no point that could be found.
        """
        if self._left is None:
            size = self._space.size
            is_countable = size is not None and size <= MAX_COUNTED
            for _ in range(MAX_DRAWS if is_countable else MAX_DRAWS_UNCOUNTED):
                point = self._space.sample(rng)
                if self.claim(point):
                    return point
            self._left = list(self._space.grid(size)) if is_countable and size else []
        while self._left:
            index = rng.randrange(len(self._left))
            self._left[index], self._left[-1] = self._left[-1], self._left[index]
            point = self._left.pop()
            if self.claim(point):
                return point
        return None
