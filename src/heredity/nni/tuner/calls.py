"""The calls that a tuner gets, and the calls made one after the other, as NNI does without `multiThread`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from heredity.nni.tuner.called import CalledTuner


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call for hyperparameters came to."""

    parameter_id: int
    parameters: object
    has_declined: bool = False
    """Whether there are no more, now or at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a trial has come to: final results, in order, and then its end if it has ended."""

    parameter_id: int
    trial: str
    parameters: object
    values: tuple[object, ...]
    success: bool | None = None
    """Whether it has ended well; None: it has not ended."""

    def hand_to(self, tuner: CalledTuner) -> None:
        """Make the calls."""
        for value in self.values:
            tuner.receive(self.parameter_id, parameters=self.parameters, value=value, trial=self.trial)
        if self.success is not None:
            tuner.end(self.parameter_id, success=self.success)


class Calls(Protocol):
    """Makes a tuner's calls. All methods are called from one thread."""

    @property
    def num_open(self) -> int:
        """Calls for hyperparameters that have not answered."""
        ...

    @property
    def num_awake(self) -> int:
        """Those of them that may answer without being woken by another call."""
        ...

    def begin(self, parameter_id: int) -> None:
        """Ask for the hyperparameters of one trial."""
        ...

    def deliver(self, delivery: Delivery) -> None:
        """Tell what a trial has come to; returns when the tuner has heard it, or cannot hear it now."""
        ...

    def settle(self, seconds: float) -> None:
        """Wait until there is an answer, or until none can come before something else happens."""
        ...

    def next_answer(self) -> Answer | None:
        """The oldest answer that was not taken yet.

        Raises:
            InputError: A call has raised.
        """
        ...

    def are_still(self) -> bool:
        """Whether no call can go on unless a trial ends."""
        ...

    def stacks(self) -> str:
        """Where each call stands."""
        ...


class InTurn:
    """Makes each call in the caller's thread; what it raises passes through."""

    num_open = 0
    num_awake = 0

    def __init__(self, tuner: CalledTuner) -> None:
        self._tuner = tuner
        self._answers: deque[Answer] = deque()

    def begin(self, parameter_id: int) -> None:
        """See `Calls.begin`."""
        given = self._tuner.generate(parameter_id, self._submit)
        self._answers.append(
            Answer(parameter_id, given[0]) if given else Answer(parameter_id, None, has_declined=True)
        )

    def deliver(self, delivery: Delivery) -> None:
        """See `Calls.deliver`."""
        delivery.hand_to(self._tuner)

    def settle(self, seconds: float) -> None:
        """See `Calls.settle`: there is nothing to wait for."""

    def next_answer(self) -> Answer | None:
        """See `Calls.next_answer`."""
        return self._answers.popleft() if self._answers else None

    def are_still(self) -> bool:
        """See `Calls.are_still`."""
        return True

    def stacks(self) -> str:
        """See `Calls.stacks`."""
        return ""

    def _submit(self, parameter_id: int, parameters: object) -> None:
        self._answers.append(Answer(parameter_id, parameters))
