"""The first machine: it waits for the others, leads from round to round, and judges."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from heredity.doctor.examinations.names import NAMES, judge_race
from heredity.doctor.examine import (
    BEFORE_WRITING,
    WHILE_WRITING,
    begin_writing,
    can_be_written,
    do_all,
    left_behind,
)
from heredity.doctor.findings import Finding, Grade, Report
from heredity.doctor.meeting.guest import LEAVE
from heredity.doctor.meeting.judging import (
    TOO_SLOW_SECONDS,
    judge_clocks,
    judge_echo,
    judge_look,
    judge_reading,
    judge_users,
)
from heredity.doctor.meeting.lead import Lead
from heredity.doctor.meeting.rounds import HOST, NUM_PIECES, Seat, race_names
from heredity.doctor.meeting.table import PROTOCOL, Limits, Room, room_of
from heredity.doctor.place import new_code
from heredity.encoding import Json
from heredity.errors import StoreUnavailable

Announce = Callable[[str, str, int], object]

_NUM_ECHOES = 4
_NUM_LOOKS = 2


def host(  # noqa: PLR0913  # a machine, its partners and how to speak with people
    url: str,
    *,
    num_machines: int,
    announce: Announce,
    limits: Limits,
    options: Mapping[str, str] | None = None,
    name: str = "",
    tell: Callable[[str], object] = lambda _what: None,
) -> Report:
    """Examine a place from several machines, of which this is the first.

    Args:
        url: A path or URL, as for `examine`.
        num_machines: How many take part, this one among them.
        announce: Called with the URL, the code for the others, and how many they are.
        limits: How long to wait for them.
        options: How to talk to an object store.
        name: This machine's name, if not its host's.
        tell: Called with what is being examined.

    Raises:
        StoreLocationError: The URL names no place, or one that is not shared.
        StoreUnavailable: The place has ceased to answer.
    """
    room = room_of(url, code=(code := new_code()), options=options)
    mine = name or socket.gethostname()
    findings = list(do_all(BEFORE_WRITING, room.outer, tell=tell))
    left_out: list[str] = []
    with ExitStack() as stack:
        findings += (begun := begin_writing(room.outer, stack, is_open_to_all=True))
        if can_be_written(begun):
            room.table.lay(room.table_folder)
            room.table.say("host", {"protocol": PROTOCOL, "machines": num_machines, "name": mine})
            announce(str(room.outer.home or url), code, num_machines - 1)
            # While they come, what one machine can see by itself.
            findings += do_all(WHILE_WRITING, room.outer, tell=tell)
            together = _together(room, mine, num_machines=num_machines, limits=limits, tell=tell)
            findings = [replace(each, machine=mine) for each in findings] + together
        else:
            left_out = [*(examination.name for examination in WHILE_WRITING), "what several machines see"]
    findings += left_behind(room.outer)
    return Report(url, room.outer.examined, tuple(findings), tuple(left_out))


def _together(
    room: Room, mine: str, *, num_machines: int, limits: Limits, tell: Callable[[str], object]
) -> list[Finding]:
    tell("waiting for the other machines")
    names, found = _await_others(room, mine, num_machines=num_machines, limits=limits)
    seat = Seat(HOST, room.outer, room.work)
    lead = Lead(room.table, seat, names, round_seconds=limits.round_seconds, tell=tell)
    try:
        room.work.backend.make_directories([NAMES])
        if len(names) > 1:
            found += _conduct(lead, num_names=limits.num_names)
        lead.do(LEAVE)
    except StoreUnavailable as error:
        # What was found before is worth telling.
        found.append(
            Finding(
                "the rounds together",
                Grade.UNFIT,
                error.message,
                expected="a place that answers until the end",
                change=error.hint,
            )
        )
    return found + lead.findings


def _await_others(
    room: Room, mine: str, *, num_machines: int, limits: Limits
) -> tuple[dict[int, str], list[Finding]]:
    names = {HOST: mine}
    deadline = time.monotonic() + limits.arrival_seconds
    for number in range(1, num_machines):
        match room.table.hear(f"seat-{number}", seconds=max(0.0, deadline - time.monotonic())):
            case {"name": str(name)}:
                names[number] = f"{name} ({number})" if name in names.values() else name
            case _:
                # Seats are taken in order: nobody sits on a later one.
                return names, [_missing(names, num_machines=num_machines, limits=limits)]
    return names, []


def _missing(names: Mapping[int, str], *, num_machines: int, limits: Limits) -> Finding:
    there = ", ".join(names.values())
    return Finding(
        "other machines",
        Grade.POOR,
        f"{num_machines - len(names)} of {num_machines} did not come within {limits.arrival_seconds:g} s; "
        f"there: {there}",
        expected="that all take part; what the others would have shown is not known",
        change="Look at what the command said on those machines, and begin again.",
    )


def _conduct(lead: Lead, *, num_names: int) -> Iterator[Finding]:
    """Lead through all rounds. Who has vanished is missing from the answers of later ones."""
    for machine, answer in lead.do("greet").items():
        if isinstance(answer, Sequence) and not isinstance(answer, str):
            yield from (Finding.from_json(each, machine=machine) for each in answer)
    seconds = max(_echoes(lead))
    yield judge_echo(seconds)
    # Half a minute for each word would make an hour of what is known already.
    if seconds >= TOO_SLOW_SECONDS:
        return
    yield from judge_users(lead.do("own"))
    yield from _looks(lead)
    yield from _race(lead, num_names=num_names)
    yield from judge_clocks(lead.do("clock"))
    yield from _reading(lead)


def _echoes(lead: Lead) -> Iterator[float]:
    for _ in range(_NUM_ECHOES):
        yield (seconds := lead.seconds_of("echo"))
        if seconds >= TOO_SLOW_SECONDS:
            return


def _looks(lead: Lead) -> Iterator[Finding]:
    for run in range(_NUM_LOOKS):
        primed = lead.do("prime", run=run)
        lead.do("put", run=run)
        looked = lead.do("look", run=run)
        yield from judge_look(primed, looked, run=run)


def _race(lead: Lead, *, num_names: int) -> Iterator[Finding]:
    racers = len(lead.names)
    answers = lead.do("race", names=num_names)
    # Of somebody who fell out nobody knows what he won.
    if len(answers) == racers:
        names = race_names({"names": num_names})
        won = {number: _won(answers[name], names) for number, name in lead.names.items()}
        yield judge_race(lead.seat.work.backend, names, won, racers=f"{racers} machines")


def _won(answer: Json, names: list[str]) -> list[str]:
    return [names[each] for each in answer if isinstance(each, int)] if isinstance(answer, list) else []


def _reading(lead: Lead) -> Iterator[Finding]:
    lead.do("lay")
    lead.do("hold", piece=0)
    lead.do("forget")
    lead.do("retire")
    retired = lead.do("read", piece=NUM_PIECES // 2)
    lead.do("sweep")
    swept = lead.do("read", piece=NUM_PIECES - 1)
    yield from judge_reading(retired, swept, is_bucket=lead.seat.work.is_bucket)
