"""The same search without what inheritance gives: no parents, or no children."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from heredity.encoding import Json
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.strategies.base import NoProposal, Proposal, Strategy
from heredity.strategies.controls.children import goes_on

MAX_LEFT_OUT = 1_000
"""After so many children in a row, a strategy is taken to have nothing else to propose."""


class Fresh:
    """Proposes what a strategy does, with the parents of all children taken away: they train from nothing.

    The control that tells inheritance from the schedule around it: which trials are run, how many at a time
    and for how many steps is decided as before, by scores that owe nothing to other networks. The strategy is
    told its own parents, as it named them. The record's ``info`` says whose weights were withheld.

    A trial that continues its parent with the same hyperparameters, such as the next rung of a halving or the
    incumbent of a climb, is no child: it goes on from its own weights, which began from nothing. Were they
    withheld too, it would repeat its parent's steps, and the control would cost more than the search. Only a
    child that continues a parent with other hyperparameters, as in a population, trains from nothing for all
    its `max_steps`, those of the parent among them.

    Args:
        strategy: What searches.
    """

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._parents: dict[TrialId, tuple[TrialId, ...]] = {}
        self._parameters: dict[TrialId, Mapping[str, Json]] = {}

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        answer = self._strategy.ask()
        if not isinstance(answer, Proposal):
            return answer
        self._parameters[answer.trial_id] = answer.parameters
        if not answer.parents or goes_on(answer, self._parameters):
            return answer
        self._parents[answer.trial_id] = answer.parents
        withheld: dict[str, Json] = {"parents_withheld": list(answer.parents)}
        return replace(answer, parents=(), continues=False, info={**answer.info, **withheld})

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        parents = self._parents.pop(result.trial_id, ())
        self._strategy.tell(replace(result, parents=parents) if parents else result)


class WithoutChildren:
    """Leaves out a strategy's children: founders alone are left, and what they go on with.

    The control that tells inheritance from the allocation of steps. A trial that continues its parent with
    the same hyperparameters, such as the next rung of a halving, is no child in this sense: it remains. The
    strategy is told that the children have failed. It is asked one proposal ahead, so that what it is told
    does not depend on when it is asked; it is exhausted after 1,000 children in a row.

    Args:
        strategy: What searches.
    """

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._parameters: dict[TrialId, Mapping[str, Json]] = {}
        self._next: Proposal | NoProposal = NoProposal.NOT_YET
        self._look_ahead()

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        answer = self._next
        if isinstance(answer, Proposal):
            self._look_ahead()
        return answer

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        self._strategy.tell(result)
        if self._next is NoProposal.NOT_YET:
            self._look_ahead()

    def _look_ahead(self) -> None:
        for _ in range(MAX_LEFT_OUT):
            self._next = self._strategy.ask()
            if not isinstance(self._next, Proposal):
                return
            if self._remains(self._next):
                self._parameters[self._next.trial_id] = self._next.parameters
                return
            self._strategy.tell(_failed(self._next))
        self._next = NoProposal.EXHAUSTED

    def _remains(self, proposal: Proposal) -> bool:
        if not proposal.parents:
            return True
        are_there = all(parent in self._parameters for parent in proposal.parents)
        return are_there and goes_on(proposal, self._parameters)


def _failed(proposal: Proposal) -> TrialResult:
    return TrialResult(
        trial_id=proposal.trial_id,
        parameters=proposal.parameters,
        parents=proposal.parents,
        state=TrialState.FAILED,
        score=None,
        checkpoint=None,
        steps=0,
        max_steps=proposal.max_steps,
    )
