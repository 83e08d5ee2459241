"""Whose the files become, and who else may read and save."""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from heredity.doctor.findings import Finding, Grade

if TYPE_CHECKING:
    from pathlib import Path

    from heredity.doctor.place import Place


NOBODY = 65534
"""Whom servers map those to whom they do not trust or know."""


class Ownership(NamedTuple):
    """Who writes, and what his new file and directory look like, by their numbers."""

    user: int
    file_user: int
    file_group: int
    directory_mode: int
    has_setgid: bool


def check_rights(place: Place) -> Iterator[Finding]:
    """Whose a new file is, and who may save beside this user."""
    if place.folder is not None:
        yield from findings_of(measure_ownership(place.folder / f"rights-{secrets.token_hex(4)}"))


def measure_ownership(folder: Path) -> Ownership:
    """Make a directory as a store does, with a file in it, and look at both."""
    folder.mkdir()
    file = os.open(folder / "file", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # By the descriptor: a server tells only after the creation whose the file became.
        found = os.fstat(file)
    finally:
        os.close(file)
    directory = folder.stat()
    return Ownership(
        user=os.geteuid(),
        file_user=found.st_uid,
        file_group=found.st_gid,
        directory_mode=stat.S_IMODE(directory.st_mode),
        has_setgid=bool(directory.st_mode & stat.S_ISGID),
    )


def findings_of(found: Ownership) -> Iterator[Finding]:
    """What the owners and modes mean. Looks at nothing but the names of users."""
    yield _owner(found)
    yield _who_may_save(found)


def _owner(found: Ownership) -> Finding:
    mine, theirs = user_name(found.user), user_name(found.file_user)
    seen = f"what {mine} writes belongs to {theirs}"
    if found.file_user == found.user:
        return Finding("owner", Grade.GOOD, seen)
    if found.file_user != NOBODY:
        # One user for all, as all_squash with anonuid has it.
        return Finding("owner", Grade.GOOD, f"{seen}: the server maps users")
    return Finding(
        "owner",
        Grade.NOTE,
        f"{seen}: the server maps {'root (root_squash)' if found.user == 0 else 'this user'} to nobody",
        expected="a user of its own for those who save, whom all machines and the server know by one number",
        change="Save as such a user, not as root; see docs/nfs.md."
        if found.user == 0
        else "Give the user the same number, and NFS the same domain (/etc/idmapd.conf), on all machines.",
    )


def _who_may_save(found: Ownership) -> Finding:
    name, mode = "other users", found.directory_mode & 0o777
    may_read = "all users may read" if mode & 0o005 == 0o005 else "the others may not even read"
    group = _group_name(found.file_group)
    if mode & 0o002:
        return Finding(
            name,
            Grade.NOTE,
            f"everybody may save, and delete (new directories are 0{mode:o})",
            expected="the right to save for a user or a group",
            change="umask 022, or 002 with a group.",
        )
    if mode & 0o020:
        if found.has_setgid:
            return Finding(name, Grade.GOOD, f"group {group} may save (0{mode:o}, setgid); {may_read}")
        return Finding(
            name,
            Grade.NOTE,
            f"group {group} may save (0{mode:o}), but new directories get the group of who makes them",
            expected="the setgid bit on the directory, where a group saves",
            change="chmod g+s on the directory.",
        )
    return Finding(
        name,
        Grade.GOOD,
        f"only {user_name(found.file_user)} may save (new directories are 0{mode:o}); {may_read}",
        change="For a group to save too: chgrp, chmod g+ws on the directory, and umask 002.",
    )


def user_name(number: int) -> str:
    """A user as people know him, with his number."""
    try:
        return f"{pwd.getpwuid(number).pw_name} ({number})"
    except KeyError:
        return f"user {number}"


def _group_name(number: int) -> str:
    try:
        return f"{grp.getgrgid(number).gr_name} ({number})"
    except KeyError:
        return str(number)
