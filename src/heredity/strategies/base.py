"""The interface of a strategy: it proposes trials, and learns how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from heredity.encoding import Json
from heredity.experiment import TrialResult
from heredity.ids import TrialId


@dataclass(frozen=True, slots=True)
class Proposal:
    """A trial to be run: its name, its hyperparameters, its parents."""

    trial_id: TrialId
    parameters: Mapping[str, Json]
    parents: tuple[TrialId, ...] = ()
    """Trials that were proposed before; they need not have finished."""
    twin_of: TrialId | None = None
    """The trial that this one repeats from nothing, to measure what inheritance gave."""
    max_steps: int | None = None
    """How many training steps it is to take, those of a parent that it continues among them; None: as many
    as its function likes."""
    continues: bool = False
    """Whether its steps go on where its first parent's ended, as a further rung of a halving does."""
    info: Mapping[str, Json] = field(default_factory=dict)
    """Whatever should stand in the trial's record: its rung, its generation, what was changed."""


class NoProposal(Enum):
    """Why `Strategy.ask` proposes nothing."""

    NOT_YET = "not yet"
    """Ask again after the next `Strategy.tell`."""
    THINKING = "thinking"
    """Ask again soon, whatever happens: the answer is made elsewhere, as by a tuner in its own threads."""
    EXHAUSTED = "exhausted"
    """There is nothing more to come."""


class Strategy(Protocol):
    """Chooses the next trials.

    **Determined.** The answers depend on nothing but the strategy's settings (its seed among them) and the
    order of the calls before. An experiment is resumed by building the strategy anew and repeating the calls
    that the journal recorded; an answer that differs from the recorded one ends the resumption.

    **Pure.** No I/O, no clock, no threads; the calls come from one thread.
    """

    def ask(self) -> Proposal | NoProposal:
        """Propose one trial. An answer of `NoProposal` must leave the strategy as it was."""
        ...

    def tell(self, result: TrialResult) -> None:
        """Learn how a trial ended; called once for each proposed trial, in the order of their ends."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running trial has reported."""

    trial_id: TrialId
    step: int
    merit: float
    """The reported value, turned so that more is better."""
    parents: tuple[TrialId, ...] = ()
    continues: bool = False
    """Whether its steps go on where its first parent's ended."""


class Stopper(Protocol):
    """Finds running trials that are not worth going on with.

    Scratch twins are measured to their end: no stopper hears their reports.

    **Determined** and **pure**, as a `Strategy` is: an experiment is resumed by repeating the calls that the
    journal recorded. The calls come from one thread.
    """

    def should_stop(self, progress: Progress) -> str:
        """Take in a report; say why its trial should stop, or nothing if it should go on.

        A trial that was lost begins again: its steps may then be lower than they were.
        """
        ...

    def tell(self, result: TrialResult) -> None:
        """Learn how a trial ended; called once for each trial."""
        ...
