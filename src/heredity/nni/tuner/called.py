"""A tuner's methods with NNI's arguments, of which each gets those that its signature takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

from heredity.encoding import Json

Submit = Callable[[int, object], None]
"""Takes hyperparameters that a tuner hands in later, by their id."""


class CalledTuner:
    """A tuner, as the experiment calls it.

    Args:
        tuner: An object of a Tuner class of the user's.
        no_more_trial: The exception by which it declines.
        base: The class that it derives from.
        threads: What it has begun when it was made, by the system's numbers.
    """

    def __init__(
        self,
        tuner: Any,  # noqa: ANN401  # a class of the user's
        *,
        no_more_trial: type[Exception],
        base: type,
        threads: AbstractSet[int] = frozenset(),
    ) -> None:
        self.threads = threads
        self._tuner = tuner
        self._no_more_trial = no_more_trial
        several = "generate_multiple_parameters"
        self._gives_several = getattr(type(tuner), several, None) is not getattr(base, several, None)

    @property
    def name(self) -> str:
        """The name of its class."""
        return type(self._tuner).__name__

    def update_search_space(self, space: Json) -> None:
        """Hand over the search space."""
        self._tuner.update_search_space(space)

    def generate(self, parameter_id: int, submit: Submit) -> list[object]:
        """Ask for the hyperparameters of one trial.

        Returns:
            They, or nothing if it declines.
        """
        try:
            if self._gives_several:
                method = self._tuner.generate_multiple_parameters
                return list(method([parameter_id], **_taken(method, st_callback=submit)))[:1]
            method = self._tuner.generate_parameters
            return [method(parameter_id, **_taken(method, st_callback=submit))]
        except self._no_more_trial:
            return []

    def receive(self, parameter_id: int, *, parameters: object, value: object, trial: str) -> None:
        """Hand over one final result."""
        method = self._tuner.receive_trial_result
        further = _taken(method, customized=False, trial_job_id=trial)
        method(parameter_id, parameters, value, **further)

    def end(self, parameter_id: int, *, success: bool) -> None:
        """Tell that a trial has ended; tuners of before version 0.7 need not know of this."""
        method = getattr(self._tuner, "trial_end", None)
        if method is not None:
            method(parameter_id, success)


def _taken(method: Callable[..., object], **further: object) -> dict[str, object]:
    """Those of the further arguments that a method takes: the oldest tuners have no ``**kwargs``."""
    parameters = inspect.signature(method).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        return further
    return {name: value for name, value in further.items() if name in parameters}
