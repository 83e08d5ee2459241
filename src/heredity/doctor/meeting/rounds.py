"""What each machine does in a round. Between two rounds all have waited for one another."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.doctor.examinations.clocks import measure_skew
from heredity.doctor.examinations.exports import check_exports
from heredity.doctor.examinations.mounted import check_mount
from heredity.doctor.examinations.names import NAMES, content_of, put_all
from heredity.doctor.examinations.rights import check_rights
from heredity.doctor.examine import Examination, do_all
from heredity.encoding import Json
from heredity.errors import StoreUnavailable

if TYPE_CHECKING:
    from heredity.doctor.place import Place
    from heredity.store import Backend, Blob

HOST = 0
"""The seat of the machine that began."""

NAMES_A_WAY = 5
LOOK_SECONDS = 45.0
"""A client of NFS may be blind for half a minute."""
_LOOK_PAUSE_SECONDS = 0.05
PIECE_BYTES = 1 << 20
NUM_PIECES = 8
HELD = f"{NAMES}held"

_WAYS: Mapping[str, Callable[[Backend, str], bool]] = {
    "looking": lambda backend, name: backend.exists(name),
    "opening": lambda backend, name: content_of(backend, name) is not None,
    "listing": lambda backend, name: name in backend.names(NAMES),
}


@dataclass(slots=True)
class Seat:
    """One machine at a meeting.

    Args:
        number: 0 for the one that began.
        outer: The meeting's folder, open to all users.
        work: Where all do what a store does; made by the first machine, with its user's rights.
        held: What it holds open from one round to the next.
    """

    number: int
    outer: Place
    work: Place
    held: Blob | None = None

    @property
    def is_host(self) -> bool:
        """Whether this machine began the meeting."""
        return self.number == HOST

    def leave(self) -> None:
        """Let go of what is held."""
        if self.held is not None:
            self.held.close()
            self.held = None


Order = Mapping[str, Json]
Act = Callable[[Seat, Order], Json]


def piece(number: int) -> bytes:
    """One megabyte of the file that is held open."""
    return bytes([number + 1]) * PIECE_BYTES


def race_names(order: Order) -> list[str]:
    """The names that all race for."""
    return [f"{NAMES}race-{number}" for number in range(_int(order, "names"))]


def _names(order: Order) -> list[tuple[str, str]]:
    run = _int(order, "run")
    return [(way, f"{NAMES}seen-{run}-{way}-{n}") for way in _WAYS for n in range(NAMES_A_WAY)]


def _int(order: Order, name: str) -> int:
    value = order.get(name)
    return value if isinstance(value, int) else 0


def _greet(seat: Seat, order: Order) -> Json:  # noqa: ARG001  # the form of a round
    """Say how this machine has mounted the place, and whose its files become."""
    if seat.is_host:
        return []  # it has examined all of it before
    own = (
        Examination("mount options", check_mount),
        Examination("users and rights", check_rights),
        Examination("the server's export", check_exports),
    )
    return [finding.to_json() for finding in do_all(own, seat.outer, tell=lambda _what: None)]


def _own(seat: Seat, order: Order) -> Json:  # noqa: ARG001  # the form of a round
    """Save something of one's own, and say whose it has become."""
    name = f"{NAMES}own-{seat.number}"
    seat.work.backend.put_once(name, [b"own"])
    if seat.work.folder is None:
        return None
    return (seat.work.folder / name).stat().st_uid


def _echo(seat: Seat, order: Order) -> Json:  # noqa: ARG001  # the form of a round
    return None


def _prime(seat: Seat, order: Order) -> Json:
    """Look for what is not there yet, so that the kernel remembers its absence."""
    if seat.is_host:
        return 0
    return sum(_WAYS[way](seat.work.backend, name) for way, name in _names(order))


def _put(seat: Seat, order: Order) -> Json:
    if seat.is_host:
        for _, name in _names(order):
            seat.work.backend.put_once(name, [b"seen"])
    return None


def _look(seat: Seat, order: Order) -> Json:
    """Look for what the first machine has put before this round; say what was late, and how late."""
    if seat.is_host:
        return None
    late: dict[str, int] = {}
    begun = time.monotonic()
    longest = 0.0
    for way, name in _names(order):
        if _WAYS[way](seat.work.backend, name):
            continue
        late[way] = late.get(way, 0) + 1
        while not _WAYS[way](seat.work.backend, name):
            if time.monotonic() - begun > LOOK_SECONDS:
                return {"late": late, "longest_seconds": None}
            time.sleep(_LOOK_PAUSE_SECONDS)
        longest = time.monotonic() - begun
    return {"late": late, "longest_seconds": longest}


def _race(seat: Seat, order: Order) -> Json:
    names = race_names(order)
    won = put_all(seat.work.backend, names, racer=seat.number)
    return [names.index(name) for name in won]


def _clock(seat: Seat, order: Order) -> Json:  # noqa: ARG001  # the form of a round
    skew = measure_skew(seat.work.backend, is_bucket=seat.work.is_bucket)
    return [skew.seconds, skew.error_seconds]


def _lay(seat: Seat, order: Order) -> Json:  # noqa: ARG001  # the form of a round
    if seat.is_host:
        seat.work.backend.put_once(HELD, [piece(number) for number in range(NUM_PIECES)])
    return None


def _hold(seat: Seat, order: Order) -> Json:
    """Open a file and read its beginning."""
    if not seat.is_host:
        seat.held = seat.work.backend.open(HELD)
        return _read(seat, order)
    return None


def _retire(seat: Seat, order: Order) -> Json:  # noqa: ARG001  # the form of a round
    if seat.is_host:
        seat.work.backend.retire(HELD)
    return None


def _sweep(seat: Seat, order: Order) -> Json:  # noqa: ARG001  # the form of a round
    if seat.is_host:
        seat.work.backend.sweep(before=seat.work.backend.now())
    return None


def _read(seat: Seat, order: Order) -> Json:
    """Read one piece of what is held open."""
    if seat.is_host:
        return None
    if seat.held is None:
        return "was not there"
    number = _int(order, "piece")
    try:
        found = seat.held.read(number * PIECE_BYTES, (number + 1) * PIECE_BYTES)
    except StoreUnavailable as error:
        return f"error: {error.message}"
    return "read" if found == piece(number) else "other bytes"


def _forget(seat: Seat, order: Order) -> Json:  # noqa: ARG001  # the form of a round
    """Let this machine's kernel forget what it has read ahead."""
    if not seat.is_host and seat.work.folder is not None:
        file = os.open(seat.work.folder / HELD, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
    return None


ACTS: Mapping[str, Act] = {
    "greet": _greet,
    "own": _own,
    "echo": _echo,
    "prime": _prime,
    "put": _put,
    "look": _look,
    "race": _race,
    "clock": _clock,
    "lay": _lay,
    "hold": _hold,
    "forget": _forget,
    "retire": _retire,
    "sweep": _sweep,
    "read": _read,
}
