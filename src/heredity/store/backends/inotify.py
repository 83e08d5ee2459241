"""Wakes whoever waits for a new name in a local directory, by Linux's inotify; sleeps where there is none.

inotify tells of what this machine does to the directory. On a network file system it is silent about the
others, which is why a watcher is a hint, and whoever waits also looks from time to time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import sys
import time
from functools import cache
from typing import TYPE_CHECKING

from heredity.store.backends.base import Sleeper, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# <sys/inotify.h>. A name appears by link() or open() as the first, by rename() as the second.
_IN_CREATE = 0x100
_IN_MOVED_TO = 0x80
_IN_ONLYDIR = 0x01000000
# As many events as come at once are drained in one call; each takes 16 to 272 bytes.
_DRAINED_BYTES = 1 << 16
# poll() counts milliseconds in an int. Waking earlier than that is always allowed.
_LONGEST_POLL_SECONDS = 24 * 3600.0


def watch_directory(path: Path) -> Watcher:
    """Watch a directory for new names.

    Never an error: a watcher that only sleeps is returned where the directory is absent, where the user's
    instances of inotify (128 by default) or our descriptors are used up, and where there is no inotify.
    """
    calls = _calls()
    if calls is None:
        return Sleeper()
    try:
        return _Inotify(path, calls=calls)
    except OSError:
        return Sleeper()


class _Calls:
    """The three functions of the C library, raising `OSError`."""

    def __init__(self) -> None:
        # PyDLL would hold the interpreter's lock; CDLL lets go of it.
        library = ctypes.CDLL(None, use_errno=True)
        self.init = _raising(library.inotify_init1)
        self.add_watch = _raising(library.inotify_add_watch)
        self.rm_watch = _raising(library.inotify_rm_watch)


@cache
def _calls() -> _Calls | None:
    if sys.platform != "linux":
        return None
    try:
        return _Calls()
    except AttributeError:
        return None  # a C library without inotify


def _raising(function: Callable[..., int]) -> Callable[..., int]:
    def call(*args: int | bytes) -> int:
        result = function(*args)
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    return call


# Freeing an instance makes the kernel wait for its readers: 8 ms where it happens often (Linux 6.18), on top
# of a wait. Taking the watch away and using the instance again takes 4 µs, so a process keeps a few.
_MOST_IDLE = 4
_idle: list[tuple[int, int]] = []  # by the process that made it, since a forked child must not use it


def _take(calls: _Calls) -> int:
    """An instance that watches nothing and holds no events: its descriptor."""
    process = os.getpid()
    while _idle:
        # Each step is a single operation of a list; no lock of ours could be held across a fork.
        try:
            maker, queue = _idle.pop()
        except IndexError:
            break
        if maker == process:
            return queue
        os.close(queue)
    return calls.init(os.O_CLOEXEC | os.O_NONBLOCK)


def _give_back(queue: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            os.read(queue, _DRAINED_BYTES)
    if len(_idle) < _MOST_IDLE:
        _idle.append((os.getpid(), queue))
    else:
        os.close(queue)


class _Inotify(Watcher):
    """One directory, by an instance that nobody else uses meanwhile."""

    def __init__(self, path: Path, *, calls: _Calls) -> None:
        self._calls = calls
        self._process = os.getpid()
        self._queue: int | None = _take(calls)
        try:
            self._watch = calls.add_watch(
                self._queue, os.fsencode(path), _IN_CREATE | _IN_MOVED_TO | _IN_ONLYDIR
            )
        except OSError:
            _give_back(self._queue)
            raise

    def pause(self, seconds: float) -> None:
        """Return as soon as a name has appeared since the last pause, or after so many seconds."""
        if self._queue is None or os.getpid() != self._process:
            # A forked child shares the queue, and would take events away from its parent.
            time.sleep(seconds)
            return
        poll = select.poll()
        poll.register(self._queue, select.POLLIN)
        if poll.poll(min(seconds, _LONGEST_POLL_SECONDS) * 1000):
            # What is drained has happened before the look that follows.
            with contextlib.suppress(BlockingIOError):
                os.read(self._queue, _DRAINED_BYTES)

    def close(self) -> None:
        """Stop watching."""
        queue, self._queue = self._queue, None
        if queue is None:
            return
        if os.getpid() != self._process:
            os.close(queue)
            return
        # It fails where the directory, and with it the watch, is gone.
        with contextlib.suppress(OSError):
            self._calls.rm_watch(queue, self._watch)
        _give_back(queue)
