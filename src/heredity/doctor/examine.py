"""The list of examinations, and doing them one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from heredity.doctor.examinations.clocks import check_clock
from heredity.doctor.examinations.credentials import check_credentials
from heredity.doctor.examinations.exports import check_exports
from heredity.doctor.examinations.files import check_files
from heredity.doctor.examinations.mounted import check_mount, is_nfs
from heredity.doctor.examinations.names import NAMES, check_put_once, check_race, check_seen_at_once
from heredity.doctor.examinations.rights import check_rights
from heredity.doctor.examinations.speed import check_latency, check_space, check_sync, check_throughput
from heredity.doctor.findings import Finding, Grade, Report
from heredity.doctor.place import Place, folder_in, new_code, place_of
from heredity.errors import HeredityError, StoreLocationError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

_SQUASHED = (
    "root is nobody on most shares (root_squash): run this as the user who saves, whose directory it is; see "
    "docs/nfs.md."
)

Tell = Callable[[str], object]


class Examination(NamedTuple):
    """One question to a place; it may have several findings, or none where it does not apply."""

    name: str
    find: Callable[[Place], Iterable[Finding]]


BEFORE_WRITING = (Examination("mount options", check_mount), Examination("free space", check_space))
OF_THIS_MACHINE = (
    Examination("users and rights", check_rights),
    Examination("the server's export", check_exports),
)
WHILE_WRITING = (
    *OF_THIS_MACHINE,
    Examination("system calls", check_files),
    Examination("putting a name twice", check_put_once),
    Examination("many writers of one name", check_race),
    Examination("reading what was just written", check_seen_at_once),
    Examination("clock", check_clock),
    Examination("sync", check_sync),
    Examination("latency", check_latency),
    Examination("throughput", check_throughput),
)


def examine(url: str, *, options: Mapping[str, str] | None = None, tell: Tell = lambda _what: None) -> Report:
    """Examine a place from this machine. Nothing of what lies there is touched.

    All writing happens in a folder of its own, ``.doctor-…``, which is removed in the end.

    Args:
        url: A path or URL, as for `open_store`; need not be a store, and may be one that is in use.
        options: How to talk to an object store.
        tell: Called with what is being examined.

    Raises:
        StoreLocationError: The URL names no place.
        InputError: An option is unknown, or not for such a place.
    """
    place = place_of(url, code=new_code(), options=options)
    findings = list(do_all(BEFORE_WRITING, place, tell=tell))
    left_out: list[str] = []
    with ExitStack() as stack:
        findings += (begun := begin_writing(place, stack))
        if can_be_written(begun):
            findings += do_all(WHILE_WRITING, place, tell=tell)
        else:
            left_out = [examination.name for examination in WHILE_WRITING]
    findings += left_behind(place)
    return Report(url, place.examined, tuple(findings), tuple(left_out))


def begin_writing(place: Place, stack: ExitStack, *, is_open_to_all: bool = False) -> list[Finding]:
    """Make the folder until the stack is closed; what hinders it, and what credentials allow."""
    try:
        stack.enter_context(folder_in(place, is_open_to_all=is_open_to_all))
        place.backend.make_directories([NAMES])
        return list(check_credentials(place))
    except (StoreLocationError, StoreUnavailable) as error:
        failed = _failed("writing", error)
        is_forbidden = isinstance(error, StoreLocationError)
        if is_forbidden and os.geteuid() == 0 and is_nfs(place):
            return [replace(failed, change=_SQUASHED)]
        return [failed]


def can_be_written(begun: Iterable[Finding]) -> bool:
    """Whether anything that writes can be examined after `begin_writing`."""
    return all(finding.grade is not Grade.UNFIT for finding in begun)


def do_all(examinations: Iterable[Examination], place: Place, *, tell: Tell) -> Iterator[Finding]:
    """Do examinations in order. One that fails is a finding, and the next one is done."""
    for examination in examinations:
        tell(examination.name)
        try:
            yield from examination.find(place)
        except (HeredityError, OSError) as error:
            yield _failed(examination.name, error)


def left_behind(place: Place) -> Iterator[Finding]:
    """The folder, if it could not be removed."""
    if place.folder is not None and os.path.lexists(place.folder):
        yield Finding(
            "tidying up",
            Grade.NOTE,
            f"{place.folder} could not be removed",
            change="Delete it; nobody needs it.",
        )


def _failed(name: str, error: HeredityError | OSError) -> Finding:
    if isinstance(error, HeredityError):
        return Finding(name, Grade.UNFIT, error.message, expected="that it works", change=error.hint)
    return Finding(name, Grade.UNFIT, str(error), expected="that it works")
