"""A tuner as a strategy: proposes what its calls answer, and delivers what the trials came to."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from heredity.encoding import Json, decode, encode
from heredity.errors import InputError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.nni.tuner.calls import Answer, Calls, Delivery
from heredity.strategies import NoProposal, Proposal
from heredity.strategies.numbering import numbered

SETTLE_SECONDS = 0.1
"""For an answer that is being made, before the experiment looks elsewhere."""
REPEAT_SECONDS = 10.0
"""The same on a resumption, where a call that is repeated has answered before."""
PATIENCE_SECONDS = 300.0
"""For calls that may still answer, as far as can be told, while no trial runs."""


class Results(Protocol):
    """Finds the final results that trials have reported."""

    def latest(self, trial: TrialId) -> int:
        """The number of a trial's latest attempt; 0 if it has none."""
        ...

    def final(self, trial: TrialId, attempt: int) -> Sequence[Json]:
        """What an attempt has reported so far."""
        ...

    def results(self, result: TrialResult) -> Sequence[Json]:
        """All that the tuner is to hear of a trial that has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """A proposal of which the journal tells, for a resumption."""

    proposal: Proposal | None
    """None: the tuner had no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunerRules:
    """What bounds the calls."""

    concurrency: int
    max_trials: int | None = None
    first_parameter_id: int = 0
    time_limit_seconds: float | None = None
    """After it, nothing more is proposed."""
    patience_seconds: float = PATIENCE_SECONDS
    results_at_end: bool = False
    """Whether results wait for their trial's end."""


@dataclass(slots=True)
class _RunningTrial:
    parameter_id: int
    parameters: object
    """As the tuner has made them."""
    attempt: int = 0
    num_heard: int = 0
    """How many final results of that attempt the tuner has heard."""


@dataclass(slots=True)
class _Running:
    trials: dict[TrialId, _RunningTrial] = field(default_factory=dict)
    failed: list[TrialId] = field(default_factory=list)
    heard: list[Json] = field(default_factory=list)
    """Since the last proposal: of which attempt the tuner has heard how many results before its end."""


class TunerStrategy:
    """Lets a tuner propose.

    Unlike other strategies it is not determined: a tuner may draw at random and read clocks. A resumed
    experiment therefore takes what was proposed from the journal. The tuner gets the same calls again, in
    the same order, so that it knows what it knew; what it answers to them counts for nothing.

    Args:
        calls: How the tuner is called.
        rules: What bounds the calls.
        results: Finds a trial's final results.
        recorded: What the journal tells of, oldest first.
        say: Takes what there is to say.
    """

    def __init__(
        self,
        calls: Calls,
        *,
        rules: TunerRules,
        results: Results,
        recorded: Sequence[Recorded] = (),
        say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),  # noqa: T201
    ) -> None:
        self._calls = calls
        self._rules = rules
        self._results = results
        self._recorded = deque(recorded)
        self._say = say
        self._next_id = rules.first_parameter_id
        self._proposed: dict[int, object] = {}
        """What was proposed under each id. Of those whose trial has ended, None."""
        self._running = _Running()
        self._has_declined = False
        self._is_exhausted = False
        self._num_other = 0
        self._begun_at = time.monotonic()
        self._idle_since: float | None = None

    # --- the interface -------------------------------------------------------------------------------------

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`. While calls block or compute, it answers that it is not yet so far.

        Raises:
            InputError: A call has raised, or all calls wait for what can never come.
        """
        if self._recorded:
            return self._repeat(self._recorded.popleft())
        if self._is_exhausted:
            return NoProposal.EXHAUSTED
        if not self._rules.results_at_end:
            self._hear_results()
        self._calls.settle(SETTLE_SECONDS)
        answer = self._next_answer()
        while answer is None and self._may_begin():
            self._begin()
            self._calls.settle(SETTLE_SECONDS)
            answer = self._next_answer()
        if answer is None:
            return self._without_answer()
        return self._proposal_of(answer)

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`: the trial's final results are received, then its end.

        Raises:
            InputError: A call has raised.
        """
        trial = self._running.trials.pop(result.trial_id)
        self._proposed[trial.parameter_id] = None
        self._has_declined = False  # a tuner may have more after each end
        if result.state is TrialState.FAILED:
            self._running.failed.append(result.trial_id)
        is_heard = trial.attempt == self._results.latest(result.trial_id)
        values = self._results.results(result)[trial.num_heard if is_heard else 0 :]
        success = result.state is TrialState.COMPLETED
        self._deliver(result.trial_id, trial, values, success=success)

    # --- delivering ----------------------------------------------------------------------------------------

    def _hear_results(self) -> None:
        """Deliver what trials have reported that still run, and note it for the next proposal's record."""
        for trial_id, trial in self._running.trials.items():
            attempt = self._results.latest(trial_id)
            num_results = len(self._results.final(trial_id, attempt))
            if num_results > (trial.num_heard if attempt == trial.attempt else 0):
                self._running.heard.append([trial_id, attempt, num_results])
                self._hear(trial_id, attempt=attempt, num_results=num_results)

    def _hear(self, trial_id: TrialId, *, attempt: int, num_results: int) -> None:
        trial = self._running.trials.get(trial_id)
        if trial is None:
            return  # it has ended, and with its end all was delivered
        if attempt != trial.attempt:  # a lost one's results count no more, and are heard anew
            trial.attempt, trial.num_heard = attempt, 0
        values = self._results.final(trial_id, attempt)[trial.num_heard : num_results]
        trial.num_heard = num_results
        self._has_declined = False  # a tuner may have more after each result
        self._deliver(trial_id, trial, values, success=None)

    def _deliver(
        self, trial_id: TrialId, trial: _RunningTrial, values: Sequence[Json], *, success: bool | None
    ) -> None:
        self._calls.deliver(
            Delivery(
                parameter_id=trial.parameter_id,
                trial=trial_id,
                parameters=trial.parameters,
                values=tuple(values),
                success=success,
            )
        )

    # --- asking --------------------------------------------------------------------------------------------

    def _may_begin(self) -> bool:
        """Whether a slot is free for which no call is on its way. A blocked call is on no slot's way.

        As many calls may be blocked as there are slots: a tuner that was written for so many requests at a
        time must not be asked without an end while nothing comes back.
        """
        if self._has_declined or self._is_late():
            return False
        num_open, num_awake = self._calls.num_open, self._calls.num_awake
        limit = self._rules.max_trials
        if limit is not None and len(self._proposed) + num_open >= limit:
            return False
        is_free = num_awake < self._rules.concurrency - len(self._running.trials)
        return is_free and num_open - num_awake < self._rules.concurrency

    def _is_late(self) -> bool:
        limit = self._rules.time_limit_seconds
        return limit is not None and time.monotonic() - self._begun_at > limit

    def _begin(self) -> None:
        self._next_id += 1
        self._calls.begin(self._next_id - 1)

    def _next_answer(self) -> Answer | None:
        while (answer := self._calls.next_answer()) is not None:
            if answer.parameter_id in self._proposed:
                self._compare(answer)
            elif answer.has_declined:
                self._has_declined = True
            else:
                return answer
        return None

    def _proposal_of(self, answer: Answer) -> Proposal:
        self._idle_since = None
        parameters = _plain(answer)
        info: dict[str, Json] = {"parameter_id": answer.parameter_id, "sequence": len(self._proposed)}
        if self._running.heard:
            info["heard"], self._running.heard = self._running.heard, []
        if not isinstance(parameters, dict):
            parameters, info["is_wrapped"] = {"parameters": parameters}, True
        proposal = Proposal(numbered(answer.parameter_id), parameters, info=info)
        self._take(proposal, answer.parameter_id, answer.parameters)
        return proposal

    def _take(self, proposal: Proposal, parameter_id: int, parameters: object) -> None:
        self._proposed[parameter_id] = parameters
        self._running.trials[proposal.trial_id] = _RunningTrial(parameter_id, parameters)

    def _without_answer(self) -> NoProposal:
        if self._running.trials:
            return NoProposal.NOT_YET
        if self._is_late() or (not self._calls.num_open and self._calls.are_still()):
            self._is_exhausted = True
            return NoProposal.EXHAUSTED
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        patience = self._rules.patience_seconds
        if self._calls.are_still():
            raise self._standstill("wait for one another, or for a trial that has ended")
        if now - self._idle_since > patience:
            raise self._standstill(f"have not answered for {patience:g} seconds")
        return NoProposal.THINKING

    def _standstill(self, how: str) -> InputError:
        failed = ", ".join(self._running.failed[:5])
        after = f" Failed: {failed}; what waits for such a trial's result waits for ever." if failed else ""
        return InputError(
            f"No trial runs, no result is to come, and the tuner's calls {how}.{after}\n\n"
            f"{self._calls.stacks()}",
            hint="A tuner hears of failed trials by trial_end(parameter_id, success=False).",
        )

    # --- repeating -----------------------------------------------------------------------------------------

    def _repeat(self, recorded: Recorded) -> Proposal | NoProposal:
        proposal = recorded.proposal
        if proposal is None:
            self._is_exhausted = True
            return NoProposal.EXHAUSTED
        number = proposal.info["parameter_id"]
        assert isinstance(number, int)  # noqa: S101  # we have written it
        parameters: object = dict(proposal.parameters)
        if proposal.info.get("is_wrapped"):
            parameters = proposal.parameters["parameters"]
        for trial_id, attempt, num_results in _heard_before(proposal):
            self._hear(trial_id, attempt=attempt, num_results=num_results)
        self._take(proposal, number, parameters)
        while self._next_id <= number:
            self._begin()
        self._calls.settle(REPEAT_SECONDS)
        return proposal

    def _compare(self, answer: Answer) -> None:
        """Say once that a repeated call answers otherwise than it did."""
        before = self._proposed[answer.parameter_id]
        is_other = answer.has_declined or (before is not None and _plain(answer) != before)
        self._num_other += is_other
        if is_other and self._num_other == 1:
            self._say(
                f"The tuner does not repeat itself: for parameter id {answer.parameter_id} it now answers "
                f"{answer.parameters!r:.200}. What was proposed before stays; it knows of it by its results."
            )


def _heard_before(proposal: Proposal) -> list[tuple[TrialId, int, int]]:
    """Which results the tuner heard of trials that ran, before it made a recorded proposal."""
    heard: Any = proposal.info.get("heard", [])  # Any: as `_hear_results` has written it
    return [(TrialId(trial), attempt, num_results) for trial, attempt, num_results in heard]


def _plain(answer: Answer) -> Json:
    try:
        return decode(encode(answer.parameters))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"generate_parameters({answer.parameter_id}) returned {answer.parameters!r:.200}: {error}.",
            hint="Hyperparameters are numbers, texts, truth values, lists and dictionaries.",
        ) from error
