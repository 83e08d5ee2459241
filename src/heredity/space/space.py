"""A search space: named dimensions; a point of it is a mapping from names to values."""

from __future__ import annotations

import difflib
import random
from collections.abc import Mapping
from dataclasses import dataclass

from heredity.encoding import Json
from heredity.space.dimensions import Dimension

Value = Json
Parameters = Mapping[str, Json]
"""The hyperparameters of one trial: a point of a space."""


@dataclass(frozen=True, slots=True)
class Space:
    """Named dimensions, in the order in which they are drawn.

    Example:
        >>> from heredity.space import Float, Int, Space
        >>> space = Space({"width": Int(8, 64), "rate": Float(1e-4, 1e-1, log=True)})
        >>> space.problems({"width": 128, "rate": 0.01})
        ['width: expected an integer from 8 to 64, got 128']
    """

    dimensions: Mapping[str, Dimension]

    def problems(self, parameters: Parameters) -> list[str]:
        """Say what is wrong with a point: missing, unknown and illegal values, one line each."""
        missing = [f"{name}: missing" for name in self.dimensions if name not in parameters]
        return missing + [line for name, value in parameters.items() if (line := self._problem(name, value))]

    def _problem(self, name: str, value: Json) -> str:
        dimension = self.dimensions.get(name)
        if dimension is None:
            near = difflib.get_close_matches(name, self.dimensions, n=1)
            return f"{name}: not in the space" + (f"; did you mean {near[0]!r}?" if near else "")
        problem = dimension.problem(value)
        return f"{name}: {problem}" if problem else ""

    def sample(self, rng: random.Random) -> dict[str, Json]:
        """Draw a point."""
        return {name: dimension.sample(rng) for name, dimension in self.dimensions.items()}
