"""The strategy that takes its trials and their parents from a list."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId, parse_trial_id
from heredity.strategies.base import NoProposal, Proposal

TWIN_SUFFIX = ".scratch"


@dataclass(frozen=True, slots=True)
class GivenTrial:
    """One trial of the list."""

    trial_id: TrialId
    parameters: Mapping[str, Json]
    parents: tuple[TrialId, ...] = ()
    scratch_twin: bool = False
    """Also run the trial from nothing, as ``<id>.scratch``, so that the two can be compared."""
    max_steps: int | None = None
    """How many steps it is to take; None: as many as its function likes."""


class Given:
    """Proposes the trials of a list, parents before children, each once.

    Args:
        trials: In any order.

    Raises:
        ConfigError: Two trials share an id, a trial has the name of another's twin, a parent is not in the
            list, or the parents form a cycle.
        InvalidName: A twin's name is too long.
    """

    def __init__(self, trials: Sequence[GivenTrial]) -> None:
        by_id = {trial.trial_id: trial for trial in trials}
        if len(by_id) != len(trials):
            raise ConfigError(f"two trials have the same id among {sorted(t.trial_id for t in trials)}.")
        self._proposals = [
            proposal for trial_id in _parents_first(by_id) for proposal in _proposals_of(by_id[trial_id])
        ]
        for proposal in self._proposals:
            if proposal.twin_of is not None and proposal.trial_id in by_id:
                raise ConfigError(
                    f"trial {proposal.trial_id!r} has the name of the twin of {proposal.twin_of!r}.",
                    hint="Give the trial another name.",
                )
        self._num_proposed = 0

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        if self._num_proposed == len(self._proposals):
            return NoProposal.EXHAUSTED
        self._num_proposed += 1
        return self._proposals[self._num_proposed - 1]

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`. Results change nothing here."""


def _parents_first(by_id: Mapping[TrialId, GivenTrial]) -> list[TrialId]:
    for trial in by_id.values():
        for parent in trial.parents:
            if parent not in by_id:
                near = difflib.get_close_matches(parent, by_id, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"The trials are {', '.join(by_id)}."
                raise ConfigError(f"trial {trial.trial_id!r}: its parent {parent!r} is no trial.", hint=hint)
    try:
        TopologicalSorter({trial.trial_id: trial.parents for trial in by_id.values()}).prepare()
    except CycleError as error:
        cycle = " <- ".join(error.args[1])
        raise ConfigError(
            f"the parents form a cycle: {cycle}.", hint="A trial cannot descend from itself; drop one parent."
        ) from error

    # Not `static_order`, which goes level by level: the order of the list is what its author meant.
    ordered: dict[TrialId, None] = {}
    for trial_id in by_id:
        stack = [trial_id]
        while stack:
            missing = [parent for parent in by_id[stack[-1]].parents if parent not in ordered]
            if missing:
                stack.extend(reversed(missing))
            else:
                ordered[stack.pop()] = None
    return list(ordered)


def _proposals_of(trial: GivenTrial) -> list[Proposal]:
    proposal = Proposal(trial.trial_id, trial.parameters, trial.parents, max_steps=trial.max_steps)
    if not trial.scratch_twin or not trial.parents:
        return [proposal]
    twin_id = parse_trial_id(trial.trial_id + TWIN_SUFFIX)
    return [
        proposal,
        Proposal(twin_id, trial.parameters, twin_of=trial.trial_id, max_steps=trial.max_steps),
    ]
