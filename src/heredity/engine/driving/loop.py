"""strategy -> state -> journal -> executor, one event at a time, until every trial has ended."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from heredity.encoding import encode
from heredity.engine.driving.advisers import Advisers
from heredity.engine.driving.proposing import event_of
from heredity.engine.executors import Executor
from heredity.engine.trials import TrialOrder
from heredity.errors import InputError, RetryableError, StoreLocationError, StoreUnavailable
from heredity.experiment import ExperimentState, StartTrial, TellStrategy
from heredity.experiment import events as happened
from heredity.ids import CheckpointKey, TrialId, parse_experiment_id
from heredity.journal import Journal
from heredity.store import open_store
from heredity.strategies import NoProposal, Proposal

TICK_SECONDS = 0.2
"""How long the loop sleeps at most, so that an interrupt is seen and the display moves on."""

INTERRUPT_GRACE_SECONDS = 10.0
"""For the trials to end in order after an interrupt; then they are killed."""

MIN_LOSSES, LOSSES_A_PLACE = 6, 2
"""So many attempts lost in a row, at least, and so many for each place show that no trial is to blame."""

Observer = Callable[[ExperimentState, happened.Event | None], None]
"""Called after every event, and with None at every tick; must not change the state."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where an experiment's trials find what they need."""

    directory: str
    store_url: str
    min_coverage: float


class Loop:
    """Drives one experiment. All that happens goes through `record`, in one order, into the journal."""

    def __init__(
        self,
        *,
        state: ExperimentState,
        journal: Journal,
        advisers: Advisers,
        executor: Executor,
        surroundings: Surroundings,
        observer: Observer,
    ) -> None:
        self._state = state
        self._journal = journal
        self._advisers = advisers
        self._executor = executor
        self._surroundings = surroundings
        self._observer = observer
        self._starts: deque[StartTrial] = deque()
        self._num_losses = 0
        """Since the last end that was no loss."""
        self._is_thinking = False
        """Whether the strategy's last answer was that it still thinks."""
        self._experiment = parse_experiment_id(state.rules.experiment)

    def run(self, num_interrupts: Callable[[], int]) -> None:
        """Go on until every trial has ended, or until an interrupt has ended those that run.

        Args:
            num_interrupts: How often the user has asked to stop so far; the second time ends all at once.

        Raises:
            InputError: The strategy proposed what cannot be run, or waits for ever.
            StoreUnavailable: The journal cannot be written, or the store does not answer.
            RetryableError: One attempt after the other was lost. In all these cases running trials are ended.
        """
        self._start()
        while True:
            self._propose()
            self._start()
            if self._state.is_over:
                break
            self._refuse_standstill()
            self._executor.wait(TICK_SECONDS)
            self._end_pauses()
            self._start()
            self._observer(self._state, None)
            if num_interrupts():
                self._interrupt(num_interrupts)
                break
        self._journal.sync()

    def record(self, event: happened.Event) -> bool:
        """Write an event into the journal, take it into the state, and tell the advisers what has ended.

        Returns:
            Whether the attempt that the event is of should stop.
        """
        if isinstance(event, _ATTEMPT_EVENTS) and not self._state.is_current(event):
            self._take(
                happened.LateEventRefused(
                    at=event.at, trial=event.trial, attempt=event.attempt, what=type(event).__name__
                )
            )
            return True  # whoever it is, nothing of what it does counts any more
        self._take(event)
        self._count_losses(event)
        return isinstance(event, happened.TrialReported) and self._should_stop(event)

    def _should_stop(self, event: happened.TrialReported) -> bool:
        reason = self._advisers.should_stop(event, self._state)
        if reason:
            self._take(
                happened.TrialStopRequested(
                    at=time.time(), trial=event.trial, attempt=event.attempt, reason=reason
                )
            )
        return bool(reason)

    def _take(self, event: happened.Event) -> None:
        self._journal.append(event)
        for command in self._state.handle(event):
            match command:
                case TellStrategy():
                    # At once, as in a resumption: what it is asked next may depend on it.
                    self._advisers.tell(command)
                case StartTrial():
                    self._starts.append(command)
        self._observer(self._state, event)

    def _count_losses(self, event: happened.Event) -> None:
        """End the experiment where all its trials would be lost, one after the other."""
        if isinstance(event, happened.TrialCompleted | happened.TrialStoppedEarly | happened.TrialFailed):
            self._num_losses = 0
        if not isinstance(event, happened.TrialLost) or not event.counts:
            return
        self._num_losses += 1
        self._refuse_without_store()
        if self._num_losses >= max(MIN_LOSSES, LOSSES_A_PLACE * self._state.rules.concurrency):
            raise RetryableError(
                f"Experiment {self._experiment}: {self._num_losses} attempts were lost, one after the other, "
                f"the last one because {event.reason}.",
                hint="Mend this, then go on with `heredity resume`.",
            )

    def _refuse_without_store(self) -> None:
        url = self._surroundings.store_url
        try:
            open_store(url, create=False)
        except (StoreUnavailable, StoreLocationError) as error:  # an unmounted share is an empty folder
            raise StoreUnavailable(
                f"Experiment {self._experiment}: its store {url} does not answer: {error.message}",
                hint="What runs is ended, nothing is lost. Mend this, then go on with `heredity resume`.",
            ) from error

    # --- proposals -----------------------------------------------------------------------------------------

    def _propose(self) -> None:
        self._is_thinking = False
        while self._state.num_wanted():
            match self._advisers.ask():
                case NoProposal.NOT_YET:
                    return
                case NoProposal.THINKING:
                    self._is_thinking = True
                    return
                case NoProposal.EXHAUSTED:
                    self.record(happened.StrategyExhausted(at=time.time()))
                case Proposal() as proposal:
                    self.record(event_of(proposal, self._state.trials))

    def _refuse_standstill(self) -> None:
        if self._is_thinking or self._state.is_interrupted:
            return
        if not self._state.num_running and not self._state.num_resting:
            raise InputError(
                f"Experiment {self._experiment}: the strategy answered 'not yet' while no trial runs, "
                "so that nothing can ever happen again.",
                hint="A strategy may wait only for results that are still to come.",
            )

    def _end_pauses(self) -> None:
        now = time.time()
        for trial in self._state.rested(now):
            self.record(happened.TrialRested(at=now, trial=trial))

    # --- starts --------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start what is to be started; that it starts is on disk before it begins."""
        orders: list[TrialOrder] = []
        while self._starts:
            start = self._starts.popleft()
            self.record(happened.TrialStarted(at=time.time(), trial=start.trial, attempt=start.attempt))
            orders.append(self._order(start.trial, start.attempt))
        self._journal.sync()
        for order in orders:
            self._executor.start(order)

    def _order(self, trial: TrialId, attempt: int) -> TrialOrder:
        record, rules = self._state.trials[trial], self._state.rules
        parents: dict[TrialId, CheckpointKey | None] = {
            parent: self._state.trials[parent].checkpoint for parent in record.parents
        }
        return TrialOrder(
            experiment=self._experiment,
            trial=trial,
            attempt=attempt,
            parameters=record.parameters,
            parents=parents,
            seed=seed_of(rules.seed, record.twin_of or trial),
            directory=self._surroundings.directory,
            store_url=self._surroundings.store_url,
            min_coverage=self._surroundings.min_coverage,
            objective=rules.objective,
            further_objectives=tuple(rules.further_objectives),
            max_steps=record.max_steps,
            continues=record.continues,
            resume_from=() if record.lost is None else record.lost.checkpoints,
            ancestor_steps=record.ancestor_steps,
            is_watched=self._advisers.stopper is not None,
            info=record.info,
        )

    # --- the end -------------------------------------------------------------------------------------------

    def _interrupt(self, num_interrupts: Callable[[], int]) -> None:
        self.record(happened.ExperimentInterrupted(at=time.time()))
        give_up_at = time.monotonic() + INTERRUPT_GRACE_SECONDS
        told: set[tuple[TrialId, bool]] = set()
        while running := self._state.running():
            at_once = num_interrupts() > 1 or time.monotonic() > give_up_at
            for record in running:
                if (record.id, at_once) not in told:
                    told.add((record.id, at_once))
                    self._executor.stop(record.id, record.attempt, at_once=at_once)
            self._executor.wait(TICK_SECONDS)
            self._observer(self._state, None)


_ATTEMPT_EVENTS = get_args(happened.AttemptEvent)


def seed_of(seed: int, trial: TrialId) -> int:
    """A trial's own seed, 63 bits: the same on every machine, other for every trial and experiment seed."""
    digest = hashlib.blake2b(encode([seed, trial]), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
