"""One attempt's process, as the driver sees it: its signals, its deadlines, and why it died."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from heredity.engine.executors.logs import tail_of
from heredity.engine.executors.places import Place
from heredity.engine.trials import TrialOrder
from heredity.experiment import END_OF_LOG
from heredity.experiment import events as happened

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

ABORT_GRACE_SECONDS = 2.0
"""Between SIGABRT, at which a worker writes all its threads' stacks into its log, and SIGKILL."""


@dataclass(slots=True, kw_only=True)
class WorkerProcess:
    """One attempt's process."""

    order: TrialOrder
    process: ForkServerProcess
    pipe: Connection
    log: Path
    place: Place
    deadline: float | None
    has_ended: bool = False
    """Whether the attempt's last event has been emitted."""
    is_interrupted: bool = False
    limit_passed: str = ""
    """Which limit it has passed, and how; empty if none."""
    num_cut: int = 0
    """Bytes that were cut out of its log."""
    kill_at: float | None = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; the last one goes to all its processes."""
        pid = self.process.pid
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if number is signal.SIGKILL:
            self.kill_session()

    def kill_session(self) -> None:
        """Kill what the worker has forked: data loaders must not outlive it. It leads a session."""
        if self.process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def keep_deadlines(self, now: float, *, time_limit_seconds: float | None) -> None:
        """Abort it at its time limit, and kill it when its grace is over."""
        if self.deadline is not None and now >= self.deadline:
            self.deadline = None
            self.limit_passed = f"TimeLimitExceeded: still running after {time_limit_seconds:g} seconds"
            self.kill_at = now + ABORT_GRACE_SECONDS
            self.signal(signal.SIGABRT)  # faulthandler writes every thread's stack into the log
        elif self.kill_at is not None and now >= self.kill_at:
            self.kill_at = None
            self.signal(signal.SIGKILL)

    def keep_memory_limit(self, held_bytes: int, *, limit_bytes: int) -> None:
        """Kill it if it and its processes hold too much."""
        if held_bytes > limit_bytes and not self.has_ended and not self.limit_passed:
            self.deadline = None
            self.limit_passed = (
                f"MemoryLimitExceeded: the attempt and its processes held {held_bytes} bytes, "
                f"memory_limit_bytes is {limit_bytes}"
            )
            self.signal(signal.SIGKILL)

    def epitaph(self) -> happened.AttemptEvent:
        """The last event of an attempt whose process ended without one."""
        at, trial, attempt = time.time(), self.order.trial, self.order.attempt
        if self.is_interrupted:
            return happened.TrialLost(at=at, trial=trial, attempt=attempt, reason="interrupted", counts=False)
        why = self.limit_passed or _death_of(self.process.exitcode)
        tail = tail_of(self.log)
        error = f"{why}\n\n{END_OF_LOG}\n{tail}" if tail else why
        return happened.TrialFailed(at=at, trial=trial, attempt=attempt, error=error)


def _death_of(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"WorkerDied: killed by {name}{hint}"
    return f"WorkerDied: the process ended with exit code {exit_code} before the trial function returned"
