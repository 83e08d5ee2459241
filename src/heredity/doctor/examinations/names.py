"""Whether a name is put once, and seen as soon as it is put, in every kind of place."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from heredity.doctor.findings import Finding, Grade

if TYPE_CHECKING:
    from heredity.doctor.place import Place
    from heredity.store import Backend

NAMES = "a/"
_NUM_RACERS = 4
_NUM_RACES = 25
_NUM_LOOKS = 10
_LOST = "Use another place: here trials overwrite one another's weights."


def check_put_once(place: Place) -> Iterator[Finding]:
    """A second put of a name is refused, and what it would have put is nowhere."""
    backend, name = place.backend, f"{NAMES}once-{secrets.token_hex(4)}"
    first = backend.put_once(name, [b"first"])
    second = backend.put_once(name, [b"second"])
    found = content_of(backend, name)
    if first and not second and found == b"first":
        yield Finding("put once", Grade.GOOD, "the second put of a name was refused")
        return
    told = {True: "was accepted", False: "was refused"}
    yield Finding(
        "put once",
        Grade.UNFIT,
        f"the first put {told[first]}, the second {told[second]}, and the name holds {_quoted(found)}",
        expected="that the first is accepted and stays, and the second is refused"
        + ("; this server ignores conditional puts (If-None-Match)" if place.is_bucket and second else ""),
        change="Use a server that honours them, such as S3, GCS or Azure, or a directory."
        if place.is_bucket
        else _LOST,
    )


def check_race(place: Place) -> Iterator[Finding]:
    """Many threads of this machine put the same names at the same time: each name has one winner."""
    backend, run = place.backend, secrets.token_hex(4)
    names = [f"{NAMES}race-{run}-{number}" for number in range(_NUM_RACES)]
    with ThreadPoolExecutor(_NUM_RACERS) as racers:
        won = dict(
            enumerate(racers.map(lambda racer: put_all(backend, names, racer=racer), range(_NUM_RACERS)))
        )
    yield judge_race(backend, names, won, racers=f"{_NUM_RACERS} threads of this machine")


def put_all(backend: Backend, names: list[str], *, racer: int) -> list[str]:
    """Put all names, every other racer from the end; return those that were won."""
    order = names if racer % 2 == 0 else names[::-1]
    return [name for name in order if backend.put_once(name, [b"%d" % racer])]


def judge_race(
    backend: Backend, names: list[str], won: Mapping[int, Collection[str]], *, racers: str
) -> Finding:
    """Whether each name has exactly one winner, and holds what he has put."""
    wrong = 0
    for name in names:
        winners = [number for number, mine in won.items() if name in mine]
        wrong += len(winners) != 1 or content_of(backend, name) != b"%d" % winners[0]
    measures = {"names": float(len(names)), "names_not_won_once": float(wrong)}
    if not wrong:
        return Finding(
            "put-once race", Grade.GOOD, f"{len(names)} names, {racers}: one winner each", measures=measures
        )
    return Finding(
        "put-once race",
        Grade.UNFIT,
        f"{wrong} of {len(names)} names were not won by exactly one of {racers}",
        expected="exactly one winner for each name",
        change=_LOST,
        measures=measures,
    )


def check_seen_at_once(place: Place) -> Iterator[Finding]:
    """What was put is found, opened and listed at once, also where its absence had been seen before."""
    backend, run = place.backend, secrets.token_hex(4)
    missed: list[str] = []
    for number in range(_NUM_LOOKS):
        name = f"{NAMES}seen-{run}-{number}"
        looked = look(backend, name)
        backend.put_once(name, [b"seen"])
        missed += [way for way, found in look(backend, name).items() if not found]
        if any(looked.values()):
            missed.append("absence")
    if not missed:
        seen = f"{_NUM_LOOKS} names: found, opened and listed as soon as they were put"
        yield Finding("read after write", Grade.GOOD, seen)
        return
    ways = {way: missed.count(way) for way in dict.fromkeys(missed)}
    yield Finding(
        "read after write",
        Grade.UNFIT,
        "not seen after the put: " + ", ".join(f"by {way} {n} of {_NUM_LOOKS}" for way, n in ways.items()),
        expected="that whoever looks after a put has returned finds the name",
        change="Use another place: children would not find their parents.",
    )


def look(backend: Backend, name: str) -> dict[str, bool]:
    """Whether a name is found, by each way of looking."""
    return {
        "looking": backend.exists(name),
        "opening": content_of(backend, name) is not None,
        "listing": name in backend.names(NAMES),
    }


def content_of(backend: Backend, name: str) -> bytes | None:
    """The bytes of a name; ``None`` where it is absent."""
    blob = backend.open(name)
    if blob is None:
        return None
    with blob:
        return blob.read(0, blob.size)


def _quoted(content: bytes | None) -> str:
    return "nothing" if content is None else repr(content.decode("utf-8", errors="replace"))
