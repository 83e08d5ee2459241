"""The forked process of one attempt: its surroundings are set up here, the trial runs in `worker`."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from heredity import encoding
from heredity.engine.executors.places import Place, settle
from heredity.engine.function import FunctionReference
from heredity.engine.lifeline import die_with_parent
from heredity.engine.trials import TrialOrder
from heredity.engine.trials.worker import problem_of, run_attempt
from heredity.errors import TrialInterrupted
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_to_json

STOP, GO_ON = b"1", b"0"


def check(function: FunctionReference, pipe: Connection) -> None:
    """Send why the trial function cannot be used, or nothing."""
    pipe.send_bytes(problem_of(function).encode())


def run(order: TrialOrder, function: FunctionReference, pipe: Connection, *, log: str, place: Place) -> None:
    """Run one attempt; its events go into the pipe, its output into the log.

    Where the order says that it is watched, a byte comes back for each report: whether to stop.
    """
    os.setsid()  # the terminal's Ctrl-C is for the driver, who then ends the trials in order
    die_with_parent()
    _write_to(Path(log))
    settle(place)
    signal.signal(signal.SIGTERM, _interrupt)
    lock = threading.Lock()  # a connection is not made for several threads, and users report from theirs

    def send(event: happened.AttemptEvent) -> bool:
        with lock:
            _send(pipe, event)
            return order.is_watched and isinstance(event, happened.TrialReported) and _must_stop(pipe)

    run_attempt(order, function, send, num_threads=place.threads or 1)
    sys.stdout.flush()
    pipe.close()


def _send(pipe: Connection, event: happened.AttemptEvent) -> None:
    try:
        pipe.send_bytes(encoding.encode(event_to_json(event)))
    except BrokenPipeError:
        os._exit(1)  # the driver is gone: nobody may act on anything that this attempt still does


def _must_stop(pipe: Connection) -> bool:
    try:
        return pipe.recv_bytes() == STOP
    except EOFError:
        os._exit(1)  # as above


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Once: the clean-up that this sets off must not be hit again.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise TrialInterrupted("interrupted")


def _write_to(log: Path) -> None:
    """Send all output, also that of C libraries and of crashes, into the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    faulthandler.enable(file=2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an abort at the time limit should not write gigabytes
