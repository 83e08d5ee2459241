"""What the tests of the doctor have done in the guests; called there by name."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path

from tests.nfs.lab.guest import EXPORT

from heredity.doctor import Finding, Report, examine
from heredity.doctor.examine import OF_THIS_MACHINE, begin_writing, do_all
from heredity.doctor.meeting import Limits, host, join
from heredity.doctor.place import new_code, place_of

LIMITS = Limits(arrival_seconds=60, round_seconds=60, num_names=60)


def examined(root: Path) -> Report:
    """What this guest sees by itself."""
    return examine(str(root))


def of_this_machine(root: Path) -> list[Finding]:
    """The part that differs from machine to machine."""
    place = place_of(str(root), code=new_code())
    with ExitStack() as stack:
        assert begin_writing(place, stack) == []
        return list(do_all(OF_THIS_MACHINE, place, tell=lambda _what: None))


def led(root: Path) -> Report:
    """What two machines see, of which this is the first."""
    return host(str(root), num_machines=2, announce=lambda *_: None, limits=LIMITS)


def joined(root: Path, code: str) -> int:
    """Take part in such an examination."""
    return join(str(root), code=code, limits=LIMITS)


def waiting_code(root: Path) -> str:
    """The code of an examination that waits in a folder, where the server sees it; empty if there is none."""
    for path in root.glob(".doctor-*/table/m/host"):
        return path.parents[2].name.removeprefix(".doctor-")
    return ""


def names_in(root: Path) -> list[str]:
    """What is in a folder, where the server sees it."""
    return sorted(path.name for path in root.iterdir())


def export_with(mode: str) -> None:
    """Export all anew, ``sync`` or ``async``; at once for mounts that are there."""
    options = f"rw,{mode},no_subtree_check,no_root_squash,insecure,fsid=0"
    for command in (["exportfs", "-i", "-o", options, f"*:{EXPORT}"], ["exportfs", "-f"]):
        subprocess.run(command, check=True)
