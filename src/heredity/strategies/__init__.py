"""Which trial next, and from which parent? `ask` and `tell`, with no I/O."""

from heredity.strategies.base import NoProposal, Progress, Proposal, Stopper, Strategy
from heredity.strategies.given import Given, GivenTrial

__all__ = ["Given", "GivenTrial", "NoProposal", "Progress", "Proposal", "Stopper", "Strategy"]
