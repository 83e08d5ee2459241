"""What the machines' answers mean, round by round. Looks at answers only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from heredity.doctor.examinations.clocks import NOTED_SECONDS, Skew
from heredity.doctor.examinations.rights import user_name
from heredity.doctor.findings import Finding, Grade
from heredity.doctor.meeting.rounds import LOOK_SECONDS, NAMES_A_WAY

if TYPE_CHECKING:
    from heredity.encoding import Json

Answers = Mapping[str, "Json"]
"""By the machine's name, what it has answered in one round."""

_NUM_WAYS = 3
_SLOW_SECONDS = 2.0
TOO_SLOW_SECONDS = 10.0
"""A name that others see so late was not seen when its put had returned."""


def judge_users(answers: Answers) -> Iterator[Finding]:
    """Whose the machines' files become."""
    users = {machine: user for machine, user in answers.items() if isinstance(user, int)}
    if len(users) < 2:
        return
    if len(set(users.values())) == 1:
        yield Finding("users", Grade.GOOD, f"all machines save as {user_name(next(iter(users.values())))}")
        return
    yield Finding(
        "users",
        Grade.NOTE,
        ", ".join(f"{machine} saves as {user_name(user)}" for machine, user in users.items()),
        expected="one user, or a group that may write all directories",
        change="Save as one user with one number everywhere, or chgrp, chmod g+ws and umask 002.",
    )


def judge_echo(seconds: float) -> Finding:
    """How long a word and its answer take through the place, at most."""
    seen = f"a word to the others and their answers take {seconds:.2f} s at most"
    measures = {"longest_seconds": seconds}
    if seconds < _SLOW_SECONDS:
        return Finding("seen by others", Grade.GOOD, seen, measures=measures)
    is_hopeless = seconds >= TOO_SLOW_SECONDS
    return Finding(
        "seen by others",
        Grade.UNFIT if is_hopeless else Grade.POOR,
        f"{seen}; the other rounds were left out" if is_hopeless else seen,
        expected=f"less than {_SLOW_SECONDS:g} s; children wait so long for their parents",
        change="Look at the findings on mount options (nocto), and at how busy the server is.",
        measures=measures,
    )


def judge_look(primed: Answers, looked: Answers, *, run: int) -> Iterator[Finding]:
    """Whether each machine saw at once what the first one had put."""
    num_names = NAMES_A_WAY * _NUM_WAYS
    for machine, answer in looked.items():
        match answer:
            case {"late": Mapping() as late, "longest_seconds": longest} if late:
                yield _late(machine, late, longest, num_names=num_names)
            case {"late": {}}:
                seen = f"{num_names} names that were absent: seen as soon as another machine had put them"
                # Good news is told once.
                if run == 0:
                    yield Finding("read after write", Grade.GOOD, seen, machine=machine)
    for machine, found in primed.items():
        if isinstance(found, int) and found:
            yield Finding(
                "absence",
                Grade.UNFIT,
                f"{found} names were seen before they were put",
                expected="none",
                machine=machine,
            )


def _late(machine: str, late: Mapping[str, Json], longest: Json, *, num_names: int) -> Finding:
    how_late = f"up to {longest:.1f} s" if isinstance(longest, float | int) else f"over {LOOK_SECONDS:g} s"
    ways = ", ".join(f"by {way} {count}" for way, count in late.items())
    return Finding(
        "read after write",
        Grade.UNFIT,
        f"seen too late, {how_late}: {ways} (of {num_names} names)",
        expected="that whoever looks after a put has returned finds the name",
        change="Mount without nocto; look at what lies between machine and server (a cache, a gateway).",
        machine=machine,
    )


def judge_clocks(answers: Answers) -> Iterator[Finding]:
    """How far the machines' clocks are from one another, by way of the place's."""
    skews = {
        machine: Skew(float(seconds), float(error))
        for machine, answer in answers.items()
        for seconds, error in _pairs(answer)
    }
    if len(skews) < 2:
        return
    first, last = (pick(skews, key=lambda machine: skews[machine].seconds) for pick in (min, max))
    # The place minus the machine: who has the least is ahead of all others.
    apart = skews[last].seconds - skews[first].seconds
    error = skews[last].error_seconds + skews[first].error_seconds
    measures = {"apart_seconds": apart, "error_seconds": error}
    if apart - error < NOTED_SECONDS:
        seen = f"the machines' clocks are within {apart:.2f} s (±{error:.2f} s) of one another"
        yield Finding("clocks", Grade.GOOD, seen, measures=measures)
        return
    yield Finding(
        "clocks",
        Grade.NOTE,
        f"{first} is {apart:.1f} s (±{error:.2f} s) ahead of {last}",
        expected=f"less than {NOTED_SECONDS:g} s; the store goes by the place's clock alone and stays right, "
        "but the dates that people read do not agree",
        change="Let chrony or systemd-timesyncd set the clocks.",
        measures=measures,
    )


def _pairs(answer: Json) -> Iterable[tuple[float, float]]:
    match answer:
        case [float() | int() as seconds, float() | int() as error]:
            return [(seconds, error)]
    return []


def judge_reading(retired: Answers, swept: Answers, *, is_bucket: bool) -> Iterator[Finding]:
    """Whether who has a file open reads on when another machine takes it away."""
    # The first machine takes the file away, and holds nothing.
    for machine in (each for each, answer in retired.items() if answer is not None):
        yield _reading(machine, retired[machine], swept.get(machine), is_bucket=is_bucket)


def _reading(machine: str, retired: Json, swept: Json, *, is_bucket: bool) -> Finding:
    name = "deleted while open"
    if "other bytes" in {retired, swept}:
        return Finding(
            name,
            Grade.UNFIT,
            "after another machine took the file away, reading on gave other bytes",
            expected="the right bytes, or an error",
            change="Use another place.",
            machine=machine,
        )
    if retired == swept == "read":
        seen = "by another machine: it reads on, also after the file was deleted for good"
        return Finding(name, Grade.GOOD, seen, machine=machine)
    if retired == "read":
        return Finding(
            name,
            Grade.NOTE,
            "it reads on after a collection, and gets an error when the file is deleted, a grace later",
            expected="that a reader keeps what it has open; NFS version 3 and some servers do not promise it",
            change="Collect with a grace longer than any load takes (the default is a day), or pin.",
            machine=machine,
        )
    return Finding(
        name,
        Grade.NOTE if is_bucket else Grade.POOR,
        f"reading on fails as soon as a collection takes the file: {retired}",
        expected="on object stores just that: a reader gets an error" if is_bucket else "that it reads on",
        change="Collect with a grace longer than any load takes (the default is a day), or pin.",
        machine=machine,
    )
