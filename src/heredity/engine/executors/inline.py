"""Trials in this process, one after the other: for tests and for debugging."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from heredity.engine.executors.base import Capabilities, not_open
from heredity.engine.function import TrialFunction
from heredity.engine.trials import Emit, TrialOrder
from heredity.engine.trials.worker import problem_of, run_attempt
from heredity.errors import ConfigError, TrialInterrupted
from heredity.experiment import events as happened
from heredity.ids import TrialId


class InlineExecutor:
    """Runs each attempt to its end inside `wait`. A trial that crashes the interpreter takes all with it.

    Time limits cannot be kept: nothing can end a function of one's own process from outside.
    """

    capabilities = Capabilities(isolates=False, runs_side_by_side=False, limits=frozenset())

    def __init__(self, function: TrialFunction) -> None:
        self._function = function
        self._queue: deque[TrialOrder] = deque()
        self._emit: Emit = not_open

    def open(self, emit: Emit) -> None:
        """See `Executor.open`."""
        problem = problem_of(self._function)
        if problem:
            raise ConfigError(problem)
        self._emit = emit

    def reach(self, *, store_url: str, directory: str) -> None:
        """See `Executor.reach`. The driver reaches what it has made."""

    def start(self, order: TrialOrder) -> None:
        """See `Executor.start`."""
        self._queue.append(order)

    def stop(self, trial: TrialId, attempt: int, *, at_once: bool) -> None:  # noqa: ARG002  # nothing runs now
        """See `Executor.stop`."""
        kept = [order for order in self._queue if (order.trial, order.attempt) != (trial, attempt)]
        if len(kept) == len(self._queue):
            return
        self._queue = deque(kept)
        self._emit(
            happened.TrialLost(at=time.time(), trial=trial, attempt=attempt, reason="stopped", counts=False)
        )

    def wait(self, timeout_seconds: float) -> None:  # noqa: ARG002  # the next attempt takes as long as it takes
        """See `Executor.wait`."""
        if self._queue:
            try:
                with _interruptible():
                    run_attempt(self._queue.popleft(), self._function, self._tell_driver)
            except _DriverFailure as failure:
                raise failure.error from failure

    def _tell_driver(self, event: happened.AttemptEvent) -> bool:
        with _told_apart():
            return self._emit(event)

    def close(self) -> None:
        """See `Executor.close`."""
        self._queue.clear()


class _DriverFailure(BaseException):
    """The driver could not take an event in. No failure of the trial's, so no trial may catch it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _told_apart:  # noqa: N801  # a context manager
    """Tells what the driver raises, be it a bug of the strategy's, from what the trial does."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Exception):
            raise _DriverFailure(error) from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the trial function, too, after the driver has taken note of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if callable(before):
            before(number, frame)
        raise TrialInterrupted("interrupted")

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
