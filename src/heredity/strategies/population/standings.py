"""How the members of a population stand, and whose weights one of them should take over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.space import Parameters


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member's last trial left."""

    member: int
    trial_id: TrialId
    parameters: Parameters
    max_steps: int
    merit: float
    has_saved: bool

    @classmethod
    def of(cls, member: int, result: TrialResult, max_steps: int) -> Standing | None:
        """How a member stands after a trial; None if the trial failed, or a stopper has ended it."""
        if result.state is not TrialState.COMPLETED or result.merit is None:
            return None
        return cls(
            member, result.trial_id, result.parameters, max_steps, result.merit, result.checkpoint is not None
        )


def share_of(population_size: int, share: float) -> int:
    """How many members are the best, and how many the worst: one at least, and never more than half."""
    return min(math.ceil(population_size * share), population_size // 2)


def is_among_worst(own: Standing, standings: Sequence[Standing | None], num: int) -> bool:
    """Whether so many are better that a member belongs to the worst; of equals, the first is better.

    Members that have not reported yet might be worse, and those that failed are: neither counts as better.
    """
    num_better = sum(1 for other in standings if other is not None and _place(other) < _place(own))
    return num_better >= len(standings) - num


def best(standings: Sequence[Standing | None], num: int) -> list[Standing]:
    """The best so many members that have saved their weights, best first; of equals, the first."""
    return sorted((one for one in standings if one is not None and one.has_saved), key=_place)[:num]


def _place(standing: Standing) -> tuple[float, int]:
    return -standing.merit, standing.member
