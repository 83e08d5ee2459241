"""What the doctor says of places that are well, and that it leaves them as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heredity.doctor import Finding, Grade, Report, Verdict, examine
from heredity.errors import InputError, StoreLocationError
from heredity.store import open_store


def named(report: Report, name: str) -> Finding:
    """The one finding of this name."""
    (found,) = [finding for finding in report.findings if finding.name == name]
    return found


def test_a_local_directory_is_fit(tmp_path: Path) -> None:
    report = examine(str(tmp_path))
    assert [finding for finding in report.findings if finding.grade is Grade.UNFIT] == []
    assert {"hard links", "put-once race", "clock", "latency of put"} <= {f.name for f in report.findings}
    # A busy disk may be slow, or nearly full, and a container's is made of layers; nothing else may be wrong.
    of_this_disk = ("latency", "throughput", "space", "file system", "mount option", "sync")
    others = [f for f in report.findings if not f.name.startswith(of_this_disk)]
    assert {finding.grade for finding in others} == {Grade.GOOD}
    assert report.left_out == ()


def test_tmpfs_is_fit_for_what_may_be_lost(in_memory: Path) -> None:
    report = examine(str(in_memory))
    assert report.verdict is Verdict.REMARKS
    assert "empty after a reboot" in named(report, "file system").expected


def test_nothing_is_left_behind(in_memory: Path) -> None:
    examine(str(in_memory))
    assert list(in_memory.iterdir()) == []


def test_nothing_is_left_behind_after_an_interruption(in_memory: Path) -> None:
    def interrupt(what: str) -> None:
        if what == "throughput":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(str(in_memory), tell=interrupt)
    assert list(in_memory.iterdir()) == []


def test_a_store_in_use_is_not_touched(in_memory: Path) -> None:
    store = open_store(in_memory)
    store.put("father", {"x": np.arange(9)})
    before = {path: path.stat().st_mtime_ns for path in in_memory.rglob("*")}
    examine(str(in_memory))
    assert {path: path.stat().st_mtime_ns for path in in_memory.rglob("*")} == before
    assert store.verify() == []


def test_a_store_can_be_made_where_an_examination_is_going_on(in_memory: Path) -> None:
    def make_store(what: str) -> None:
        if what == "clock":
            open_store(in_memory).put("father", {"x": np.arange(9)})

    assert examine(str(in_memory), tell=make_store).verdict is not Verdict.UNFIT
    assert "father" in open_store(in_memory)


def test_of_an_absent_directory_the_nearest_one_is_examined(in_memory: Path) -> None:
    assert examine(str(in_memory / "not" / "yet")).examined == str(in_memory)


def test_a_file_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreLocationError, match="is a file"):
        examine(str(tmp_path / "file"))


def test_the_memory_of_a_process_is_fit_with_remarks() -> None:
    report = examine("memory://examined")
    assert report.verdict is Verdict.REMARKS
    assert named(report, "place").seen == "the memory of one process"


def test_an_unknown_kind_of_url_is_a_mistake() -> None:
    with pytest.raises(InputError, match="'ftp' is no kind of store"):
        examine("ftp://host/weights")


def test_the_worst_grade_is_the_verdict() -> None:
    findings = tuple(Finding("x", grade, "y") for grade in (Grade.GOOD, Grade.POOR, Grade.NOTE))
    assert Report("u", "p", findings[:1]).verdict is Verdict.FIT
    assert Report("u", "p", findings).worst is Grade.POOR
    assert Report("u", "p", (*findings, Finding("x", Grade.UNFIT, "y"))).verdict is Verdict.UNFIT


def test_a_finding_is_read_as_it_was_sent() -> None:
    finding = Finding("sync", Grade.NOTE, "slow", expected="fast", change="buy a disk")
    assert Finding.from_json(finding.to_json(), machine="") == finding
    with pytest.raises(ValueError, match="c1 sent something that is no finding"):
        Finding.from_json(["sync"], machine="c1")
