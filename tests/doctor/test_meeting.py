"""Several machines at one place: here, several threads, each with a name of its own."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from heredity.doctor import Finding, Grade, Report, Verdict
from heredity.doctor.meeting import Limits, host, join
from heredity.doctor.meeting.judging import (
    Answers,
    judge_clocks,
    judge_echo,
    judge_look,
    judge_reading,
    judge_users,
)
from heredity.doctor.meeting.table import room_of
from heredity.errors import HeredityError, InputError, StoreLocationError, StoreUnavailable

NOBODY = 65534
LIMITS = Limits(arrival_seconds=20, round_seconds=20, num_names=20)
Guest = Callable[[str], object]


@contextmanager
def guests_of(*guests: Guest) -> Iterator[Callable[[str, str, int], object]]:
    """What announces an examination to guests, each in a thread of its own; they end with the block."""
    threads: list[threading.Thread] = []

    def announce(url: str, code: str, num_others: int) -> None:
        for guest in guests:
            threads.append(threading.Thread(target=guest, args=[code]))
            threads[-1].start()

    try:
        yield announce
    finally:
        for thread in threads:
            thread.join()


def met(place: Path, *guests: Guest, num_machines: int, limits: Limits = LIMITS) -> Report:
    with guests_of(*guests) as announce:
        return host(str(place), num_machines=num_machines, announce=announce, limits=limits, name="first")


def guest(place: Path, name: str, *, limits: Limits = LIMITS) -> Guest:
    return lambda code: join(str(place), code=code, limits=limits, name=name)


def of_others(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.machine != "first"]


def test_three_machines_agree_on_a_good_place(in_memory: Path) -> None:
    report = met(in_memory, guest(in_memory, "second"), guest(in_memory, "third"), num_machines=3)
    found = {(finding.name, finding.machine) for finding in of_others(report)}
    assert {("put-once race", ""), ("clocks", ""), ("users", ""), ("seen by others", "")} <= found
    assert {("read after write", name) for name in ("second", "third")} <= found
    assert {("deleted while open", name) for name in ("second", "third")} <= found
    assert {f.grade for f in of_others(report) if f.name != "file system"} == {Grade.GOOD}
    assert list(in_memory.iterdir()) == []


def test_machines_of_one_name_are_told_apart(in_memory: Path) -> None:
    report = met(in_memory, guest(in_memory, "first"), num_machines=2)
    assert {finding.machine for finding in of_others(report)} == {"", "first (1)"}


def test_who_does_not_come_is_reported_and_the_others_go_on(in_memory: Path) -> None:
    limits = replace(LIMITS, arrival_seconds=2)
    report = met(in_memory, guest(in_memory, "second"), num_machines=3, limits=limits)
    (missing,) = [finding for finding in report.findings if finding.name == "other machines"]
    assert missing.seen == "1 of 3 did not come within 2 s; there: first, second"
    assert ("put-once race", "") in {(finding.name, finding.machine) for finding in report.findings}
    assert report.verdict is Verdict.REMARKS


def test_if_nobody_comes_there_is_what_one_machine_sees(in_memory: Path) -> None:
    report = met(in_memory, num_machines=2, limits=replace(LIMITS, arrival_seconds=0.1))
    assert {"hard links", "other machines"} <= {finding.name for finding in report.findings}
    assert list(in_memory.iterdir()) == []


def test_who_vanishes_is_named_with_the_round(in_memory: Path) -> None:
    def sits_down_and_sleeps(code: str) -> None:
        room = room_of(str(in_memory), code=code, options=None)
        room.table.say("seat-1", {"name": "sleeper"})

    report = met(in_memory, sits_down_and_sleeps, num_machines=2, limits=replace(LIMITS, round_seconds=0.2))
    (gone,) = [finding for finding in report.findings if finding.machine == "sleeper"]
    assert gone.seen == "sleeper was there, and said nothing for 0.2 s in round 'greet'"
    assert report.verdict is Verdict.REMARKS


def test_who_waits_for_a_first_machine_that_is_gone_is_told(in_memory: Path) -> None:
    errors: list[HeredityError] = []

    def waits(code: str) -> None:
        try:
            join(str(in_memory), code=code, limits=LIMITS, name="second")
        except HeredityError as error:
            errors.append(error)

    def interrupt(what: str) -> None:
        if what == "with the others: race":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), guests_of(waits) as announce:
        host(str(in_memory), num_machines=2, announce=announce, limits=LIMITS, tell=interrupt)
    assert list(in_memory.iterdir()) == []
    (error,) = errors
    assert isinstance(error, StoreUnavailable)
    assert "The examination has ended" in error.message


def test_who_waits_is_told_while_the_meeting_is_still_being_cleared_away(in_memory: Path) -> None:
    def waits(code: str) -> None:
        room = room_of(str(in_memory), code=code, options=None)
        assert room.outer.folder is not None

        def clear(_round: str) -> None:
            assert room.table_folder is not None
            shutil.rmtree(room.table_folder)

        with pytest.raises(StoreUnavailable, match="The examination has ended"):
            join(str(in_memory), code=code, limits=LIMITS, name="second", tell=clear)
        assert room.outer.folder.exists()

    met(in_memory, waits, num_machines=2, limits=replace(LIMITS, round_seconds=0.2))


def test_what_was_found_before_the_place_went_away_is_told(in_memory: Path) -> None:
    def unmount(what: str) -> None:
        if what == "with the others: race":
            shutil.rmtree(in_memory)

    def fails(code: str) -> None:
        with pytest.raises(StoreUnavailable, match="The examination has ended"):
            join(str(in_memory), code=code, limits=LIMITS)

    with guests_of(fails) as announce:
        report = host(str(in_memory), num_machines=2, announce=announce, limits=LIMITS, tell=unmount)
    in_memory.mkdir()
    found = {finding.name: finding.grade for finding in report.findings}
    assert (found["seen by others"], found["the rounds together"]) == (Grade.GOOD, Grade.UNFIT)


def test_an_examination_that_is_not_there_or_is_complete_is_a_mistake(in_memory: Path) -> None:
    with pytest.raises(InputError, match="no examination 0123abcd waits here"):
        join(str(in_memory), code="0123abcd", limits=LIMITS)
    errors: list[str] = []

    def comes_too_late(code: str) -> None:
        room = room_of(str(in_memory), code=code, options=None)
        room.table.say("seat-1", {"name": "sleeper"})
        try:
            join(str(in_memory), code=code, limits=LIMITS)
        except InputError as error:
            errors.append(error.message)

    met(in_memory, comes_too_late, num_machines=2, limits=replace(LIMITS, round_seconds=1))
    assert errors == ["All 2 machines are there already."]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_users_who_may_not_write_one_another_s_directories_are_told(in_memory: Path) -> None:
    others: list[BaseProcess] = []

    def announce(url: str, code: str, _num_others: int) -> None:
        others.append(get_context("fork").Process(target=joined_as_nobody, args=[url, code]))
        others[0].start()

    report = host(str(in_memory), num_machines=2, announce=announce, limits=LIMITS, name="first")
    others[0].join()
    (forbidden,) = [finding for finding in report.findings if finding.grade is Grade.UNFIT]
    assert (forbidden.name, forbidden.machine) == ("taking part", "second")
    assert forbidden.seen.startswith("failed in round 'own'")
    assert "chmod g+ws" in forbidden.change
    assert list(in_memory.iterdir()) == []


def joined_as_nobody(url: str, code: str) -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    join(url, code=code, limits=LIMITS, name="second")


def test_machines_do_not_meet_in_the_memory_of_one() -> None:
    with pytest.raises(StoreLocationError, match="is not shared"):
        host("memory://x", num_machines=2, announce=lambda *_: None, limits=LIMITS)


def test_a_name_that_comes_late_is_unfit_with_its_delay() -> None:
    looked: Answers = {"c1": {"late": {"opening": 5, "looking": 4}, "longest_seconds": 29.6}, "c2": None}
    (finding,) = judge_look({}, looked, run=1)
    assert (finding.grade, finding.machine) == (Grade.UNFIT, "c1")
    assert finding.seen == "seen too late, up to 29.6 s: by opening 5, by looking 4 (of 15 names)"
    looked = {"c1": {"late": {"listing": 1}, "longest_seconds": None}}
    assert "over 45 s" in next(judge_look({}, looked, run=1)).seen
    assert next(judge_look({"c1": 2}, {}, run=0)).seen == "2 names were seen before they were put"


def test_clocks_that_differ_are_noted_with_who_is_ahead() -> None:
    (finding,) = judge_clocks({"c1": [-60.0, 0.1], "c2": [0.0, 0.1]})
    assert finding.grade is Grade.NOTE
    assert finding.seen.startswith("c1 is 60.0 s (±0.20 s) ahead of c2")


def test_users_that_differ_are_noted() -> None:
    (finding,) = judge_users({"c1": 4_242_424, "c2": 4_242_425})
    assert finding.seen == "c1 saves as user 4242424, c2 saves as user 4242425"


@pytest.mark.parametrize(
    ("retired", "swept", "is_bucket", "grade"),
    [
        ("read", "read", False, Grade.GOOD),
        ("read", "error: stale", False, Grade.NOTE),
        ("error: stale", "error: stale", False, Grade.POOR),
        ("error: gone", "error: gone", True, Grade.NOTE),
        ("read", "other bytes", False, Grade.UNFIT),
    ],
)
def test_reading_on_is_graded(retired: str, swept: str, is_bucket: bool, grade: Grade) -> None:
    (finding,) = judge_reading({"c1": retired, "first": None}, {"c1": swept}, is_bucket=is_bucket)
    assert (finding.grade, finding.machine) == (grade, "c1")


def test_words_that_take_long_are_poor() -> None:
    assert [judge_echo(seconds).grade for seconds in (0.1, 5.0)] == [Grade.GOOD, Grade.POOR]
    assert judge_echo(29.0).grade is Grade.UNFIT
    assert "the other rounds were left out" in judge_echo(29.0).seen
