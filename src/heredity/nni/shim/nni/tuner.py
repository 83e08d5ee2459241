"""The base class of tuners, with NNI's methods and their signatures."""

from __future__ import annotations

from typing import Any

from . import NoMoreTrialError
from .recoverable import Recoverable

__all__ = ["Tuner"]

# Values are of the tuner's own kinds: whatever JSON can carry.


class Tuner(Recoverable):
    """Proposes hyperparameters, and learns what became of them."""

    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> Any:  # noqa: ANN401
        """Give the hyperparameters of one trial, or raise `nni.NoMoreTrialError`."""
        raise NotImplementedError("Tuner: generate_parameters not implemented")

    def generate_multiple_parameters(self, parameter_id_list: list[int], **kwargs: Any) -> list[Any]:  # noqa: ANN401
        """Give those of several trials; fewer than were asked for if there are no more."""
        result = []
        for parameter_id in parameter_id_list:
            try:
                result.append(self.generate_parameters(parameter_id, **kwargs))
            except NoMoreTrialError:
                return result
        return result

    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Learn a final result."""
        raise NotImplementedError("Tuner: receive_trial_result not implemented")

    def trial_end(self, parameter_id: int, success: bool, **kwargs: Any) -> None:  # noqa: ANN401, FBT001
        """Learn that a trial has ended."""

    def update_search_space(self, search_space: Any) -> None:  # noqa: ANN401
        """Take the search space, before anything else."""
        raise NotImplementedError("Tuner: update_search_space not implemented")

    def import_data(self, data: list[Any]) -> None:
        """Take results from elsewhere; nothing calls it here."""

    def feedback(self, *_: Any) -> None:  # noqa: ANN401
        """Do nothing; some tuners of old call it."""

    def _accept_customized_trials(self, accept: bool = True) -> None:  # noqa: FBT001, FBT002
        """Note that trials from a user interface are taken, of which there are none here."""

    def _on_exit(self) -> None:
        """Hear that the experiment has ended."""

    def _on_error(self) -> None:
        """Hear that the experiment has ended with an error."""
