"""On a program's side: the trial in whose name it runs."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import FrameType, TracebackType

from heredity.encoding import Json, decode, encode
from heredity.engine.programs.messages import (
    CHANNEL_VARIABLE,
    ORDER_VARIABLE,
    STOP,
    TRY_AGAIN,
    order_from_json,
)
from heredity.engine.trials import Reporter, Trial
from heredity.engine.trials.current import held_trial
from heredity.engine.trials.values import Ending
from heredity.errors import ConfigError, StoreUnavailable, TrialInterrupted
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_to_json


def current_trial() -> Trial | None:
    """The trial in whose name this process runs: as its function, or as its program.

    Returns:
        None if it runs in no trial's name, so that a program can run alone as well.

    Raises:
        ConfigError: The process has the environment of a trial's program but not its channel, as a process
            has that was started by such a program.
    """
    return held_trial() or _trial_of_program(os.environ.get(CHANNEL_VARIABLE))


@cache
def _trial_of_program(number: str | None) -> Trial | None:
    if number is None:
        return None
    channel = Channel(number)
    order = order_from_json(decode(Path(os.environ[ORDER_VARIABLE]).read_bytes()))

    def emit(event: happened.AttemptEvent) -> bool:
        return channel.send(event_to_json(event))

    def finish(ending: Ending) -> None:
        emit(
            happened.TrialCompleted(
                at=0.0,
                trial=order.trial,
                attempt=order.attempt,
                score=ending.score,
                metrics=ending.metrics,
            )
        )

    _listen_to_interrupts()
    sys.excepthook = _Hook(sys.excepthook)
    return Trial(order, Reporter(order, emit, on_finish=finish))


class Channel:
    """The connection with the worker; may be used from several threads.

    Args:
        number: The descriptor, as the environment names it.

    Raises:
        ConfigError: It is not open in this process.
    """

    def __init__(self, number: str) -> None:
        try:
            self._socket = socket.socket(fileno=os.dup(int(number)))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{CHANNEL_VARIABLE}={number}: this process has no channel to its trial's worker.",
                hint="Only the program that the trial started has it, and what is forked from that.",
            ) from error
        self._answers = self._socket.makefile("rb")
        self._lock = threading.Lock()

    def send(self, event: Mapping[str, Json]) -> bool:
        """Send an event; wait for the answer if it is a report.

        Returns:
            Whether the trial should stop.

        Raises:
            TrialInterrupted: The worker is gone.
        """
        with self._lock:
            try:
                self._socket.sendall(encode(event) + b"\n")
                if event["event"] != happened.TrialReported.__name__:
                    return False
                answer = self._answers.readline()
            except (BrokenPipeError, ConnectionResetError) as error:
                raise TrialInterrupted("the trial's worker is gone") from error
        if not answer:
            raise TrialInterrupted("the trial's worker is gone")
        return answer == STOP


class _Hook:
    """Ends a program whose store does not answer with the exit code that asks to be tried again."""

    def __init__(self, before: Callable[..., object]) -> None:
        self._before = before

    def __call__(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        self._before(kind, error, traceback)
        if isinstance(error, StoreUnavailable):
            sys.exit(TRY_AGAIN)


def _listen_to_interrupts() -> None:
    """Let the program clean up as a trial function does, unless it has its own way to end."""
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once: the clean-up must not be hit again
    raise TrialInterrupted("interrupted")
