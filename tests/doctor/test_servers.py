"""What is said of the server's exports, and of users."""

from __future__ import annotations

from pathlib import Path

import pytest

from heredity.doctor import Finding, Grade
from heredity.doctor.examinations import exports, rights
from heredity.doctor.examinations.rights import Ownership

TABLE = """\
/srv/weights\t10.0.0.0/8(rw,sync,wdelay,root_squash) build(ro,sync,root_squash)
/srv/my\\040share\t*(rw,async,wdelay,no_root_squash)
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "etab"
    path.write_text(TABLE)
    return path


def test_the_exports_of_a_directory_are_found_by_whatever_name(table: Path) -> None:
    found = exports.exports_of(Path("/srv/weights/vision"), table=table)
    assert [(export.clients, export.options[0]) for export in found] == [
        ("10.0.0.0/8", "rw"),
        ("build", "ro"),
    ]
    assert exports.exports_of(Path("/srv/weights2"), table=table) == []
    assert exports.exports_of(Path("/srv"), table=table.with_name("absent")) == []


def test_an_async_export_is_unfit_where_it_can_be_seen(table: Path) -> None:
    (export,) = exports.exports_of(Path("/srv/my share"), table=table)
    grades = {finding.name: finding.grade for finding in exports.findings_of(export)}
    assert grades == {"export": Grade.UNFIT, "export option no_root_squash": Grade.NOTE}


def test_a_sync_export_is_good_and_a_read_only_one_is_told(table: Path) -> None:
    first, second = exports.exports_of(Path("/srv/weights"), table=table)
    assert [finding.grade for finding in exports.findings_of(first)] == [Grade.GOOD]
    assert [finding.grade for finding in exports.findings_of(second)] == [Grade.GOOD, Grade.POOR]


def test_from_a_client_a_quick_sync_is_a_sign_and_a_slow_one_no_proof() -> None:
    quick, slow = exports.guess(0.00017, 0.00015, 100), exports.guess(0.003, 0.00015, 100)
    assert (quick.grade, slow.grade) == (Grade.NOTE, Grade.GOOD)
    assert exports.guess(0.003, 0.00015, 10).grade is Grade.NOTE  # too busy to tell
    assert "cannot be seen from here" in quick.seen
    assert "no proof either" in slow.seen
    assert "exportfs -v" in quick.change
    assert "exportfs -v" in slow.change


def by_name(found: Ownership) -> dict[str, Finding]:
    return {finding.name: finding for finding in rights.findings_of(found)}


NOBODY_HERE = 4_242_424


def owned(
    *, user: int = NOBODY_HERE, file_user: int = NOBODY_HERE, mode: int = 0o755, setgid: bool = False
) -> Ownership:
    return Ownership(user, file_user, 100, mode, setgid)


def test_root_that_becomes_nobody_is_told() -> None:
    owner = by_name(owned(user=0, file_user=65534))["owner"]
    assert owner.grade is Grade.NOTE
    assert owner.seen.endswith("the server maps root (root_squash) to nobody")


def test_a_user_that_becomes_nobody_is_told_and_one_for_all_is_good() -> None:
    nobody = by_name(owned(file_user=rights.NOBODY))["owner"]
    assert (nobody.grade, "/etc/idmapd.conf" in nobody.change) == (Grade.NOTE, True)
    mapped = by_name(owned(user=0, file_user=NOBODY_HERE))["owner"]
    assert (mapped.grade, mapped.seen[-21:]) == (Grade.GOOD, "the server maps users")


@pytest.mark.parametrize(
    ("mode", "setgid", "grade", "seen"),
    [
        (
            0o755,
            False,
            Grade.GOOD,
            "user 4242424 may save (new directories are 0755); all users may read",
        ),
        (
            0o700,
            False,
            Grade.GOOD,
            "may save (new directories are 0700); the others may not",
        ),
        (0o2775, True, Grade.GOOD, "may save (0775, setgid); all users may read"),
        (0o775, False, Grade.NOTE, "new directories get the group of who makes them"),
        (0o777, False, Grade.NOTE, "everybody may save, and delete"),
    ],
)
def test_who_may_save_is_read_off_the_mode(mode: int, setgid: bool, grade: Grade, seen: str) -> None:
    others = by_name(owned(mode=mode, setgid=setgid))["other users"]
    assert others.grade is grade
    assert seen in others.seen
