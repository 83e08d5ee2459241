"""Trials in local processes, forked from one that has imported torch and the user's module once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from heredity import encoding
from heredity.engine import preload
from heredity.engine.executors import child
from heredity.engine.function import FunctionReference
from heredity.engine.trials import Emit, TrialOrder
from heredity.errors import ConfigError
from heredity.experiment import END_OF_LOG
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_from_json
from heredity.ids import TrialId

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

ABORT_GRACE_SECONDS = 2.0
"""Between SIGABRT, at which a worker writes all its threads' stacks into its log, and SIGKILL."""

EXIT_GRACE_SECONDS = 10.0
"""For a worker whose trial has ended to leave; threads and atexit handlers of the user's may hold it."""

LOG_TAIL_BYTES = 4_000


@dataclass(slots=True)
class _Worker:
    order: TrialOrder
    process: ForkServerProcess
    pipe: Connection
    log: Path
    deadline: float | None
    has_ended: bool = False
    """Whether the attempt's last event has been emitted."""
    timed_out: bool = False
    interrupted: bool = False
    kill_at: float | None = field(default=None)


class ProcessExecutor:
    """One process an attempt. A crash, a hang or a kill ends that attempt and no other.

    Args:
        function: The trial function.
        time_limit_seconds: After it, an attempt is ended and has failed; None sets no limit.
    """

    def __init__(self, function: FunctionReference, *, time_limit_seconds: float | None = None) -> None:
        self._function = function
        self._time_limit_seconds = time_limit_seconds
        self._context = multiprocessing.get_context("forkserver")
        self._workers: dict[tuple[TrialId, int], _Worker] = {}
        self._emit: Emit = _not_open

    # --- the interface -------------------------------------------------------------------------------------

    def open(self, emit: Emit) -> None:
        """See `Executor.open`. Starts the fork server, which imports the user's module."""
        self._emit = emit
        reader, writer = self._context.Pipe(duplex=False)
        process = self._context.Process(target=child.check, args=(self._function, writer))
        self._context.set_forkserver_preload([preload.__name__, child.__name__])
        with _environment_of_server(self._function), _without_main():
            process.start()
        writer.close()
        try:
            problem = reader.recv_bytes().decode()
        except EOFError:
            process.join()
            problem = (
                f"function {str(self._function)!r}: the process that imports it died ({process.exitcode})."
            )
        process.join()
        if problem:
            raise ConfigError(problem)

    def start(self, order: TrialOrder) -> None:
        """See `Executor.start`."""
        log = Path(order.directory, "logs", order.log_name)
        reader, writer = self._context.Pipe(duplex=order.is_watched)
        process = self._context.Process(
            target=child.run,
            args=(order, self._function, writer, str(log)),
            name=f"{order.trial}@{order.attempt}",
        )
        with _without_main():
            process.start()
        writer.close()  # the worker's end is the only one, so that its death is an end of file here
        limit = self._time_limit_seconds
        deadline = None if limit is None else time.monotonic() + limit
        self._workers[order.trial, order.attempt] = _Worker(order, process, reader, log, deadline)

    def stop(self, trial: TrialId, attempt: int, *, at_once: bool) -> None:
        """See `Executor.stop`."""
        worker = self._workers.get((trial, attempt))
        if worker is not None and not worker.has_ended:
            worker.interrupted = True
            _signal(worker, signal.SIGKILL if at_once else signal.SIGTERM)

    def wait(self, timeout_seconds: float) -> None:
        """See `Executor.wait`."""
        self._keep_time_limits()
        pipes = {worker.pipe: worker for worker in self._workers.values() if not worker.pipe.closed}
        sentinels = {worker.process.sentinel: worker for worker in self._workers.values()}
        ready = wait([*pipes, *sentinels], timeout=self._timeout(timeout_seconds))
        for item in ready:
            if item in pipes:
                self._read(pipes[item])
        for item in ready:
            if item in sentinels:
                self._bury(sentinels[item])

    def close(self) -> None:
        """See `Executor.close`."""
        for worker in self._workers.values():
            _signal(worker, signal.SIGKILL)
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    # --- one worker ----------------------------------------------------------------------------------------

    def _read(self, worker: _Worker) -> None:
        """Emit what lies in the pipe, all of it."""
        try:
            while worker.pipe.poll():
                event = event_from_json(encoding.decode(worker.pipe.recv_bytes()))
                if isinstance(event, happened.AttemptEvent):  # the worker sends no other
                    self._take(worker, event)
        except (EOFError, ConnectionResetError):
            worker.pipe.close()

    def _take(self, worker: _Worker, event: happened.AttemptEvent) -> None:
        if worker.has_ended:
            return  # a thread of the user's that reports after the trial has returned
        must_stop = self._emit(event)
        if worker.order.is_watched and isinstance(event, happened.TrialReported):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it is dead: `_bury` will tell
                worker.pipe.send_bytes(child.STOP if must_stop else child.GO_ON)
        if isinstance(event, _LAST_EVENTS):
            worker.has_ended = True
            worker.deadline = None
            worker.kill_at = time.monotonic() + EXIT_GRACE_SECONDS

    def _bury(self, worker: _Worker) -> None:
        """The process has ended: read its last words, and say why it died if it had not said so itself."""
        if not worker.pipe.closed:
            self._read(worker)
        worker.pipe.close()
        worker.process.join()
        _kill_session(worker)
        del self._workers[worker.order.trial, worker.order.attempt]
        if not worker.has_ended:
            self._emit(self._epitaph(worker))
        worker.process.close()

    def _epitaph(self, worker: _Worker) -> happened.AttemptEvent:
        at, trial, attempt = time.time(), worker.order.trial, worker.order.attempt
        if worker.interrupted:
            return happened.TrialLost(at=at, trial=trial, attempt=attempt, reason="interrupted", counts=False)
        if worker.timed_out:
            why = f"TimeLimitExceeded: still running after {self._time_limit_seconds:g} seconds"
        else:
            why = _death_of(worker.process.exitcode)
        tail = _tail_of(worker.log)
        error = f"{why}\n\n{END_OF_LOG}\n{tail}" if tail else why
        return happened.TrialFailed(at=at, trial=trial, attempt=attempt, error=error)

    # --- time limits ---------------------------------------------------------------------------------------

    def _timeout(self, timeout_seconds: float) -> float:
        times = [t for w in self._workers.values() for t in (w.deadline, w.kill_at) if t is not None]
        return max(0.0, min([timeout_seconds, *(t - time.monotonic() for t in times)]))

    def _keep_time_limits(self) -> None:
        now = time.monotonic()
        for worker in self._workers.values():
            if worker.deadline is not None and now >= worker.deadline:
                worker.timed_out, worker.deadline = True, None
                worker.kill_at = now + ABORT_GRACE_SECONDS
                _signal(worker, signal.SIGABRT)  # faulthandler writes every thread's stack into the log
            elif worker.kill_at is not None and now >= worker.kill_at:
                worker.kill_at = None
                _signal(worker, signal.SIGKILL)


_LAST_EVENTS = (
    happened.TrialCompleted,
    happened.TrialStoppedEarly,
    happened.TrialFailed,
    happened.TrialLost,
)


def _signal(worker: _Worker, number: signal.Signals) -> None:
    pid = worker.process.pid
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    if number is signal.SIGKILL:
        _kill_session(worker)


def _kill_session(worker: _Worker) -> None:
    """Kill what the worker has forked: data loaders must not outlive it. It leads a session of its own."""
    if worker.process.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.process.pid, signal.SIGKILL)


def _death_of(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"WorkerDied: killed by {name}{hint}"
    return f"WorkerDied: the process ended with exit code {exit_code} before the trial function returned"


def _tail_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            tail = file.read().decode(errors="replace").strip()
    except OSError as error:
        return f"(no log: {error.strerror})"
    return tail


@contextlib.contextmanager
def _environment_of_server(function: FunctionReference) -> Iterator[None]:
    """Set what the fork server reads when it starts; one server lives as long as this process."""
    names = {
        preload.VARIABLE: encoding.encode(asdict(function)).decode(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Keep multiprocessing from running the main script again in every worker.

    Workers find all they need by its name, so they need no copy of ``__main__``; and a script without the
    usual guard would begin the experiment anew in each of them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _not_open(event: happened.AttemptEvent) -> bool:
    raise AssertionError(f"the executor is not open: {event}")
