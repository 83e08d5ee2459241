"""Places that misbehave, and what the doctor says of them: each planted fault is found, by its name."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from heredity.doctor import Finding, Grade
from heredity.doctor.examinations.clocks import Skew, check_clock, judge_skew
from heredity.doctor.examinations.files import check_files
from heredity.doctor.examinations.names import check_put_once, check_race, check_seen_at_once
from heredity.doctor.examinations.speed import check_latency, check_throughput
from heredity.doctor.examine import Examination, do_all
from heredity.doctor.place import Place
from heredity.store import Backend, Blob, LocalBackend, MemoryBackend
from heredity.store.backends.posix import SystemCalls
from heredity.store.backends.wrapper import Wrapper
from heredity.testing.faults import failing
from heredity.testing.faulty_backend import DUPLICATE, FAIL, ClockShifted, Fault, FaultyBackend


def found_by(check: Callable[[Place], Iterable[Finding]], backend: Backend) -> dict[str, Finding]:
    """What an examination finds of a backend, by name."""
    place = Place("memory://x", "memory", backend)
    found = do_all([Examination("this", check)], place, tell=lambda _what: None)
    return {finding.name: finding for finding in found}


def memory() -> MemoryBackend:
    return MemoryBackend(url="memory://x")


class Misbehaving(Wrapper):
    """Passes everything on, but for what a derived class does wrong."""

    def around(self, method: str, call: Callable[[], Any]) -> Any:
        return call()

    def now(self) -> float:
        return self.inner.now()

    def put_once(
        self, name: str, content: Iterable[Any], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        return self.inner.put_once(name, content)


class Overwriting(Misbehaving):
    """A server that ignores conditions: the last writer of a name wins, and all are told of success."""

    def put_once(
        self, name: str, content: Iterable[Any], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        self.inner = MemoryBackend(url="memory://y") if self.inner.exists(name) else self.inner
        return self.inner.put_once(name, content)


class Blind(Misbehaving):
    """Remembers that a name was absent, as a client does that is mounted with nocto."""

    def __init__(self, inner: Backend) -> None:
        super().__init__(inner)
        self.absent: set[str] = set()

    def exists(self, name: str) -> bool:
        if name not in self.absent and not self.inner.exists(name):
            self.absent.add(name)
        return name not in self.absent

    def open(self, name: str) -> Blob | None:
        return self.inner.open(name) if self.exists(name) else None


class Damaging(Misbehaving):
    """Changes a byte of what is large."""

    def put_once(
        self, name: str, content: Iterable[Any], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        joined = bytearray(b"".join(content))
        if len(joined) > 100_000:
            joined[77_777] ^= 1
        return self.inner.put_once(name, [joined])


def test_a_place_that_overwrites_is_unfit() -> None:
    finding = found_by(check_put_once, Overwriting(memory()))["put once"]
    assert finding.grade is Grade.UNFIT
    assert "the second was accepted, and the name holds 'second'" in finding.seen


def test_a_put_that_arrives_twice_and_is_refused_is_no_first_put() -> None:
    backend = FaultyBackend(memory(), {"put_once": [DUPLICATE]})
    assert "the first put was refused" in found_by(check_put_once, backend)["put once"].seen


def test_a_race_with_many_winners_is_found() -> None:
    finding = found_by(check_race, Overwriting(memory()))["put-once race"]
    assert finding.grade is Grade.UNFIT
    assert finding.measures["names_not_won_once"] > 0


def test_names_that_stay_absent_are_found_with_the_way_of_looking() -> None:
    finding = found_by(check_seen_at_once, Blind(memory()))["read after write"]
    assert finding.grade is Grade.UNFIT
    assert finding.seen == "not seen after the put: by looking 10 of 10, by opening 10 of 10"


def test_bytes_that_come_back_changed_are_found() -> None:
    assert found_by(check_throughput, Damaging(memory()))["content"].grade is Grade.UNFIT


def test_a_place_that_does_not_answer_is_a_finding_and_the_next_question_is_asked() -> None:
    backend = FaultyBackend(memory(), {"put_once": [FAIL]})
    examinations = [Examination("first", check_put_once), Examination("second", check_put_once)]
    place = Place("memory://x", "memory", backend)
    grades = [(f.name, f.grade) for f in do_all(examinations, place, tell=lambda _what: None)]
    assert grades == [("first", Grade.UNFIT), ("put once", Grade.GOOD)]


def test_a_slow_place_is_noted() -> None:
    backend = FaultyBackend(memory(), {"names": [Fault(delay_seconds=0.02)] * 15})
    found = found_by(check_latency, backend)
    assert (found["latency of list"].grade, found["latency of put"].grade) == (Grade.GOOD, Grade.GOOD)
    assert found["latency of list"].measures["median_seconds"] >= 0.02


@pytest.mark.parametrize(("seconds", "grade"), [(3.0, Grade.GOOD), (-60.0, Grade.NOTE), (4000.0, Grade.POOR)])
def test_a_clock_that_is_far_off_is_told(seconds: float, grade: Grade) -> None:
    assert judge_skew(Skew(seconds, 0.5)).grade is grade


def test_what_the_measurement_cannot_tell_is_no_skew() -> None:
    assert str(Skew(0.4, 0.5)) == "equal to this machine's within 0.50 s"
    assert judge_skew(Skew(5.3, 0.5)).grade is Grade.GOOD


def test_the_place_s_own_time_is_measured() -> None:
    found = found_by(check_clock, ClockShifted(memory(), 3600))
    assert found["asking for the time"].grade is Grade.GOOD


def files_found(folder: Path, system: SystemCalls) -> dict[str, Finding]:
    """What the examination of system calls finds, by name."""
    place = Place(str(folder), str(folder), LocalBackend(folder), home=folder, folder=folder)
    return {finding.name: finding for finding in check_files(place, system)}


def test_system_calls_that_behave_are_good(in_memory: Path) -> None:
    found = files_found(in_memory, SystemCalls())
    assert len(found) == 8
    assert {finding.grade for finding in found.values()} == {Grade.GOOD}


def test_a_file_system_without_hard_links_is_unfit(in_memory: Path) -> None:
    found = files_found(in_memory, SystemCalls(link=failing(os.link, errno.EPERM, times=9)))
    assert (found["hard links"].grade, found["inode numbers"].grade) == (Grade.UNFIT, Grade.UNFIT)
    assert "ext4, XFS, Btrfs" in found["hard links"].change
    assert found["rename"].grade is Grade.GOOD


def test_a_link_that_replaces_is_found(in_memory: Path) -> None:
    def replace(source: Path, target: Path, **_: Any) -> None:
        Path(target).unlink(missing_ok=True)
        os.link(source, target)

    assert "was made" in files_found(in_memory, SystemCalls(link=replace))["hard links"].seen


def test_a_link_that_is_a_copy_is_found(in_memory: Path) -> None:
    def copy(source: Path, target: Path, **_: Any) -> None:
        with Path(target).open("xb") as file:
            file.write(Path(source).read_bytes())

    found = files_found(in_memory, SystemCalls(link=copy))
    assert "says that it has 1" in found["hard links"].seen
    assert found["inode numbers"].grade is Grade.POOR


def test_creation_that_is_not_exclusive_is_found(in_memory: Path) -> None:
    def not_exclusive(path: Path, flags: int, *rest: Any, **keywords: Any) -> int:
        if flags & os.O_CREAT and Path(path).exists():
            return os.open(path, os.O_RDONLY)
        return os.open(path, flags, *rest, **keywords)

    assert files_found(in_memory, SystemCalls(open=not_exclusive))["exclusive creation"].grade is Grade.UNFIT


def test_capital_and_small_letters_that_are_one_are_found(in_memory: Path) -> None:
    def folded(path: Path, *rest: Any, **keywords: Any) -> int:
        return os.open(Path(path).with_name(Path(path).name.lower()), *rest, **keywords)

    found = files_found(in_memory, SystemCalls(open=folded))
    assert found["file names"].seen == "capital and small letters are the same"


def test_modes_that_do_not_stay_and_syncs_that_fail_are_found(in_memory: Path) -> None:
    found = files_found(in_memory, SystemCalls(fchmod=lambda _file, _mode: None))
    assert (found["read-only files"].grade, found["read-only files"].seen[-4:]) == (Grade.NOTE, "0600")
    found = files_found(in_memory, SystemCalls(fsync=failing(os.fsync, errno.EIO, times=99)))
    assert found["sync of a directory"].seen == "failed: Input/output error"
