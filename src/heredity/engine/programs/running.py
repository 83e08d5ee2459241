"""In a worker: run a trial's program, listen to it, and end it with the trial."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from heredity.encoding import encode
from heredity.engine.lifeline import IS_WORKER, PRELOAD_VARIABLE, die_with_parent
from heredity.engine.programs.messages import (
    CHANNEL_VARIABLE,
    GO_ON,
    ORDER_VARIABLE,
    STOP,
    TRY_AGAIN,
    event_of,
    order_to_json,
)
from heredity.engine.programs.program import filled
from heredity.engine.trials import Reporter, Trial, TrialOrder
from heredity.errors import ProgramFailed, StoreUnavailable, TrialStopped
from heredity.experiment import END_OF_LOG
from heredity.experiment import events as happened

END_GRACE_SECONDS = 6.0
"""Between SIGTERM and SIGKILL; the driver gives the worker ten seconds."""
POLL_SECONDS = 0.1
"""How long an end is unnoticed at most where a child of the program keeps the channel open."""
CHANNEL = 3
"""The channel's descriptor in the program: of one digit, since a plain ``sh`` knows no others."""
MAX_LINE_BYTES = 1 << 24
LOG_TAIL_BYTES = 4_000


def run_program(words: Sequence[str], folder: str, trial: Trial) -> None:
    """Run a command in the name of a trial, until it ends.

    Raises:
        ProgramFailed: It cannot be started, ends with another exit code than 0, or sends what is no event.
        TrialStopped: It reported after it was told to stop.
        StoreUnavailable: It ends with the exit code that asks to be tried again.
    """
    with _started(filled(words, trial.parameters), folder, trial.order) as (process, channel):
        conversation = _Conversation(process, channel, trial.order, trial.reporter)
        try:
            conversation.go_on()
        except BaseException:
            _end(conversation, process)
            raise
    _judge(process.returncode, words, trial)


def _judge(exit_code: int, words: Sequence[str], trial: Trial) -> None:
    if exit_code == 0 or trial.should_stop:  # who was told to stop may do so in any way
        return
    if exit_code == TRY_AGAIN:
        raise StoreUnavailable(f"{' '.join(words)}: exit code {exit_code}, which asks to be tried again.")
    how = f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
    why = f"ProgramFailed: {' '.join(words)}: {how}"
    tail = _tail_of(Path(trial.directory, "logs", trial.order.log_name))
    raise ProgramFailed(f"{why}\n\n{END_OF_LOG}\n{tail}" if tail else why)


def _tail_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""  # the executor keeps its logs elsewhere


class _Conversation:
    """Hears a program until it ends, and answers its reports."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        channel: socket.socket,
        order: TrialOrder,
        reporter: Reporter,
    ) -> None:
        self._process = process
        self._channel = channel
        self._order = order
        self._reporter = reporter
        self._rest = b""
        self._is_open = True

    def go_on(self, *, until: float = float("inf")) -> None:
        """Listen until the program has ended, or until a moment of the monotonic clock."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            while self._process.poll() is None and time.monotonic() < until:
                if not self._is_open:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(POLL_SECONDS)
                elif selector.select(POLL_SECONDS):
                    self._hear()
            while self._is_open and selector.select(0):
                self._hear()

    def _hear(self) -> None:
        try:
            data = self._channel.recv(1 << 16)
        except ConnectionResetError:  # it has ended without reading all its answers; what it sent was heard
            data = b""
        self._is_open = bool(data)
        *lines, self._rest = (self._rest + (data or b"\n")).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise ProgramFailed(f"The program sent a line of more than {MAX_LINE_BYTES} bytes.")
        for line in lines:
            if line.strip():
                self._take(event_of(line, self._order, next_step=self._reporter.step + 1))

    def _take(self, event: happened.AttemptEvent) -> None:
        match event:
            case happened.TrialReported():
                self._reporter.report(event.value, step=event.step, metrics=event.metrics)
                with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                    # A program that never reads its answers must not stop its worker.
                    self._channel.send(STOP if self._reporter.must_stop else GO_ON, socket.MSG_DONTWAIT)
            case happened.TrialCompleted(score=None):
                pass  # it has no score, or the last report is it
            case happened.TrialCompleted(score=score, metrics=metrics):
                self._reporter.finish({self._order.objective: score, **metrics})
            case _:
                self._reporter.pass_on(event)


def _end(conversation: _Conversation, process: subprocess.Popen[bytes]) -> None:
    """End the program: in order, so that it can save once more, then at once."""
    process.terminate()
    # What it has broken the rules of is told already; what it says at its end is heard if it can be.
    with contextlib.suppress(ProgramFailed, TrialStopped):
        conversation.go_on(until=time.monotonic() + END_GRACE_SECONDS)


@contextlib.contextmanager
def _started(
    words: Sequence[str], folder: str, order: TrialOrder
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    ours, theirs = socket.socketpair()
    file = Path(order.directory, "logs", f"{order.trial}@{order.attempt}.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode(order_to_json(order)))
    try:
        with ours, theirs:
            process = _popen(words, folder, theirs, file)
            theirs.close()  # the program's end is the only one, so that its death is an end of file here
            try:
                yield process, ours
            finally:
                _kill_family(process)
    finally:
        file.unlink(missing_ok=True)


def _popen(
    words: Sequence[str], folder: str, channel: socket.socket, order_file: Path
) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != PRELOAD_VARIABLE}
    environment |= {ORDER_VARIABLE: str(order_file), CHANNEL_VARIABLE: str(CHANNEL)}
    number = channel.fileno()

    def prepare() -> None:
        die_with_parent()
        os.dup2(number, CHANNEL)

    # Takes the channel's number if it is free, so that no pipe of subprocess's own lies there.
    placeholder = fcntl.fcntl(channel, fcntl.F_DUPFD_CLOEXEC, CHANNEL)
    try:
        return subprocess.Popen(  # noqa: S603  # the user's own command
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=[CHANNEL],
            # A worker of ours leads a session, which ends with it. Elsewhere the program leads its own.
            start_new_session=not IS_WORKER,
            preexec_fn=prepare,  # noqa: PLW1509  # a worker has one thread until now
        )
    except OSError as error:
        raise ProgramFailed(f"{' '.join(words)}: cannot be started: {error.strerror}.") from error
    finally:
        os.close(placeholder)


def _kill_family(process: subprocess.Popen[bytes]) -> None:
    """Kill the program, and what it has left behind."""
    process.kill()
    process.wait()
    if not IS_WORKER:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
