"""Proposals as events; and whether a strategy that is asked again proposes what the journal says."""

from __future__ import annotations

import time
from collections.abc import Mapping

from heredity.engine.driving.advisers import Advisers
from heredity.engine.trials import plain_parameters
from heredity.engine.trials.values import plain_mapping
from heredity.errors import InputError
from heredity.experiment import ExperimentState, TellStrategy, TrialRecord
from heredity.experiment import events as happened
from heredity.ids import TrialId
from heredity.strategies import NoProposal, Proposal


def catch_up(state: ExperimentState, advisers: Advisers, event: happened.Event) -> None:
    """Take one recorded event into the state, repeating the advisers' part in it.

    Raises:
        InputError: The strategy answers otherwise than it did: its settings or its code have changed.
    """
    if isinstance(event, happened.TrialProposed | happened.StrategyExhausted):
        _expect(advisers.ask(), event)
    for command in state.handle(event):
        if isinstance(command, TellStrategy):
            advisers.tell(command)
    if isinstance(event, happened.TrialReported):
        advisers.should_stop(event, state)


def _expect(
    answer: Proposal | NoProposal, event: happened.TrialProposed | happened.StrategyExhausted
) -> None:
    if isinstance(event, happened.StrategyExhausted):
        matches = answer is NoProposal.EXHAUSTED
    else:
        matches = isinstance(answer, Proposal) and _proposed(answer, at=event.at) == event
    if not matches:
        raise InputError(
            f"The strategy no longer proposes what it did: the journal has {event}, it now answers {answer}.",
            hint="Resume with the settings and the code of the beginning, or begin a new experiment.",
        )


def event_of(proposal: Proposal, trials: Mapping[TrialId, TrialRecord]) -> happened.TrialProposed:
    """What is recorded of a proposal.

    Raises:
        InputError: The trial is known already, a trial that it names is not, or a value has no JSON form.
    """
    if proposal.trial_id in trials:
        raise InputError(f"The strategy proposed the trial {proposal.trial_id!r} twice.")
    twin_of = () if proposal.twin_of is None else (proposal.twin_of,)
    for role, named in (("parent", proposal.parents), ("original", twin_of)):
        unknown = [trial for trial in named if trial not in trials]
        if unknown:
            raise InputError(
                f"The strategy proposed the trial {proposal.trial_id!r} with the {role} {unknown[0]!r}, "
                "which was never proposed.",
                hint="Parents are proposed before their children.",
            )
    return _proposed(proposal, at=time.time())


def _proposed(proposal: Proposal, *, at: float) -> happened.TrialProposed:
    return happened.TrialProposed(
        at=at,
        trial=proposal.trial_id,
        parameters=plain_parameters(proposal.parameters),
        parents=tuple(proposal.parents),
        twin_of=proposal.twin_of,
        max_steps=proposal.max_steps,
        continues=proposal.continues,
        info=plain_mapping(proposal.info, what=f"the strategy's info on trial {proposal.trial_id}"),
    )
