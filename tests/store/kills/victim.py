"""A process that is made to be hurt: forked from this warm one, it prepares, stops itself, and then acts."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NoReturn

from heredity.errors import HeredityError

# Far more than any operation takes, so that one that hangs is a finding and not a test run without an end.
_LONGEST_SECONDS = 300


@dataclass(frozen=True)
class Outcome:
    """How a victim ended."""

    killed_by: signal.Signals | None
    error: HeredityError | None
    traceback: str

    @property
    def is_done(self) -> bool:
        """It did all it had to, and said so."""
        return self.killed_by is None and not self.traceback

    @property
    def was_killed(self) -> bool:
        """As intended: not by the alarm."""
        return self.killed_by is signal.SIGKILL


class Victim:
    """Forks at once, and returns when the child has prepared its operation and stopped.

    Whoever has begun one ends it; `end_all` ends those of a test that failed before it came to that.
    """

    _begun: ClassVar[set[int]] = set()

    def __init__(self, prepare: Callable[[], Callable[[], object]]) -> None:
        self._report, writing = os.pipe()
        self.process_id = os.fork()
        if self.process_id == 0:
            _live(prepare, writing)
        self._begun.add(self.process_id)
        os.close(writing)
        self.wait_until_stopped()

    def wait_until_stopped(self) -> None:
        """Return when it has stopped itself, or fail with what it has to say."""
        _, status = os.waitpid(self.process_id, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise AssertionError(self._outcome(status).traceback or f"it ended with {status}")

    def go_on(self) -> None:
        """Let it run again."""
        os.kill(self.process_id, signal.SIGCONT)

    def end(self) -> Outcome:
        """Wait until it has ended."""
        _, status = os.waitpid(self.process_id, 0)
        return self._outcome(status)

    @classmethod
    def end_all(cls) -> None:
        """Kill all that nobody has waited for; one that is stopped would stay for ever."""
        for process_id in tuple(cls._begun):
            os.kill(process_id, signal.SIGKILL)
            os.waitpid(process_id, 0)
            cls._begun.remove(process_id)

    def _outcome(self, status: int) -> Outcome:
        self._begun.remove(self.process_id)
        with os.fdopen(self._report, "rb") as report:
            said = report.read()
        if os.WIFSIGNALED(status):
            return Outcome(signal.Signals(os.WTERMSIG(status)), None, "")
        error, text = pickle.loads(said) if said else (None, "")
        return Outcome(None, error, text)


def _live(prepare: Callable[[], Callable[[], object]], report: int) -> NoReturn:
    signal.alarm(_LONGEST_SECONDS)
    try:
        act = prepare()
        os.kill(os.getpid(), signal.SIGSTOP)
        act()
    except BaseException as error:  # noqa: BLE001  # the edge of a process; what it is decides the parent
        known = error if isinstance(error, HeredityError) else None
        os.write(report, pickle.dumps((known, traceback.format_exc()[-30_000:])))
    finally:
        os._exit(0)
