"""The host's side of a guest: run commands there, and call Python in its processes."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Generic, ParamSpec, TypeVar, cast

from tests.nfs.lab.interpreter import Call, Kept, Name, Reply, receive, send

P = ParamSpec("P")
T = TypeVar("T")

REPOSITORY = Path(__file__).parents[3]
_LONGEST_CALL_SECONDS = 120.0


class GuestError(RuntimeError):
    """A guest did not do what the laboratory needs."""


def run(connect: Callable[[], socket.socket], command: list[str], *, timeout: float) -> tuple[int, str]:
    """Run a command in a guest; return its exit code and what it printed."""
    with connect() as connection:
        _request(connection, command, timeout=timeout)
        connection.settimeout(timeout + 10)
        with connection.makefile("rb") as replies:
            line = replies.readline()
    if not line:
        raise GuestError(f"the guest went away while it ran {command}")
    code, output = json.loads(line)
    return code, output


def _request(connection: socket.socket, command: list[str], *, timeout: float | None) -> None:
    request = {"command": command, "folder": str(REPOSITORY), "timeout": timeout}
    connection.sendall(json.dumps(request).encode() + b"\n")


class Interpreter:
    """A Python process in a guest. For one thread of the host; any number of calls may be under way."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connection = connect()
        program = "from tests.nfs.lab.interpreter import serve; serve()"
        _request(self._connection, [sys.executable, "-c", program], timeout=None)
        self._connection.settimeout(_LONGEST_CALL_SECONDS)
        self.process_id: int = receive(self._connection)
        self._numbers = count()
        self._replies: dict[int, Reply] = {}

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in the guest; what it returns or raises comes back."""
        return self.begin(function, *args, **kwargs).result()

    def begin(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        """Begin a call and return at once."""
        return Pending(self, self._send(function, args, kwargs, keeps=False))

    def keep(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function and keep what it returns in the guest.

        Returns:
            A name of it, to be given to later calls as if it were the object itself.
        """
        number = self._send(function, args, kwargs, keeps=True)
        name = self.result(number, timeout=_LONGEST_CALL_SECONDS)
        assert isinstance(name, Name)
        return cast("T", Kept(name.number))

    def _send(
        self,
        function: Callable[..., object],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        *,
        keeps: bool,
    ) -> int:
        number = next(self._numbers)
        send(self._connection, Call(number, function, args, kwargs, keeps))
        return number

    def result(self, number: int, *, timeout: float) -> object:
        """Wait for the reply to a call."""
        self._connection.settimeout(timeout)
        while number not in self._replies:
            try:
                reply = receive(self._connection)
            except EOFError:
                raise GuestError("the process in the guest has died") from None
            self._replies[reply.number] = reply
        reply = self._replies.pop(number)
        if reply.error is not None:
            reply.error.add_note(f"in the guest:\n{reply.trace}")
            raise reply.error
        return reply.value

    def close(self) -> None:
        """Let the process end."""
        self._connection.close()


class Pending(Generic[T]):
    """A call that is under way in a guest."""

    def __init__(self, interpreter: Interpreter, number: int) -> None:
        self._interpreter = interpreter
        self._number = number

    def result(self, timeout: float = _LONGEST_CALL_SECONDS) -> T:
        """Wait for the call to end; return or raise what it returned or raised.

        Raises:
            TimeoutError: It has not ended in time.
            GuestError: Its process has died.
        """
        return cast("T", self._interpreter.result(self._number, timeout=timeout))
