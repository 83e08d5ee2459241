"""strace, attached to a process that has stopped itself: count its system calls, then hurt it at one of them.

strace injects at the entry of a call: a process that is killed there has not made it. To be killed *after* a
call is the same as to be killed before the next one, of whatever kind, since nothing but the process's own
memory changes in between. So the points are the entries of all calls that matter, and of whatever follows
those that change something.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

_CHANGING = {
    *("fallocate", "fchmod", "fsync", "link", "linkat", "mkdir", "mkdirat", "rename", "renameat"),
    *("renameat2", "rmdir", "unlink", "unlinkat", "write", "writev"),
}
# What touches files. Memory and threads are Python's own affair.
_TOUCHING = _CHANGING | {
    *("close", "fcntl", "fstat", "getdents64", "lseek", "newfstatat", "open", "openat", "pread64", "preadv"),
    *("preadv2", "read", "stat", "statx"),
}
# A listing is a thousand calls that change nothing, and the making of a store hundreds that are all alike.
_FIRST_OF_A_RUN = 24
_EACH_OF_A_RUN = 64
_CALL = re.compile(r"(\d+) +([a-z0-9_]+)\(")
_LAST = "exit_group"


class Point(NamedTuple):
    """The n-th use of a system call by a thread."""

    call: str
    nth: int

    def __str__(self) -> str:
        return f"{self.call}#{self.nth}"


class Strace:
    """Follows a stopped process and its threads until they end. It is attached when this returns.

    Args:
        process_id: The process.
        log: Where strace writes what it sees.
        inject: What to do to it, as in ``fsync:error=EIO:when=2``.
    """

    def __init__(self, process_id: int, *, log: Path, inject: str | None = None) -> None:
        what = ["-e", f"inject={inject}", "-e", f"trace={inject.partition(':')[0]}"] if inject else []
        command = [program(), "-f", "-o", str(log), "-e", "signal=none", *what, "-p", str(process_id)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        if "attached" not in said:
            self._process.kill()
            raise AssertionError(
                f"strace cannot attach to a child of its own parent: {said.strip() or 'it says nothing'}. "
                "In a container it needs --cap-add=SYS_PTRACE; else see /proc/sys/kernel/yama/ptrace_scope."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()


def program() -> str:
    """The path of strace. An error where it is missing: a kill that is not made proves nothing."""
    found = shutil.which("strace")
    assert found, "strace is not installed; these tests cannot do without: apt-get install strace"
    return found


def points_in(log: Path) -> list[Point]:
    """Where a process can be hurt, by the log of one that was not, in the order of the first use."""
    threads: defaultdict[str, list[Point]] = defaultdict(list)
    counts: Counter[tuple[str, str]] = Counter()
    for line in log.read_text("utf-8", "replace").splitlines():
        if (found := _CALL.match(line)) is not None:
            thread, call = found.groups()
            counts[thread, call] += 1
            threads[thread].append(Point(call, counts[thread, call]))
    return list(dict.fromkeys(point for made in threads.values() for point in _worth_it(made)))


def _worth_it(made: list[Point]) -> Iterator[Point]:
    """The entries of the calls that matter, and of those that follow a change; few out of a long run."""
    last_change, run = "", 0
    for previous, point in zip([Point("", 0), *made], made, strict=False):
        is_change = point.call in _CHANGING and point.call != last_change
        run = 0 if is_change else run + 1
        last_change = point.call if is_change else last_change
        follows = previous.call in _CHANGING and previous.call != "mkdir"
        if point.call not in _TOUCHING and not follows:
            continue
        if point.call != _LAST and (run < _FIRST_OF_A_RUN or run % _EACH_OF_A_RUN == 0):
            yield point


def touches_files(point: Point) -> bool:
    """Whether the call is one that can fail for the sake of a disk."""
    return point.call in _TOUCHING
