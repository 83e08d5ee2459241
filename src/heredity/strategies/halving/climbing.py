"""From one rung to the next: who may, and the trial that goes on from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from heredity.encoding import Json
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.strategies.base import Proposal


@dataclass(frozen=True, slots=True)
class Climber:
    """A configuration at one of its rungs."""

    first: Proposal
    """The trial that it began with."""
    rung: int
    result: TrialResult


def may_climb(result: TrialResult) -> bool:
    """Whether a trial can be promoted at all: it ran to its end, and has a score.

    What a stopper has ended is not worth going on with; a failed trial leaves nothing to go on from.
    """
    return result.state is TrialState.COMPLETED and result.merit is not None


def rank(climber: Climber) -> tuple[float, TrialId]:
    """Sorts the best first; of equals, the one that was proposed first."""
    return -(climber.result.merit or 0.0), climber.first.trial_id


def best(climbers: Iterable[Climber], num: int) -> list[Climber]:
    """The best so many of those that may be promoted, best first."""
    return sorted((one for one in climbers if may_climb(one.result)), key=rank)[:num]


def promotion(climber: Climber, *, trial_id: TrialId, max_steps: int, restart: bool) -> Proposal:
    """The trial of the next rung: it goes on from the trial of the rung below, or begins again.

    It begins as the configuration itself did where `restart` says so, and where the trial of the rung below
    has saved nothing to go on from.
    """
    first = climber.first
    begins_again = restart or climber.result.checkpoint is None
    info: dict[str, Json] = {"rung": climber.rung + 1}
    if begins_again and not restart:
        info["began_again"] = f"{climber.result.trial_id} saved no checkpoint"
    return replace(
        first,
        trial_id=trial_id,
        parents=first.parents if begins_again else (climber.result.trial_id,),
        twin_of=None,
        max_steps=max_steps,
        continues=not begins_again,
        info={**first.info, **info},
    )
