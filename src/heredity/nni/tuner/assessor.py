"""An Assessor class of NNI's as a stopper: it judges a trial by all its intermediate results so far."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from heredity.encoding import Json
from heredity.errors import InputError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.strategies import Progress


class Intermediate(Protocol):
    """Finds the intermediate results of attempts."""

    def next_judged(self, trial: TrialId) -> tuple[TrialId, int]:
        """The attempt of which the report is that is judged now."""
        ...

    def intermediate(self, trial: TrialId, attempt: int) -> list[Json]:
        """What an attempt has reported on the way so far."""
        ...


class AssessorStopper:
    """Asks an assessor, in the driver's process.

    It is asked at each result that is a number or has one under ``default``, and gets all results of that
    attempt so far, as they were reported. On a resumption it is asked again in the same order.

    Args:
        assessor: An object of an Assessor class of the user's.
        results: Finds the intermediate results.
    """

    def __init__(self, assessor: Any, *, results: Intermediate) -> None:  # noqa: ANN401  # a class of the user's
        self._assessor = assessor
        self._results = results
        self._num_judged: Counter[tuple[TrialId, int]] = Counter()

    def should_stop(self, progress: Progress) -> str:
        """See `Stopper.should_stop`.

        Raises:
            InputError: The assessor answers neither with an AssessResult nor with true or false.
        """
        attempt = self._results.next_judged(progress.trial_id)
        self._num_judged[attempt] += 1
        history = _up_to(self._results.intermediate(*attempt), self._num_judged[attempt])
        verdict = self._assessor.assess_trial(progress.trial_id, history)
        is_good = getattr(verdict, "value", verdict)
        if not isinstance(is_good, bool):
            raise InputError(
                f"{self._name}.assess_trial: expected AssessResult.Good or Bad, got {verdict!r:.80}."
            )
        return "" if is_good else f"{self._name}: Bad"

    def tell(self, result: TrialResult) -> None:
        """See `Stopper.tell`."""
        method = getattr(self._assessor, "trial_end", None)
        if method is not None:
            method(result.trial_id, result.state is TrialState.COMPLETED)

    @property
    def _name(self) -> str:
        return type(self._assessor).__name__


def _up_to(results: list[Json], num_numbers: int) -> list[Json]:
    """The results up to the one that has the so-many-th number: on a resumption there may be more of them."""
    for index, result in enumerate(results):
        num_numbers -= has_number(result)
        if not num_numbers:
            return results[: index + 1]
    return results


def has_number(result: Json) -> bool:
    """Whether a result is a number, or has one under ``default``: then the experiment hears of it."""
    value = result.get("default") if isinstance(result, dict) else result
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
