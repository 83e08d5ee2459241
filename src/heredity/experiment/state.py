"""`ExperimentState.handle(event) -> commands`: the rules of an experiment, with no I/O and no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import get_args

from heredity.errors import CorruptJournal, IllegalMove
from heredity.experiment import events as happened
from heredity.experiment.commands import Command, StartTrial, TellStrategy
from heredity.experiment.event_json import refuse_newer_format
from heredity.experiment.invariants import check
from heredity.experiment.results import result_of
from heredity.experiment.trial import (
    LostAttempt,
    ParentFailure,
    Report,
    TrialRecord,
    Trials,
    TrialState,
    error_by_descent,
    pause_seconds,
    steps_behind,
)
from heredity.ids import TrialId

MAX_WAITING = 1_000
"""Trials that may wait for parents at a time, so that a strategy that runs ahead cannot fill the memory."""


class ExperimentState:
    """All trials of one experiment and what may happen to them.

    The same events in the same order always give the same state and the same commands. Not thread-safe:
    one loop owns it.

    Example:
        >>> from heredity.experiment import ExperimentState, events
        >>> state = ExperimentState(
        ...     events.ExperimentStarted(
        ...         at=0.0, format=1, experiment="demo", seed=0, concurrency=1, max_trials=None,
        ...         max_retries=2, direction="maximize",
        ...     )
        ... )
        >>> state.handle(
        ...     events.TrialProposed(at=1.0, trial="father", parameters={}, parents=(), twin_of=None)
        ... )
        (StartTrial(trial='father', attempt=1),)

    Args:
        started: The first event, with the rules.
        trials: An empty mapping for the records; None for a dictionary. It may give copies of records that
            have ended, since what changes one of those puts it back. All others change in place.
    """

    def __init__(self, started: happened.ExperimentStarted, *, trials: Trials | None = None) -> None:
        refuse_newer_format(started.format, experiment=started.experiment)
        self.rules = started
        self.trials: Trials = {} if trials is None else trials
        self.is_exhausted = False
        self.is_interrupted = False
        self.num_resumes = 0
        self._queue: deque[TrialId] = deque()
        self._starting: set[TrialId] = set()
        self._running: set[TrialId] = set()
        self._resting: dict[TrialId, float] = {}
        self._waiting_children: dict[TrialId, list[TrialId]] = {}
        self._missing_parents: dict[TrialId, int] = {}
        self._num_ended = {state: 0 for state in TrialState if state.is_end}
        self._commands: list[Command] = []
        self._parent_failure = ParentFailure(started.on_parent_failure)
        self._handlers: Mapping[type, Callable[..., None]] = {
            happened.ExperimentResumed: self._on_resumed,
            happened.ExperimentInterrupted: self._on_interrupted,
            happened.StrategyExhausted: self._on_exhausted,
            happened.TrialProposed: self._on_proposed,
            happened.TrialStarted: self._on_started,
            happened.TrialResumed: self._on_trial_resumed,
            happened.TrialInherited: self._on_inherited,
            happened.TrialReported: self._on_reported,
            happened.TrialStopRequested: self._on_stop_requested,
            happened.CheckpointSaved: self._on_saved,
            happened.TrialCompleted: self._on_ended,
            happened.TrialStoppedEarly: self._on_ended,
            happened.TrialFailed: self._on_ended,
            happened.TrialLost: self._on_lost,
            happened.TrialRested: self._on_rested,
            happened.LateEventRefused: self._on_late,
        }

    # --- questions -----------------------------------------------------------------------------------------

    def num_wanted(self) -> int:
        """How many more trials the strategy should propose now."""
        if self.is_exhausted or self.is_interrupted or len(self._missing_parents) >= MAX_WAITING:
            return 0
        free = self.rules.concurrency - len(self._queue) - len(self._running) - len(self._starting)
        left = free if self.rules.max_trials is None else self.rules.max_trials - len(self.trials)
        return max(0, min(free, left))

    @property
    def num_running(self) -> int:
        """Trials that occupy a slot."""
        return len(self._running)

    @property
    def num_resting(self) -> int:
        """Trials that rest after a loss; they occupy no slot."""
        return len(self._resting)

    def rested(self, now: float) -> list[TrialId]:
        """The trials whose pause is over; each is to be told by a `TrialRested`."""
        return [trial for trial, until in self._resting.items() if until <= now]

    def running(self) -> list[TrialRecord]:
        """The trials that run, oldest first."""
        return sorted((self.trials[trial] for trial in self._running), key=lambda record: record.number)

    @property
    def is_over(self) -> bool:
        """Whether every trial has ended and no more will be proposed."""
        enough = self.rules.max_trials is not None and len(self.trials) >= self.rules.max_trials
        busy = self._queue or self._starting or self._running or self._resting
        unfinished = busy or self._missing_parents
        return (self.is_exhausted or enough) and not unfinished

    def is_current(self, event: happened.AttemptEvent) -> bool:
        """Whether the event comes from the attempt that runs now; if not, it must be refused."""
        record = self.trials.get(event.trial)
        return record is not None and record.state is TrialState.RUNNING and record.attempt == event.attempt

    def counts(self) -> dict[TrialState, int]:
        """How many trials are in each state, without looking at each."""
        return {
            TrialState.WAITING: len(self._missing_parents),
            TrialState.QUEUED: len(self._queue) + len(self._starting),
            TrialState.RUNNING: len(self._running),
            TrialState.LOST: len(self._resting),
            **self._num_ended,
        }

    # --- events --------------------------------------------------------------------------------------------

    def handle(self, event: happened.Event) -> tuple[Command, ...]:
        """Take in what happened; say what is to be done.

        Raises:
            IllegalMove: The event cannot happen in this state: a bug, or a journal that was edited.
            CorruptJournal: A second `ExperimentStarted`.
        """
        kind = type(event)
        if kind is happened.ExperimentStarted:
            raise CorruptJournal("ExperimentStarted stands in the middle of the journal.")
        if kind in _ATTEMPT_EVENTS and not self.is_current(event):  # type: ignore[arg-type]  # one of these
            raise IllegalMove(
                f"{kind.__name__} of {event.trial}, attempt {event.attempt}: not running"  # type: ignore[union-attr]
            )
        self._handlers[kind](event)
        if self._queue:
            self._start_queued()
        if not self._commands:
            return ()
        commands, self._commands = tuple(self._commands), []
        return commands

    def _on_resumed(self, event: happened.ExperimentResumed) -> None:
        self.is_interrupted = False
        self.num_resumes += 1
        for trial in sorted(self._starting, key=lambda trial: self.trials[trial].number, reverse=True):
            self._queue.appendleft(trial)
        self._starting.clear()
        for record in reversed(self.running()):
            self._lose(record, event.at, counts=False, reason="the driver went away")

    def _on_interrupted(self, _: happened.ExperimentInterrupted) -> None:
        self.is_interrupted = True

    def _on_exhausted(self, _: happened.StrategyExhausted) -> None:
        self.is_exhausted = True

    def _on_proposed(self, event: happened.TrialProposed) -> None:
        if event.trial in self.trials:
            raise IllegalMove(f"trial {event.trial} is proposed twice")
        record = TrialRecord(
            id=event.trial,
            number=len(self.trials) + 1,
            parameters=event.parameters,
            parents=event.parents,
            twin_of=event.twin_of,
            max_steps=event.max_steps,
            continues=event.continues,
            info=event.info,
            state=TrialState.WAITING,
            proposed_at=event.at,
        )
        for parent in event.parents:
            self._record(parent, child=event.trial)
        self.trials[event.trial] = record
        self._wait_for_parents(record, event.at)

    def _wait_for_parents(self, record: TrialRecord, at: float) -> None:
        """Let a trial wait, start or fail, as its parents' states say."""
        while record.parents and (failed := self._failed_parent(record)):
            if self._parent_failure is ParentFailure.FAIL:
                record.error = error_by_descent(failed)
                self._end(record, TrialState.FAILED, at)
                return
            self._replace_parent(record, failed)
        missing = [parent for parent in record.parents if not self.trials[parent].state.is_end]
        if missing:
            self._missing_parents[record.id] = len(missing)
            for parent in missing:
                self._waiting_children.setdefault(parent, []).append(record.id)
        else:
            self._enqueue(record)

    def _failed_parent(self, record: TrialRecord) -> TrialRecord | None:
        for parent in record.parents:
            if self.trials[parent].state is TrialState.FAILED:
                return self.trials[parent]
        return None

    def _replace_parent(self, record: TrialRecord, failed: TrialRecord) -> None:
        if failed.id in record.lost_parents:
            return  # it was named twice
        heirs = failed.parents if self._parent_failure is ParentFailure.REPARENT else ()
        if record.parents[0] == failed.id:
            # It goes on from its grandparent only if its parent did: else their steps count other things.
            record.continues = record.continues and failed.continues and bool(heirs)
        record.lost_parents += (failed.id,)
        kept: dict[TrialId, None] = {}
        for parent in record.parents:
            kept.update(dict.fromkeys(heirs if parent == failed.id else (parent,)))
        record.parents = tuple(kept)

    def _record(self, trial: TrialId, *, child: TrialId) -> TrialRecord:
        if trial not in self.trials:
            raise IllegalMove(f"trial {child} names the parent {trial}, which was never proposed")
        return self.trials[trial]

    def _on_started(self, event: happened.TrialStarted) -> None:
        record = self.trials.get(event.trial)
        if record is None or event.trial not in self._starting or event.attempt != record.attempt + 1:
            raise IllegalMove(f"trial {event.trial}: attempt {event.attempt} was not to be started")
        self._starting.remove(event.trial)
        self._running.add(event.trial)
        record.move(TrialState.RUNNING)
        record.attempt = event.attempt
        record.started_at, record.ended_at = event.at, None
        # A clean sheet: what the lost attempt reported counts only if its weights are resumed from.
        record.reports, record.checkpoints, record.inheritance, record.first_step = [], (), None, 0
        record.stop_reason = ""

    def _on_trial_resumed(self, event: happened.TrialResumed) -> None:
        record = self.trials[event.trial]
        if not event.is_own:
            record.first_step = event.step
            return
        lost = record.lost
        if lost is None or event.key not in lost.checkpoints:
            raise IllegalMove(f"trial {record.id}: no lost attempt of it has saved {event.key}")
        record.reports = [report for report in lost.reports if report.step <= event.step]
        record.checkpoints = lost.checkpoints[: lost.checkpoints.index(event.key) + 1]
        record.inheritance, record.first_step = lost.inheritance, lost.first_step

    def _on_inherited(self, event: happened.TrialInherited) -> None:
        self.trials[event.trial].inheritance = event.inheritance

    def _on_reported(self, event: happened.TrialReported) -> None:
        self.trials[event.trial].reports.append(Report(event.step, event.value, event.metrics))

    def _on_stop_requested(self, event: happened.TrialStopRequested) -> None:
        self.trials[event.trial].stop_reason = event.reason

    def _on_saved(self, event: happened.CheckpointSaved) -> None:
        self.trials[event.trial].checkpoints += (event.key,)

    def _on_ended(
        self, event: happened.TrialCompleted | happened.TrialStoppedEarly | happened.TrialFailed
    ) -> None:
        record = self.trials[event.trial]
        self._running.remove(event.trial)
        record.resources, record.lost = event.resources, None
        match event:
            case happened.TrialCompleted():
                record.score, record.metrics = event.score, event.metrics
                self._end(record, TrialState.COMPLETED, event.at)
            case happened.TrialStoppedEarly():
                record.score, record.metrics = event.score, event.metrics
                self._end(record, TrialState.STOPPED_EARLY, event.at)
            case happened.TrialFailed():
                record.error = event.error
                self._end(record, TrialState.FAILED, event.at)

    def _on_lost(self, event: happened.TrialLost) -> None:
        self._lose(self.trials[event.trial], event.at, counts=event.counts, reason=event.reason)

    def _on_rested(self, event: happened.TrialRested) -> None:
        if event.trial not in self._resting:
            raise IllegalMove(f"trial {event.trial} does not rest")
        del self._resting[event.trial]
        self._requeue(self.trials[event.trial])

    def _on_late(self, event: happened.LateEventRefused) -> None:
        if (record := self.trials.get(event.trial)) is not None:
            record.num_late_events += 1
            self.trials[record.id] = record

    # --- consequences --------------------------------------------------------------------------------------

    def _enqueue(self, record: TrialRecord) -> None:
        record.move(TrialState.QUEUED)
        record.ancestor_steps = steps_behind(self.trials[parent] for parent in record.parents)
        self._queue.append(record.id)

    def _start_queued(self) -> None:
        while (
            self._queue
            and not self.is_interrupted
            and len(self._running) + len(self._starting) < self.rules.concurrency
        ):
            trial = self._queue.popleft()
            self._starting.add(trial)
            self._commands.append(StartTrial(trial, self.trials[trial].attempt + 1))

    def _lose(self, record: TrialRecord, at: float, *, counts: bool, reason: str) -> None:
        self._running.remove(record.id)
        record.move(TrialState.LOST)
        if record.checkpoints:  # else what an attempt before it has left is still the best there is
            record.lost = LostAttempt(
                record.checkpoints, tuple(record.reports), record.inheritance, record.first_step
            )
        record.num_losses += counts
        if record.num_losses > self.rules.max_retries:
            record.error = f"lost {record.num_losses} times, the last time because {reason}"
            self._end(record, TrialState.FAILED, at)
            return
        if counts and self.rules.retry_delay_seconds:
            # What has taken the attempt away may still be so: a machine that starts, a server that is gone.
            pause = pause_seconds(record.num_losses, first=self.rules.retry_delay_seconds)
            self._resting[record.id] = at + pause
        else:
            self._requeue(record)

    def _requeue(self, record: TrialRecord) -> None:
        record.move(TrialState.QUEUED)
        self._queue.appendleft(record.id)  # it has waited for its turn already

    def _end(self, record: TrialRecord, state: TrialState, at: float) -> None:
        """End a trial, and with a failed one all that wait for it, generation by generation."""
        ending = deque([(record, state)])  # no recursion: lineages grow deeper than Python's stack
        while ending:
            record, state = ending.popleft()
            if record.state is TrialState.WAITING:
                record.ancestor_steps = steps_behind(self.trials[parent] for parent in record.parents)
            record.move(state)
            record.ended_at = at
            self._num_ended[state] += 1
            self._commands.append(TellStrategy(result_of(record, self.rules)))
            for child in self._waiting_children.pop(record.id, ()):
                if self._must_fail(self.trials[child], record):
                    ending.append((self.trials[child], TrialState.FAILED))

    def _must_fail(self, child: TrialRecord, parent: TrialRecord) -> bool:
        """Take in that a parent has ended: the child waits for one less, or fails with it."""
        if child.id not in self._missing_parents:
            return False  # another parent has failed it already
        self._missing_parents[child.id] -= 1
        if not parent.state.is_success:
            if self._parent_failure is ParentFailure.FAIL:
                del self._missing_parents[child.id]
                child.error = error_by_descent(parent)
                return True
            self._replace_parent(child, parent)
        if not self._missing_parents[child.id]:
            del self._missing_parents[child.id]
            # Whoever took a failed parent's place had ended before it began, and had not failed.
            self._enqueue(child)
        return False

    def check_invariants(self) -> None:
        """Compare what is derived with the records, which are the truth.

        Raises:
            IllegalMove: They differ: a bug.
        """
        check(
            self.trials,
            running=self._running,
            queued=set(self._queue) | self._starting,
            resting=self._resting.keys(),
            missing_parents=self._missing_parents,
            num_ended=self._num_ended,
        )
        if len(self._running) + len(self._starting) > self.rules.concurrency:
            raise IllegalMove("more trials run than there are slots")


_ATTEMPT_EVENTS = frozenset(get_args(happened.AttemptEvent))
