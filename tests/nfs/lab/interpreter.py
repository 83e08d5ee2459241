"""A Python process in a guest that calls what the host asks for: each call in a thread of its own.

Functions, arguments and results travel as pickles, so functions are named by their modules, which the guest
imports from the same files. What a call returns may be kept in the guest and be named in later calls.
"""

from __future__ import annotations

import os
import pickle
import socket
import struct
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

_LENGTH = struct.Struct("!Q")

_kept: dict[int, object] = {}
_numbers = count()


@dataclass(frozen=True, slots=True)
class Call:
    """What the host asks for. `keeps` leaves the result in the guest and gives back its name."""

    number: int
    function: Callable[..., object]
    arguments: tuple[object, ...]
    keywords: dict[str, object]
    keeps: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call: a value, or an exception with its traceback as text."""

    number: int
    value: object
    error: BaseException | None = None
    trace: str = ""


class Kept:
    """A name of an object that was kept in a guest; arrives there as the object."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[object, ...]:
        return kept, (self.number,)


@dataclass(frozen=True, slots=True)
class Name:
    """How the name of a kept object goes from the guest to the host."""

    number: int


def kept(number: int) -> object:
    """Return the object of this name, in the process that keeps it."""
    return _kept[number]


def send(connection: socket.socket, message: object) -> None:
    """Send one message."""
    data = pickle.dumps(message)
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket) -> Any:  # Any: a Call or a Reply, or a number at first
    """Wait for one message.

    Raises:
        EOFError: The other side is gone.
    """
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    return pickle.loads(_exactly(connection, length))


def _exactly(connection: socket.socket, length: int) -> bytearray:
    data = bytearray()
    while len(data) < length:
        came = connection.recv(min(length - len(data), 1 << 20))
        if not came:
            raise EOFError
        data += came
    return data


def serve() -> None:
    """Say who we are, then answer calls until the host is gone."""
    with socket.socket(fileno=os.dup(0)) as connection:
        # Processes that a call starts must not hold the connection open when this one dies.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        lock = threading.Lock()
        send(connection, os.getpid())
        while True:
            try:
                call = receive(connection)
            except EOFError:
                return
            threading.Thread(target=_answer, args=(connection, lock, call), daemon=True).start()


def _answer(connection: socket.socket, lock: threading.Lock, call: Call) -> None:
    reply = _reply(call)
    with lock:
        try:
            send(connection, reply)
        except (pickle.PicklingError, AttributeError, TypeError):
            said = repr(reply.error or reply.value)
            send(connection, Reply(call.number, None, RuntimeError(f"no pickle: {said}"), reply.trace))


def _reply(call: Call) -> Reply:
    try:
        value = call.function(*call.arguments, **call.keywords)
    except BaseException as error:  # noqa: BLE001  # whatever it was, the host asked for it
        return Reply(call.number, None, error, traceback.format_exc())
    if not call.keeps:
        return Reply(call.number, value)
    name = Name(next(_numbers))
    _kept[name.number] = value
    return Reply(call.number, name)
