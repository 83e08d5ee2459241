"""A mirror beside the loop: it works in a thread of its own, and nothing that it does disturbs a trial."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from heredity.experiment import ExperimentState, Report
from heredity.experiment import events as happened
from heredity.ids import TrialId
from heredity.mirrors.base import Mirror, MirrorSettings
from heredity.mirrors.facts import TrialFacts, experiment_facts, trial_facts
from heredity.mirrors.registry import settings_of

FLUSH_SECONDS = 2.0
"""So long after the last fact, a mirror shows what it has held back."""

CLOSE_SECONDS = 120.0
"""For a mirror to finish when the experiment is over; then it is left behind."""

MAX_FAILURES = 3
"""After so many failures in a row a mirror is not tried again before the end: it may be slow to fail."""

_log = logging.getLogger("heredity.mirrors")


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorOutcome:
    """What became of a mirror."""

    kind: str
    place: str
    num_written: int
    num_known: int
    """Trials that it held already."""
    num_missing: int
    """Trials that have ended and that it does not hold."""
    problem: str
    """The first thing that went wrong; empty if nothing did."""


class Mirroring:
    """An observer of the loop that passes on to a mirror what has happened.

    The loop only puts facts into a queue. The mirror works in another thread; whatever it raises is caught
    here, logged once, and in the `outcome`.
    """

    def __init__(self, settings: MirrorSettings, *, directory: Path) -> None:
        self._settings = settings
        self._directory = directory
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._open_trials: set[TrialId] = set()
        # The rest belongs to the thread, until it has ended.
        self._mirror: Mirror | None = None
        self._known: set[TrialId] = set()
        self._written: set[TrialId] = set()
        self._unflushed: set[TrialId] = set()
        """Written, as far as the mirror says; they count once it is closed."""
        self._missing: dict[TrialId, TrialFacts] = {}
        self._num_failures = 0
        self._problem = ""

    # --- in the loop's thread ------------------------------------------------------------------------------

    def __call__(self, state: ExperimentState, event: happened.Event | None) -> None:
        """Take in an event; the first one brings along all that happened before it."""
        if self._thread is None:
            self.attach(state)
        elif event is not None:
            self._note(state, event)

    def attach(self, state: ExperimentState) -> None:
        """Begin with all trials that have ended."""
        facts = experiment_facts(state.rules)
        self._open_trials = {record.id for record in state.trials.values() if not record.state.is_end}
        self._thread = threading.Thread(target=self._work, name=f"mirror {self._settings.kind}", daemon=True)
        self._tasks.put(lambda: self._open(lambda: self._settings.open(self._directory, facts)))
        self._thread.start()
        for record in state.trials.values():
            if record.state.is_end:
                self._put_trial(trial_facts(record))

    def _note(self, state: ExperimentState, event: happened.Event) -> None:
        match event:
            case happened.TrialProposed():
                self._open_trials.add(event.trial)
                self._put_ended(state, [event.trial])
            case happened.TrialReported():
                record = state.trials[event.trial]
                self._put_report(trial_facts(record), record.reports[-1])
            case happened.TrialCompleted() | happened.TrialStoppedEarly():
                self._put_ended(state, [event.trial])
            case happened.TrialFailed() | happened.TrialLost() | happened.ExperimentResumed():
                self._put_ended(state, list(self._open_trials))  # children may have failed along with it

    def _put_ended(self, state: ExperimentState, trials: Iterable[TrialId]) -> None:
        ended = (state.trials[trial] for trial in trials if state.trials[trial].state.is_end)
        for record in sorted(ended, key=lambda record: record.number):
            self._open_trials.discard(record.id)
            self._put_trial(trial_facts(record))

    def _put_trial(self, trial: TrialFacts) -> None:
        self._tasks.put(lambda: self._write(trial))

    def _put_report(self, trial: TrialFacts, report: Report) -> None:
        self._tasks.put(lambda: self._report(trial, report))

    def close(self, *, timeout_seconds: float | None = CLOSE_SECONDS) -> MirrorOutcome:
        """Wait until the mirror has all; say what became of it."""
        if self._thread is None:
            return self._outcome(is_late=False)
        self._tasks.put(None)
        self._thread.join(timeout_seconds)
        return self._outcome(is_late=self._thread.is_alive())

    def _outcome(self, *, is_late: bool) -> MirrorOutcome:
        if is_late:
            num_left = len(self._missing) + self._tasks.qsize()
        else:
            num_left = len(self._missing) + len(self._unflushed)
        late = f"It was not ready {CLOSE_SECONDS:.0f} s after the end." if is_late else ""
        return MirrorOutcome(
            kind=self._settings.kind,
            place="" if self._mirror is None else self._mirror.place,
            num_written=len(self._unflushed if is_late else self._written),
            num_known=len(self._known),
            num_missing=num_left,
            problem=self._problem or late,
        )

    # --- in the mirror's own thread ------------------------------------------------------------------------

    def _work(self) -> None:
        is_flushed = True
        while True:
            try:
                task = self._tasks.get(timeout=None if is_flushed else FLUSH_SECONDS)
            except queue.Empty:
                self._guarded(self._flush)
                is_flushed = True  # if it failed, it is tried again after the next fact, or at the end
                continue
            if task is None:
                break
            task()
            is_flushed = False
        self._finish()

    def _open(self, make: Callable[[], Mirror]) -> None:
        def act() -> None:
            mirror = make()
            self._known = mirror.known()
            self._mirror = mirror

        self._guarded(act)

    def _write(self, trial: TrialFacts) -> None:
        if trial.id in self._known:
            return
        mirror = self._mirror
        if mirror is None or self._num_failures >= MAX_FAILURES:
            self._missing[trial.id] = trial
        elif self._guarded(lambda: mirror.write(trial)):
            self._unflushed.add(trial.id)
        else:
            self._missing[trial.id] = trial

    def _report(self, trial: TrialFacts, report: Report) -> None:
        mirror = self._mirror
        if mirror is not None and self._num_failures < MAX_FAILURES and trial.id not in self._known:
            self._guarded(lambda: mirror.report(trial, report))

    def _flush(self) -> None:
        if self._mirror is not None:
            self._mirror.flush()

    def _finish(self) -> None:
        """Offer what was missed once more, and let go."""
        mirror, missed = self._mirror, list(self._missing.values())
        if mirror is None:
            return
        self._num_failures = 0
        for trial in missed:
            if self._num_failures < MAX_FAILURES and self._guarded(lambda trial=trial: mirror.write(trial)):  # type: ignore[misc]  # bound now
                self._unflushed.add(trial.id)
                del self._missing[trial.id]
        is_flushed = self._guarded(self._flush)
        if self._guarded(mirror.close) and is_flushed:
            self._written, self._unflushed = self._unflushed, set()

    def _guarded(self, act: Callable[[], object]) -> bool:
        """The edge: a tool's failure is told once, and ends here."""
        try:
            act()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the mirror's edge: the experiment goes on
            self._num_failures += 1
            if not self._problem:
                self._problem = f"{type(error).__name__}: {error}"
                _log.warning("mirror %s: %s; the experiment goes on", self._settings.kind, self._problem)
            return False
        self._num_failures = 0
        return True


@contextmanager
def mirrored(
    mirrors: Sequence[str | MirrorSettings],
    state: ExperimentState,
    *,
    directory: Path,
    outcomes: list[MirrorOutcome],
) -> Iterator[list[Mirroring]]:
    """Make observers that fill mirrors, beginning with what has ended already.

    On leaving, wait for them, and add to `outcomes` what became of each.

    Raises:
        ConfigError: A kind is unknown.
    """
    made = [Mirroring(settings_of(mirror), directory=directory) for mirror in mirrors]
    for mirroring in made:
        mirroring.attach(state)
    try:
        yield made
    finally:
        outcomes += [mirroring.close() for mirroring in made]


def mirror_state(state: ExperimentState, mirror: str | MirrorSettings, *, directory: Path) -> MirrorOutcome:
    """Write all trials of an experiment that have ended into a mirror.

    Raises:
        ConfigError: The kind is unknown.
    """
    mirroring = Mirroring(settings_of(mirror), directory=directory)
    mirroring.attach(state)
    return mirroring.close(timeout_seconds=None)
