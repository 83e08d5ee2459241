"""System calls that fail, fail late, or lie, as disks and file servers do.

Use them with `heredity.store.backends.posix.SystemCalls`::

    calls = SystemCalls(fsync=failing(os.fsync, errno.EIO, times=1))
    backend = LocalBackend(root, system=calls)
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


def failing(call: Callable[P, T], number: int, *, times: int) -> Callable[P, T]:
    """A call that fails with this error number so many times without doing anything, then works."""
    left = times

    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal left
        if left:
            left -= 1
            raise OSError(number, os.strerror(number))
        return call(*args, **kwargs)

    return wrapped


def losing_replies(call: Callable[P, T], number: int) -> Callable[P, T]:
    """A call that does its work and then reports this error, as a file server does after a restart."""

    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        call(*args, **kwargs)
        raise OSError(number, os.strerror(number))

    return wrapped


def deadly(call: Callable[P, T], *, nth: int = 1, after: bool = False) -> Callable[P, T]:
    """A call whose n-th use kills the process, before or after the work. For processes made to die."""
    left = nth

    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal left
        left -= 1
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*args, **kwargs)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped
