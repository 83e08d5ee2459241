"""Runs a program and counts what it costs: wall time, and CPU time of all processes that come of it.

The program runs in a control group of its own (`cpuacct`, or version 2), so that nothing it starts escapes
the count: neither daemons nor orphans. Where none can be made, /proc is read instead, and the program's
orphans become this process's children; then processes that nobody waited for may be missed.

"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.01
END_SECONDS = 10.0
"""For what is left of a program to vanish after it was killed."""
_PR_SET_CHILD_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """What had been used when so many trials had run."""

    num_trials: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Account:
    """What a program has cost."""

    samples: list[Sample]
    seconds: float
    cpu_seconds: float
    exit_code: int

    def per_trial(self, *, skip: int) -> tuple[float, float]:
        """Seconds and CPU seconds a trial, after the first `skip` of them, up to the last one's mark.

        Trials that were all over between two looks are counted from the program's beginning.
        """
        last = self.samples[-1]
        first = next(each for each in self.samples if each.num_trials >= skip)
        if first == last:
            first = Sample(0, 0.0, 0.0)
        num = last.num_trials - first.num_trials
        return (last.seconds - first.seconds) / num, (last.cpu_seconds - first.cpu_seconds) / num


class Group(ABC):
    """The processes of one program."""

    prefix: Sequence[str] = ()
    """What is put before a command, so that its first process enters before it begins."""

    @abstractmethod
    def cpu_seconds(self) -> float:
        """What all its processes have used, those that have ended among them."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Who is left of it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; nobody is left."""


class ControlGroup(Group):
    """A control group: the kernel counts."""

    def __init__(self) -> None:
        self._folder, self._usage = _new_control_group()
        self.prefix = ("/bin/sh", "-c", 'echo $$ > "$0"; exec "$@"', str(self._folder / "cgroup.procs"))

    def cpu_seconds(self) -> float:
        text = (self._folder / self._usage).read_text()
        return int(text) / 1e9 if self._usage == "cpuacct.usage" else int(text.split()[1]) / 1e6

    def pids(self) -> list[int]:
        return [int(line) for line in (self._folder / "cgroup.procs").read_text().split()]

    def close(self) -> None:
        with contextlib.suppress(OSError):  # a zombie of somebody else's; the empty group does no harm
            self._folder.rmdir()


class Descendants(Group):
    """This process's descendants, by /proc."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._before = self._sum()

    def cpu_seconds(self) -> float:
        return self._sum() - self._before

    def _sum(self) -> float:
        mine = os.times()
        fields = [_stat(pid) for pid in self.pids()]
        below = sum(sum(map(int, field[11:15])) for field in fields if field) / _TICKS
        return mine.children_user + mine.children_system + below

    def pids(self) -> list[int]:
        found, queue = [], [os.getpid()]
        while queue:
            pid = queue.pop()
            with contextlib.suppress(OSError):
                children = [
                    int(child)
                    for task in Path(f"/proc/{pid}/task").iterdir()
                    for child in (task / "children").read_text().split()
                ]
                found += children
                queue += children
        return found

    def close(self) -> None:
        """Nothing to do."""


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat behind the program's name."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _new_control_group() -> tuple[Path, str]:
    name = f"heredity-bench-{secrets.token_hex(6)}"
    for parent, usage in (("cpuacct", "cpuacct.usage"), ("", "cpu.stat")):
        folder = Path("/sys/fs/cgroup", parent, name)
        with contextlib.suppress(OSError):
            folder.mkdir()
            if (folder / usage).exists():
                return folder, usage
            folder.rmdir()
    raise OSError("no control group can be made here")


def new_group() -> Group:
    try:
        return ControlGroup()
    except OSError:
        return Descendants()


def go_first() -> None:
    """Run before others, as root may: at priority -10, and so the group that a session's processes are in."""
    if os.geteuid() != 0:
        return
    os.nice(-10 - os.nice(0))
    with contextlib.suppress(OSError):  # where the kernel groups by session, a priority counts within it only
        Path("/proc/self/autogroup").write_text("-10")


def run(
    command: Sequence[str], *, environment: Mapping[str, str], marks: Path, log: Path, limit_seconds: float
) -> Account:
    """Run a program to its end, and count meanwhile; what is left of it then is killed."""
    group = new_group()
    begin = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*group.prefix, *command],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        samples = list(_samples(process, group, marks=marks, begin=begin, limit_seconds=limit_seconds))
        return Account(samples, time.perf_counter() - begin, group.cpu_seconds(), process.returncode or 0)
    finally:
        _end(process, group)


def _samples(
    process: subprocess.Popen[bytes], group: Group, *, marks: Path, begin: float, limit_seconds: float
) -> Iterator[Sample]:
    num_trials, is_over = 0, False
    while not is_over:
        is_over = process.poll() is not None  # before the look, so that the last mark is not missed
        now = time.perf_counter()
        num_now = marks.stat().st_size if marks.exists() else 0
        if num_now != num_trials:
            num_trials = num_now
            yield Sample(num_trials, now - begin, group.cpu_seconds())
        if now - begin > limit_seconds:
            raise TimeoutError(f"{process.args!r}: {num_trials} trials in {limit_seconds:g} s")
        time.sleep(POLL_SECONDS)


def _end(process: subprocess.Popen[bytes], group: Group) -> None:
    give_up_at = time.monotonic() + END_SECONDS
    while (pids := group.pids()) and time.monotonic() < give_up_at:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if pid != process.pid:
                with contextlib.suppress(ChildProcessError):  # unless it has become this process's child
                    os.waitpid(pid, os.WNOHANG)
        process.poll()
        time.sleep(0.02)
    process.wait()
    group.close()
