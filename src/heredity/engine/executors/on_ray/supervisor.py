"""Inside a task of Ray's: runs one attempt in a process of its own, and stands between it and the driver."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayError

from heredity import encoding
from heredity.engine.executors.on_ray.errand import Errand, Machine
from heredity.engine.executors.on_ray.mailbox import BEAT_SECONDS
from heredity.engine.executors.places import OnePlace
from heredity.engine.executors.processes import ProcessExecutor
from heredity.errors import ConfigError, HeredityError
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_to_json
from heredity.store import open_store

DRIVER_SILENCE_SECONDS = 60.0
"""A driver that cannot be reached for so long is gone, or its machine or the way to it is."""

_ANSWER_SECONDS = 1.0
_TICK_SECONDS = 0.2


class DriverGone(Exception):
    """Nobody hears this attempt any more."""


def supervise(errand: Errand, mailbox: Any) -> str:  # noqa: ANN401  # an actor's handle has no type
    """Run one attempt; returns why it was not run, or nothing. Its process dies with this one.

    The attempt gets a process of its own, as with the executor `processes`: so its crash, its time limit and
    its memory are seen here and told with their reasons, while this process stays able to talk to the driver.
    """
    line = _Line(errand, mailbox)
    if not line.begin():
        return "Ray has started its task a second time"
    problem = _problem_of_store(errand)
    if problem:
        return problem
    with _interrupts() as interrupts, _beating(line):
        _run(errand, line, interrupts)
    return ""


def _run(errand: Errand, line: _Line, interrupts: list[int]) -> None:
    machine, order = line.machine, errand.order
    executor = ProcessExecutor(
        errand.function,
        time_limit_seconds=errand.time_limit_seconds,
        # Cores and accelerators are Ray's to hand out.
        resources=dataclasses.replace(errand.resources, cores=None, gpus=None, devices=()),
        places=OnePlace(threads=errand.resources.cores),
        log_folder=Path(machine.log).parent,
    )
    try:
        executor.open(line.emit)
        executor.start(order)
        while not executor.is_idle:
            if interrupts:
                interrupts.clear()
                executor.stop(order.trial, order.attempt, at_once=False)
            executor.wait(_TICK_SECONDS)
            line.refuse_silence()
    except ConfigError as error:
        line.emit(
            happened.TrialFailed(at=time.time(), trial=order.trial, attempt=order.attempt, error=str(error))
        )
    finally:
        executor.close()


class _Line:
    """The way to the driver."""

    def __init__(self, errand: Errand, mailbox: Any) -> None:  # noqa: ANN401  # an actor's handle has no type
        self._errand = errand
        self._mailbox = mailbox
        self._num_sent = 0
        self.is_broken = False
        self.machine = _this_machine(errand)

    def begin(self) -> bool:
        """Announce the attempt. False if it runs already."""
        is_first = self._ask("begin", uuid.uuid4().hex)
        if is_first:
            self._send(encoding.encode({"machine": dataclasses.asdict(self.machine)}))
        return bool(is_first)

    def emit(self, event: happened.AttemptEvent) -> bool:
        """Tell an event; wait for the driver's word where the attempt is watched."""
        if isinstance(event, happened.TrialFailed) and not self.machine.shares_directory:
            where = f"{event.error}\n\nIts log is on {self.machine.host}: {self.machine.log}"
            event = dataclasses.replace(event, error=where)
        self._send(encoding.encode(event_to_json(event)))
        if not self._errand.order.is_watched or not isinstance(event, happened.TrialReported):
            return False
        while (word := self._ask("answer_to", _ANSWER_SECONDS)) is None:
            pass
        return bool(word)

    def beat(self) -> float:
        """Say that this machine is there; returns after how many seconds to say so again."""
        return float(self._ask("beat"))

    def refuse_silence(self) -> None:
        """End, if the driver cannot be reached any more.

        Raises:
            DriverGone: It cannot.
        """
        if self.is_broken:
            raise DriverGone(f"{self._errand.name}: the driver cannot be reached")

    def _send(self, message: bytes) -> None:
        self._num_sent += 1
        self._ask("send", self._num_sent, message)

    def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401  # what each method answers
        give_up_at = time.monotonic() + DRIVER_SILENCE_SECONDS
        while True:
            try:
                call = getattr(self._mailbox, method).remote(self._errand.name, *arguments)
                return ray.get(call, timeout=DRIVER_SILENCE_SECONDS)
            except (ActorUnavailableError, GetTimeoutError) as error:
                if time.monotonic() > give_up_at:
                    raise self._gone() from error
                time.sleep(_TICK_SECONDS)
            except RayError as error:
                raise self._gone() from error

    def _gone(self) -> DriverGone:
        self.is_broken = True
        return DriverGone(f"{self._errand.name}: the driver cannot be reached")


def _this_machine(errand: Errand) -> Machine:
    order = errand.order
    is_shared = Path(order.directory).is_dir()
    folder = Path(order.directory, "logs") if is_shared else _log_folder_of_ray() / order.experiment
    return Machine(
        node_id=ray.get_runtime_context().get_node_id(),
        host=socket.gethostname(),
        log=str(folder / order.log_name),
        shares_directory=is_shared,
    )


def _log_folder_of_ray() -> Path:
    """Where Ray keeps this machine's logs, and shows them."""
    folder = Path(tempfile.gettempdir(), "ray", "session_latest", "logs")
    return (folder if folder.is_dir() else Path(tempfile.gettempdir())) / "heredity"


def _problem_of_store(errand: Errand) -> str:
    if not errand.store_id:
        return ""
    where = f"{socket.gethostname()} does not reach the store {errand.order.store_url}"
    try:
        found = open_store(errand.order.store_url, create=False).store_id
    except HeredityError as error:
        return f"{where}: {error.message}"
    return "" if found == errand.store_id else f"{where}: another one is there"


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Take note of Ray's request to end in order, an interrupt, instead of being hit by it anywhere."""
    noted: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _beating(line: _Line) -> Iterator[None]:
    """Let the driver know that this machine is there, also while the user's module is being imported."""
    is_over = threading.Event()

    def beat() -> None:
        with contextlib.suppress(DriverGone):
            pause = BEAT_SECONDS
            while not is_over.wait(pause):
                pause = line.beat()

    thread = threading.Thread(target=beat, name="beats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
