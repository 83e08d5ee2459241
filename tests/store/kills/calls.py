"""The system calls of a directory store, counted over all threads, with something happening at one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from heredity.store import LocalBackend, Store, open_store
from heredity.store.backends.posix import SystemCalls


class CountedCalls:
    """The calls from the moment it is armed, by name; `act` happens before or after the n-th.

    Args:
        nth: At which, counted from 1.
        act: What happens there.
        after: Whether the call is made first.
        call: Count only calls of this name.
    """

    def __init__(
        self,
        *,
        nth: int = 0,
        act: Callable[[], None] = lambda: None,
        after: bool = False,
        call: str | None = None,
    ) -> None:
        self.made: list[str] = []
        self._nth = nth
        self._act = act
        self._after = after
        self._call = call
        self._is_armed = False
        self._lock = threading.Lock()

    def store(self, root: Path) -> Store:
        """A store whose backend makes these calls."""
        names = [each.name for each in fields(SystemCalls)]
        calls = SystemCalls(**{name: partial(self._one, name) for name in names})
        return Store(LocalBackend(root, system=calls), store_id=open_store(root).store_id)

    def arm(self) -> None:
        """Begin to count."""
        self._is_armed = True

    # Any: each has the signature of its namesake in os.
    def _one(self, name: str, *args: Any, **kwargs: Any) -> Any:
        is_it = self._is_the_one(name)
        if is_it and not self._after:
            self._act()
        try:
            return getattr(SystemCalls(), name)(*args, **kwargs)
        finally:
            if is_it and self._after:
                self._act()

    def _is_the_one(self, name: str) -> bool:
        if not self._is_armed or self._call not in {None, name}:
            return False
        with self._lock:
            self.made.append(name)
            return len(self.made) == self._nth


def die() -> None:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def freeze() -> None:
    """Stop this process, with all its threads, until somebody lets it go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def refuse(number: int) -> None:
    """Fail as the call would have."""
    raise OSError(number, os.strerror(number))


def changes(name: str) -> bool:
    """Whether a call leaves something else on the disk; dying before it is not the same as dying after it."""
    return name not in {"close", "open", "preadv", "stat"}


def worth_it(made: list[str], *, most_looks: int) -> list[int]:
    """The ordinals of all calls that change something, and of so many of those that only look."""
    looks = [nth for nth, name in enumerate(made, 1) if not changes(name)]
    step = max(1, len(looks) // most_looks)
    return sorted({*range(1, len(made) + 1)} - set(looks) | set(looks[::step]))
