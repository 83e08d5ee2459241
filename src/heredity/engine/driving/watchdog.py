"""Says where the strategy or the stopper stands when it does not answer; ends nothing."""

from __future__ import annotations

import gc
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Self

PATIENCE_SECONDS = 60.0
"""An answer that takes longer is worth a word: all free places are empty meanwhile."""


_ONE_LOOKS = threading.Lock()


def frames_of_threads() -> dict[int, FrameType]:
    """Where each thread of this process stands, by its identity; the garbage collector rests meanwhile.

    CPython holds the lock of all threads as it looks, and a collection that begins there may wait for that
    lock for ever (https://github.com/python/cpython/issues/106883; up to 3.11).
    """
    with _ONE_LOOKS:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()  # noqa: SLF001  # there is no other way to see it
        finally:
            if was_enabled:
                gc.enable()


@dataclass(frozen=True, slots=True)
class _Call:
    what: str
    thread: int
    begun_at: float


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # the run's own output


class Watchdog:
    """Watches calls from a thread of its own.

    Args:
        patience_seconds: How long a call may take.
        say: Takes what there is to say.
    """

    def __init__(
        self, *, patience_seconds: float = PATIENCE_SECONDS, say: Callable[[str], None] = _to_stderr
    ) -> None:
        self._patience_seconds = patience_seconds
        self._say = say
        self._call: _Call | None = None
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="heredity-watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closed.set()
        self._thread.join()

    @contextmanager
    def watching(self, what: str) -> Iterator[None]:
        """Watch a call; it must not be made while another one is watched."""
        self._call = _Call(what, threading.get_ident(), time.monotonic())
        try:
            yield
        finally:
            self._call = None

    def _watch(self) -> None:
        told: _Call | None = None
        while not self._is_closed.wait(self._patience_seconds / 10):
            call = self._call
            if call is None or call is told or time.monotonic() - call.begun_at < self._patience_seconds:
                continue
            told = call
            frame = frames_of_threads().get(call.thread)
            if frame is not None:
                stack = "".join(traceback.format_stack(frame))
                self._say(
                    f"{call.what} has not answered for {self._patience_seconds:g} seconds. "
                    f"Nothing new is started until it does. It stands here:\n{stack}"
                )
