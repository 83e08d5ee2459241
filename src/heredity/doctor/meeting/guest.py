"""The other machines: they come, do what the first one says, and report to it."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from heredity.doctor.meeting.rounds import ACTS, Seat
from heredity.doctor.meeting.table import PROTOCOL, Limits, Room, room_of, vanished
from heredity.doctor.place import Place
from heredity.errors import HeredityError, InputError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from heredity.encoding import Json

LEAVE = "leave"
_WELCOME_SECONDS = 20.0


def join(
    url: str,
    *,
    code: str,
    limits: Limits,
    options: Mapping[str, str] | None = None,
    name: str = "",
    tell: Callable[[str], object] = lambda _what: None,
) -> int:
    """Take part in an examination that another machine has begun, until its end.

    Args:
        url: The same place, by this machine's own path.
        code: What the first machine has said.
        limits: How long to wait for the others.
        options: How to talk to an object store.
        name: This machine's name, if not its host's.
        tell: Called with what is being examined.

    Returns:
        The number of this machine; the first one has 0.

    Raises:
        InputError: There is no such examination, it is complete, or it is one of another version.
        StoreUnavailable: The first machine fell silent, or the place does not answer.
    """
    room = room_of(url, code=code, options=options)
    _refuse_wrong_place(room.outer, code=code)
    try:
        num_machines = _welcome(room, code=code)
        number = _sit_down(room, num_machines=num_machines, name=name or socket.gethostname())
        seat = Seat(number, room.outer, room.work)
        try:
            _take_part(room, seat, limits=limits, tell=tell)
        finally:
            seat.leave()
    except StoreUnavailable as error:
        if _is_cleared_away(room):
            raise vanished(error) from error
        raise
    return number


def _is_cleared_away(room: Room) -> bool:
    # The first machine removes the table before what it lies in, which may still be there for a moment.
    return room.table_folder is not None and not os.path.lexists(room.table_folder)


def _refuse_wrong_place(place: Place, *, code: str) -> None:
    # Listed, since that asks the server whatever this machine remembers.
    if place.home is None or place.folder is None:
        return
    if place.folder not in place.home.iterdir():
        raise _no_examination(place.examined, code=code)


def _no_examination(where: str, *, code: str) -> InputError:
    return InputError(
        f"{where}: no examination {code} waits here.",
        hint="Is it the same directory, by this machine's path, and is the first machine still waiting?",
    )


def _welcome(room: Room, *, code: str) -> int:
    match room.table.hear("host", seconds=_WELCOME_SECONDS):
        case {"protocol": int(protocol), "machines": int(machines)}:
            if protocol == PROTOCOL:
                return machines
            raise InputError(
                f"The first machine examines by protocol {protocol}, this one by {PROTOCOL}.",
                hint="Install the same version of heredity on all machines.",
            )
    raise _no_examination(room.outer.examined, code=code)


def _sit_down(room: Room, *, num_machines: int, name: str) -> int:
    word: Json = {"name": name, "nonce": secrets.token_hex(8)}
    for number in range(1, num_machines):
        if room.table.say(f"seat-{number}", word):
            return number
    raise InputError(
        f"All {num_machines} machines are there already.", hint="Begin again with a larger --machines."
    )


def _take_part(room: Room, seat: Seat, *, limits: Limits, tell: Callable[[str], object]) -> None:
    # The first machine may wait so long for those who still come, or who are late in a round.
    silence = limits.arrival_seconds + limits.round_seconds
    index = 0
    while True:
        order = room.table.hear(f"go-{index}", seconds=silence)
        if not isinstance(order, Mapping):
            raise StoreUnavailable(
                f"The first machine has said nothing for {silence:.0f} s.",
                hint="Look whether it still runs; begin again with --machines.",
            )
        round_name = str(order.get("round"))
        tell(round_name)
        room.table.say(f"done-{index}-{seat.number}", answer(seat, round_name, order))
        if round_name == LEAVE:
            return
        index += 1


def answer(seat: Seat, round_name: str, order: Mapping[str, Json]) -> Json:
    """Do what a round asks for; what goes wrong is told to the first machine."""
    if round_name == LEAVE:
        return {"result": None}
    try:
        return {"result": ACTS[round_name](seat, order)}
    except HeredityError as error:
        return {"error": error.message, "hint": error.hint, "kind": type(error).__name__}
    except OSError as error:
        return {"error": str(error), "hint": "", "kind": type(error).__name__}
