"""Which proposals are children: those that begin with another trial's weights, not those that go on."""

from __future__ import annotations

from collections.abc import Mapping

from heredity.encoding import Json
from heredity.ids import TrialId
from heredity.strategies.base import Proposal


def goes_on(proposal: Proposal, parameters: Mapping[TrialId, Mapping[str, Json]]) -> bool:
    """Whether a trial is its parent, trained further, as the next rung of a halving is.

    Args:
        proposal: The trial.
        parameters: The hyperparameters of those before it.
    """
    if not proposal.continues or not proposal.parents:
        return False
    return proposal.parameters == parameters.get(proposal.parents[0])
