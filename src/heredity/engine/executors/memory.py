"""How much memory the processes of an attempt hold, from /proc."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


def families(leaders: Collection[int]) -> Mapping[int, list[int]]:
    """The processes of each leader: those of its session, and their descendants in whatever session."""
    parent_of, session_of = _all_processes()
    found: dict[int, list[int]] = {leader: [] for leader in leaders}
    for pid in parent_of:
        leader = _leader_of(pid, parent_of, session_of, leaders)
        if leader is not None:
            found[leader].append(pid)
    return found


def _leader_of(
    pid: int, parent_of: Mapping[int, int], session_of: Mapping[int, int], leaders: Collection[int]
) -> int | None:
    seen = set()  # the table was not read at one moment: a number that was used again could make a circle
    while pid in parent_of and pid not in seen:
        seen.add(pid)
        if session_of[pid] in leaders:
            return session_of[pid]
        pid = parent_of[pid]
    return None


def _all_processes() -> tuple[dict[int, int], dict[int, int]]:
    parent_of: dict[int, int] = {}
    session_of: dict[int, int] = {}
    for pid in _pids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            stat = (_PROC / str(pid) / "stat").read_bytes()
            _state, parent, _group, session = stat[stat.rindex(b")") + 2 :].split()[:4]
            parent_of[pid], session_of[pid] = int(parent), int(session)
    return parent_of, session_of


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208  # names are all


def held_bytes(pids: Collection[int], *, enough: int) -> int:
    """What the processes hold together; pages that several of them share are counted once.

    The kernel counts that exactly, at a cost of milliseconds a gigabyte. So it is asked only if the resident
    sets, in which shared pages are counted over and over, come to more than what is enough.
    """
    resident = sum(_resident_bytes(pid) for pid in pids)
    return resident if resident <= enough else sum(_proportional_bytes(pid) for pid in pids)


def _resident_bytes(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return int((_PROC / str(pid) / "statm").read_bytes().split()[1]) * _PAGE_BYTES
    return 0


def _proportional_bytes(pid: int) -> int:
    try:
        found = _PSS.search((_PROC / str(pid) / "smaps_rollup").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:  # a program that runs as somebody else
        return _resident_bytes(pid)
    return 0 if found is None else int(found[1]) * 1024
