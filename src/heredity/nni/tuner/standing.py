"""Where threads of this process stand: their stacks, and whether they sleep on a lock for ever."""

from __future__ import annotations

import platform
import threading
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

from heredity.engine.driving.watchdog import frames_of_threads

_TASKS = Path("/proc/self/task")
_FUTEX = {"x86_64": "202", "aarch64": "98"}.get(platform.machine(), "")
"""The number of the system call in which a thread waits for a lock of Python's."""
_TIMEOUT = 4
"""Where the address of the time limit stands in the line of a system call; 0 is none."""


def can_tell() -> bool:
    """Whether this system says in which call a thread sleeps."""
    return _line_of(threading.get_native_id()) is not None


def sleeps_for_ever(native_id: int) -> bool:
    """Whether a thread sleeps on a lock without a time limit, so that only another thread can wake it."""
    return _endless_sleep(native_id) is not None


def all_sleep_for_ever(native_ids: Iterable[int]) -> bool:
    """Whether there was a moment at which all these threads slept so.

    Each is looked at twice. A thread that has slept without a break in between has the same number of
    switches both times; and between the last first look and the first second look, all of them did.
    """
    first = {native_id: _endless_sleep(native_id) for native_id in native_ids}
    if None in first.values():
        return False
    return all(_endless_sleep(native_id) == switches for native_id, switches in first.items())


def native_threads() -> set[int]:
    """The threads of this process, those that Python has not started among them."""
    if not _TASKS.is_dir():
        return {thread.native_id for thread in threading.enumerate() if thread.native_id is not None}
    return {int(path.name) for path in _TASKS.iterdir()}


def stacks(threads: Mapping[str, threading.Thread]) -> str:
    """Where each thread stands, by what it does."""
    frames = frames_of_threads()
    texts = []
    for what, thread in threads.items():
        frame = frames.get(thread.ident or 0)
        if frame is not None:
            # The two outermost frames are Python's own, which begin every thread.
            texts.append(f"{what} stands here:\n{''.join(traceback.format_stack(frame)[2:])}")
    return "\n".join(texts)


def _line_of(native_id: int) -> str | None:
    try:
        return (_TASKS / str(native_id) / "syscall").read_text()
    except OSError:  # it has ended, or the system has no such files
        return None


def _endless_sleep(native_id: int) -> int | None:
    """How often the thread was switched off so far, if it sleeps so now."""
    line = _line_of(native_id)
    words = (line or "").split()
    if len(words) <= _TIMEOUT or words[0] != _FUTEX or int(words[_TIMEOUT], 16):
        return None
    try:
        status = (_TASKS / str(native_id) / "status").read_text()
    except OSError:
        return None
    return sum(int(row.split()[1]) for row in status.splitlines() if "ctxt_switches" in row)
