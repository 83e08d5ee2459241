"""What a task of Ray's is told: one attempt, and how it is to be run. Names and small values only."""

from __future__ import annotations

from dataclasses import dataclass

from heredity.engine.executors.limits import Resources
from heredity.engine.function import FunctionReference
from heredity.engine.trials import TrialOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One attempt, for whichever machine Ray chooses."""

    order: TrialOrder
    function: FunctionReference
    store_id: str
    """What the store must be: a path may name another directory on another machine. Empty: not known."""
    resources: Resources
    time_limit_seconds: float | None

    @property
    def name(self) -> str:
        """The attempt's name, in the mailbox and on Ray's pages."""
        return f"{self.order.trial}@{self.order.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where an attempt runs, as it says itself when it begins."""

    node_id: str
    host: str
    log: str
    """The attempt's log, on that machine."""
    shares_directory: bool
    """Whether the experiment's directory is there."""
