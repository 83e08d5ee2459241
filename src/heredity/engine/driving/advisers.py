"""The strategy and the stopper of an experiment: asked and told, watched, and their answers checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from heredity.engine.driving.watchdog import Watchdog
from heredity.errors import InputError
from heredity.experiment import ExperimentState, TellStrategy, merit_of
from heredity.experiment import events as happened
from heredity.ids import parse_trial_id
from heredity.strategies import NoProposal, Progress, Proposal, Stopper, Strategy


@dataclass(frozen=True, slots=True)
class Advisers:
    """Who decides what is tried, and what is not worth going on with.

    What they raise passes through, with a note on how the experiment goes on.
    """

    strategy: Strategy
    stopper: Stopper | None
    watchdog: Watchdog

    def ask(self) -> Proposal | NoProposal:
        """Ask the strategy for a trial.

        Raises:
            InputError: It answers something else than a proposal that can be recorded.
        """
        with self._heard(self.strategy, "ask"):
            answer: object = self.strategy.ask()
        if isinstance(answer, Proposal):
            _check(answer, self.strategy)
        elif not isinstance(answer, NoProposal):
            raise InputError(
                f"{_call(self.strategy, 'ask')}: expected a Proposal or a NoProposal, got {answer!r:.80}.",
                hint="Return NoProposal.EXHAUSTED where there is nothing more to come.",
            )
        return answer

    def tell(self, command: TellStrategy) -> None:
        """Tell both how a trial ended."""
        with self._heard(self.strategy, "tell"):
            self.strategy.tell(command.result)
        if self.stopper is not None:
            with self._heard(self.stopper, "tell"):
                self.stopper.tell(command.result)

    def should_stop(self, event: happened.TrialReported, state: ExperimentState) -> str:
        """Take in a report; say why its trial should stop, or nothing if it should go on.

        Raises:
            InputError: The stopper answers something else than a text.
        """
        merit, record = merit_of(event.value, state.rules), state.trials[event.trial]
        if self.stopper is None or merit is None or record.twin_of is not None:
            return ""
        progress = Progress(
            event.trial, event.step, merit, parents=record.parents, continues=record.continues
        )
        with self._heard(self.stopper, "should_stop"):
            reason: object = self.stopper.should_stop(progress)
        if not isinstance(reason, str):
            raise InputError(
                f"{_call(self.stopper, 'should_stop')}: expected the reason as a text, got {reason!r:.80}.",
                hint="Return an empty text where the trial should go on.",
            )
        has_ended = record.max_steps is not None and event.step >= record.max_steps
        return "" if has_ended else reason  # with its last report, a trial has completed

    @contextmanager
    def _heard(self, adviser: object, method: str) -> Iterator[None]:
        call = _call(adviser, method)
        with self.watchdog.watching(call):
            try:
                yield
            except Exception as error:
                error.add_note(
                    f"Raised by {call}. The journal is whole: mend this, then go on with `heredity resume`."
                )
                raise


def _call(adviser: object, method: str) -> str:
    return f"{type(adviser).__name__}.{method}()"


def _check(proposal: Proposal, strategy: Strategy) -> None:
    """Refuse what could be written into the journal but not be read from it."""
    where = f"{_call(strategy, 'ask')} proposed {proposal.trial_id!r:.80}"
    for name, value, expected, is_right in (
        ("trial_id", proposal.trial_id, "a text", _is_name(proposal.trial_id)),
        ("parents", proposal.parents, "a sequence of trial ids", _are_names(proposal.parents)),
        ("twin_of", proposal.twin_of, "a trial id or None", _is_name(proposal.twin_of or "")),
        ("max_steps", proposal.max_steps, "an integer of at least 1 or None", _is_budget(proposal.max_steps)),
        ("continues", proposal.continues, "true or false", type(proposal.continues) is bool),
    ):
        if not is_right:
            raise InputError(f"{where}: {name}: expected {expected}, got {value!r:.80}.")
    if proposal.continues and not proposal.parents:
        raise InputError(f"{where}: continues: expected a parent to go on from, got none.")
    parse_trial_id(proposal.trial_id)


def _is_budget(value: object) -> bool:
    return value is None or (type(value) is int and value >= 1)


def _are_names(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_is_name, value))


def _is_name(value: object) -> bool:
    return type(value) is str
