"""Whether an NFS server writes before it answers: read on the server, guessed from a client."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from heredity.doctor.examinations.mounted import is_nfs
from heredity.doctor.examinations.speed import milliseconds, sync_times, times_of
from heredity.doctor.findings import Finding, Grade

if TYPE_CHECKING:
    from heredity.doctor.place import Place

# What exportfs has told the kernel; /etc/exports may have been edited since.
EXPORT_TABLE = Path("/var/lib/nfs/etab")
# Of the least times of many, since other work may delay any of them, but hastens none. Measured over a server
# whose disk syncs within 0.3 ms: 3.2 to 4.5 with sync, 1.5 to 1.8 with async.
_WAITING_RATIO = 2.3
_NUM_ANSWERS = 100
_LONGEST_SECONDS = 5.0
# Of fewer, on a machine that is busy, none may have been quick.
_FEWEST_ANSWERS = 40
_ASK = (
    "On the server, exportfs -v says sync or async; heredity doctor run there on the exported directory too."
)
_ESCAPE = re.compile(r"\\(\d{3})")
_CLIENT = re.compile(r"(\S*)\(([^)]*)\)")


class Export(NamedTuple):
    """One line of the server's table: a directory, for some machines, with options."""

    directory: Path
    clients: str
    options: tuple[str, ...]


def check_exports(place: Place) -> Iterator[Finding]:
    """Is the export ``sync``? Where it cannot be seen, say so."""
    if place.home is None or place.folder is None:
        return
    if is_nfs(place):
        yield guess(*_least_times(place.folder))
        return
    for export in exports_of(place.home, table=EXPORT_TABLE):
        yield from findings_of(export)


def _least_times(folder: Path) -> tuple[float, float, int]:
    """The shortest sync of 4 kB, the shortest answer of the server, and of how many that took turns."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    syncs: list[float] = []
    answers: list[float] = []
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        while len(syncs) < _NUM_ANSWERS and time.monotonic() < deadline:
            syncs += sync_times(folder, num_times=5)
            # One request each, whatever this machine remembers, and with any mount options.
            answers += times_of(lambda _: os.statvfs(directory), num_times=5)
    finally:
        os.close(directory)
    return min(syncs), min(answers), len(syncs)


def guess(sync: float, answer: float, num_times: int) -> Finding:
    """What the least seconds of so many syncs, beside those of answers, say of the server; no proof."""
    times = f"a sync takes {milliseconds(sync)} at least, an answer {milliseconds(answer)} (of {num_times})"
    measures = {"sync_seconds": sync, "answer_seconds": answer}
    if sync >= _WAITING_RATIO * answer and num_times >= _FEWEST_ANSWERS:
        return Finding(
            "export",
            Grade.GOOD,
            f"no sign of async: {times}; no proof either, from here",
            change=_ASK,
            measures=measures,
        )
    return Finding(
        "export",
        Grade.NOTE,
        f"cannot be seen from here, and may be async: {times}",
        expected="a sync that takes longer than an answer, unless the server's disk has a protected cache; "
        "with async a power cut takes saves that were acknowledged, and the store with them",
        change=_ASK,
        measures=measures,
    )


def exports_of(directory: Path, *, table: Path) -> list[Export]:
    """The exports that a directory of this machine belongs to; none if this is no server."""
    try:
        lines = table.read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    directory, found = directory.resolve(), []
    for line in lines:
        path, _, clients = line.partition("\t")
        exported = Path(_ESCAPE.sub(lambda code: chr(int(code[1], 8)), path))
        if exported.is_absolute() and directory.is_relative_to(exported):
            found += [Export(exported, who, tuple(how.split(","))) for who, how in _CLIENT.findall(clients)]
    return found


def findings_of(export: Export) -> Iterator[Finding]:
    """What one line of the server's table means for a store."""
    where = f"this machine exports {export.directory} to {export.clients or 'everybody'}"
    again = "in /etc/exports, then exportfs -ra."
    if "async" in export.options:
        yield Finding(
            "export",
            Grade.UNFIT,
            f"{where} with async",
            expected="sync; with async a power cut takes saves that were acknowledged, and the store too",
            change=f"Write sync {again}",
        )
    else:
        yield Finding("export", Grade.GOOD, f"{where} with sync")
    if "ro" in export.options:
        yield Finding(
            "export option ro",
            Grade.POOR,
            f"{where} read-only",
            expected="rw, for machines that save",
            change=f"Write rw {again}",
        )
    if "no_root_squash" in export.options:
        yield Finding(
            "export option no_root_squash",
            Grade.NOTE,
            f"{where} with no_root_squash: each machine's root is root here",
            expected="root_squash, and a user of its own for those who save; see docs/nfs.md",
            change=f"Write root_squash {again}",
        )
