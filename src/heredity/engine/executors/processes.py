"""Trials in local processes, forked from one that has imported torch and the user's module once."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections import deque
from multiprocessing.connection import wait
from pathlib import Path

from heredity import encoding
from heredity.engine.executors import child
from heredity.engine.executors.base import LAST_EVENTS, Capabilities, not_open
from heredity.engine.executors.limits import Resources
from heredity.engine.executors.logs import cut_middle
from heredity.engine.executors.memory import families, held_bytes
from heredity.engine.executors.places import Place, Places, places_of_machine
from heredity.engine.executors.server import PRELOADING, environment_of_server, renew_server, without_main
from heredity.engine.executors.worker_process import WorkerProcess
from heredity.engine.function import FunctionReference
from heredity.engine.trials import Emit, TrialOrder
from heredity.errors import ConfigError
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_from_json
from heredity.ids import TrialId

EXIT_GRACE_SECONDS = 10.0
"""For a worker whose trial has ended to leave; threads and atexit handlers of the user's may hold it."""

WATCH_SECONDS = 0.25
"""Between two looks at memory and logs: what is passed in between is seen at the next look."""


class ProcessExecutor:
    """One process an attempt. A crash, a hang or a kill ends that attempt and no other.

    Args:
        function: The trial function.
        time_limit_seconds: After it, an attempt is ended and has failed; None sets no limit.
        resources: What an attempt gets, and what it may not exceed.
        places: Who hands out cores and accelerators; by default this machine's are, as `resources` says.
        log_folder: Where the logs go; by default ``logs/`` in the experiment's directory.

    Raises:
        ConfigError: The machine has too little for even one attempt.
    """

    capabilities = Capabilities(
        isolates=True, runs_side_by_side=True, limits=frozenset({"time", "memory", "log"})
    )

    def __init__(
        self,
        function: FunctionReference,
        *,
        time_limit_seconds: float | None = None,
        resources: Resources | None = None,
        places: Places | None = None,
        log_folder: Path | None = None,
    ) -> None:
        self._function = function
        self._time_limit_seconds = time_limit_seconds
        self._resources = resources or Resources()
        self._places = places or places_of_machine(self._resources)
        self._log_folder = log_folder
        self._context = multiprocessing.get_context("forkserver")
        self._workers: dict[tuple[TrialId, int], WorkerProcess] = {}
        self._placeless: deque[TrialOrder] = deque()
        self._watch_at = 0.0
        self._emit: Emit = not_open

    @property
    def capacity(self) -> int | None:
        """How many attempts have a place at a time; None: any number. The others wait."""
        return self._places.capacity

    @property
    def is_idle(self) -> bool:
        """Whether no process runs, and none waits for a place."""
        return not self._workers and not self._placeless

    # --- the interface -------------------------------------------------------------------------------------

    def open(self, emit: Emit) -> None:
        """See `Executor.open`. Starts the fork server, which imports the user's module."""
        self._emit = emit
        renew_server(self._function)
        reader, writer = self._context.Pipe(duplex=False)
        process = self._context.Process(target=child.check, args=(self._function, writer))
        self._context.set_forkserver_preload([PRELOADING, child.__name__])
        with environment_of_server(self._function), without_main():
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

    def reach(self, *, store_url: str, directory: str) -> None:
        """See `Executor.reach`. The driver's own disks are everybody's here."""

    def start(self, order: TrialOrder) -> None:
        """See `Executor.start`. Waits for a place, where an attempt that is just leaving still has it."""
        self._placeless.append(order)
        self._start_waiting()

    def stop(self, trial: TrialId, attempt: int, *, at_once: bool) -> None:
        """See `Executor.stop`."""
        worker = self._workers.get((trial, attempt))
        if worker is not None and not worker.has_ended:
            worker.is_interrupted = True
            worker.signal(signal.SIGKILL if at_once else signal.SIGTERM)
        for order in [each for each in self._placeless if (each.trial, each.attempt) == (trial, attempt)]:
            self._placeless.remove(order)
            self._emit(
                happened.TrialLost(
                    at=time.time(), trial=trial, attempt=attempt, reason="stopped", counts=False
                )
            )

    def wait(self, timeout_seconds: float) -> None:
        """See `Executor.wait`."""
        self._keep_limits()
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
        self._placeless.clear()
        for worker in self._workers.values():
            worker.signal(signal.SIGKILL)
            worker.process.join()
            worker.pipe.close()
            self._places.give_back(worker.place)
        self._workers.clear()

    # --- one worker ----------------------------------------------------------------------------------------

    def _start_waiting(self) -> None:
        while self._placeless and (place := self._places.take()) is not None:
            self._fork(self._placeless.popleft(), place)

    def _fork(self, order: TrialOrder, place: Place) -> None:
        log = (self._log_folder or Path(order.directory, "logs")) / order.log_name
        reader, writer = self._context.Pipe(duplex=order.is_watched)
        process = self._context.Process(
            target=child.run,
            args=(order, self._function, writer),
            kwargs={"log": str(log), "place": place},
            name=f"{order.trial}@{order.attempt}",
        )
        with without_main():
            process.start()
        writer.close()  # the worker's end is the only one, so that its death is an end of file here
        limit = self._time_limit_seconds
        self._workers[order.trial, order.attempt] = WorkerProcess(
            order=order,
            process=process,
            pipe=reader,
            log=log,
            place=place,
            deadline=None if limit is None else time.monotonic() + limit,
        )

    def _read(self, worker: WorkerProcess) -> None:
        """Emit what lies in the pipe, all of it."""
        try:
            while worker.pipe.poll():
                event = event_from_json(encoding.decode(worker.pipe.recv_bytes()))
                if isinstance(event, happened.AttemptEvent):  # the worker sends no other
                    self._take(worker, event)
        except (EOFError, ConnectionResetError):
            worker.pipe.close()

    def _take(self, worker: WorkerProcess, event: happened.AttemptEvent) -> None:
        if worker.has_ended:
            return  # a thread of the user's that reports after the trial has returned
        must_stop = self._emit(event)
        if worker.order.is_watched and isinstance(event, happened.TrialReported):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it is dead: `_bury` will tell
                worker.pipe.send_bytes(child.STOP if must_stop else child.GO_ON)
        if isinstance(event, LAST_EVENTS):
            worker.has_ended = True
            worker.deadline = None
            worker.kill_at = time.monotonic() + EXIT_GRACE_SECONDS

    def _bury(self, worker: WorkerProcess) -> None:
        """The process has ended: read its last words, and say why it died if it had not said so itself."""
        if not worker.pipe.closed:
            self._read(worker)
        worker.pipe.close()
        worker.process.join()
        worker.kill_session()
        self._cut_log(worker)
        del self._workers[worker.order.trial, worker.order.attempt]
        self._places.give_back(worker.place)
        if not worker.has_ended:
            self._emit(worker.epitaph())
        worker.process.close()
        self._start_waiting()

    # --- limits --------------------------------------------------------------------------------------------

    def _timeout(self, timeout_seconds: float) -> float:
        times = [t for w in self._workers.values() for t in (w.deadline, w.kill_at) if t is not None]
        if self._watch_at:
            times.append(self._watch_at)
        return max(0.0, min([timeout_seconds, *(t - time.monotonic() for t in times)]))

    def _keep_limits(self) -> None:
        now = time.monotonic()
        for worker in self._workers.values():
            worker.keep_deadlines(now, time_limit_seconds=self._time_limit_seconds)
        if now >= self._watch_at and (self._resources.memory_limit_bytes or self._resources.log_limit_bytes):
            self._keep_memory_limit()
            for worker in self._workers.values():
                self._cut_log(worker)
            self._watch_at = time.monotonic() + WATCH_SECONDS

    def _keep_memory_limit(self) -> None:
        limit = self._resources.memory_limit_bytes
        workers = {worker.process.pid: worker for worker in self._workers.values()}
        if limit is None or not workers:
            return
        for leader, pids in families([pid for pid in workers if pid is not None]).items():
            workers[leader].keep_memory_limit(held_bytes(pids, enough=limit), limit_bytes=limit)

    def _cut_log(self, worker: WorkerProcess) -> None:
        limit = self._resources.log_limit_bytes
        if limit is not None:
            worker.num_cut = cut_middle(worker.log, limit_bytes=limit, num_cut=worker.num_cut)
