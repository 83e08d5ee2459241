"""The experiment's log on disk: append an event, replay them all. One writer, any number of readers."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from heredity.encoding import decode, encode
from heredity.errors import (
    ConfigError,
    CorruptJournal,
    ExperimentBusy,
    IllegalMove,
    StoreUnavailable,
    UnsupportedFormat,
)
from heredity.experiment import ExperimentState
from heredity.experiment.event_json import event_from_json, event_to_json
from heredity.experiment.events import Event, ExperimentStarted
from heredity.experiment.flat_lines import event_of_flat_line
from heredity.experiment.trial import Trials

_IF_GONE = (
    "If its machine is gone for good, on NFS version 3 its lock stays: go on with "
    "`heredity resume --driver-is-gone`."
)


class Journal:
    """The open end of a journal file: one JSON line an event.

    An event counts once `sync` has returned after its `append`: a crash before that may cut the last lines
    off, and `open_for_append` removes a line that was cut in the middle. Holds an advisory lock on the file,
    so that two drivers of one experiment refuse each other. Not thread-safe.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._is_dirty = False

    @classmethod
    def create(cls, path: Path, started: ExperimentStarted) -> Self:
        """Begin a new journal with its first event, on disk when this returns.

        Raises:
            ConfigError: There is a journal already, or the place may not be written.
            StoreUnavailable: The disk is full or fails.
        """
        # Written aside and linked: an empty journal could neither be resumed nor begun anew.
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
        journal = cls._locked(path, descriptor)
        try:
            journal.append(started)
            journal.sync()
            _link(aside, path)
        except BaseException:
            journal.close()
            raise
        finally:
            aside.unlink()
        return journal

    @classmethod
    def open_for_append(cls, path: Path) -> Self:
        """Open an existing journal at its end, after removing a last line that a crash cut in the middle.

        Raises:
            ConfigError: There is no journal, or it may not be written.
            ExperimentBusy: Another process has it open.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        except OSError as error:
            raise ConfigError(f"{path}: no journal that can be appended to: {error.strerror}.") from error
        journal = cls._locked(path, descriptor)
        os.ftruncate(descriptor, _length_of_whole_lines(path))
        return journal

    @classmethod
    def _locked(cls, path: Path, descriptor: int) -> Self:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                raise ExperimentBusy(
                    f"{path} is being written by another process.",
                    hint=f"End that process, or wait. {_IF_GONE}",
                ) from error
            raise ConfigError(f"{path} cannot be locked: {error.strerror}.") from error
        return cls(path, descriptor)

    def append(self, event: Event) -> None:
        """Write an event to the end; `sync` makes it last.

        Raises:
            StoreUnavailable: The disk is full or fails.
        """
        line = encode(event_to_json(event)) + b"\n"
        try:
            _write_whole(self._descriptor, line)
        except OSError as error:
            raise self._unwritable(error) from error
        self._is_dirty = True

    def sync(self) -> None:
        """Return when all that was appended is on disk.

        Raises:
            StoreUnavailable: The disk is full or fails; what was appended since the last `sync` may be gone.
            ExperimentBusy: Another driver has put a copy in this file's place; see `take_from_dead_driver`.
        """
        if not self._is_dirty:
            return
        try:
            os.fdatasync(self._descriptor)
            is_there = os.fstat(self._descriptor).st_nlink > 0
        except OSError as error:
            raise self._unwritable(error) from error
        if not is_there:
            raise self._taken()
        self._is_dirty = False

    def _taken(self) -> ExperimentBusy:
        return ExperimentBusy(
            f"{self.path} was taken by another driver, who was told that this one is gone.",
            hint="Leave the experiment to him.",
        )

    def _unwritable(self, error: OSError) -> StoreUnavailable | ExperimentBusy:
        if error.errno == errno.ESTALE:  # how NFSv3 says that the file is gone
            return self._taken()
        return StoreUnavailable(
            f"{self.path} cannot be written: {error.strerror}.", hint="Mend this, then `heredity resume`."
        )

    def close(self) -> None:
        """Let go of the file and its lock."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def take_from_dead_driver(path: Path, *, locks: Path = Path("/proc/locks")) -> None:
    """Free a journal whose driver is gone with its machine: put a copy in its place, which nobody has locked.

    A server of NFSv3 keeps what a machine has locked until the machine comes back. Should the driver live
    after all, it writes into the old file, which is no journal any more, and is told so at its next `sync`.

    Args:
        path: The journal.
        locks: The kernel's table of what is locked by processes of this machine.

    Raises:
        ConfigError: There is no journal, or it may not be written.
        ExperimentBusy: Its driver lives on this machine.
    """
    if driver := _locked_by(path, locks):
        raise ExperimentBusy(
            f"{path} is being written by process {driver} of this machine.", hint="End that process."
        )
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with path.open("rb") as old, aside.open("xb") as copy:
            shutil.copyfileobj(old, copy)
            copy.flush()
            os.fsync(copy.fileno())
        aside.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be copied: {error.strerror}.") from error


def _locked_by(path: Path, locks: Path) -> str:
    """The number of the process on this machine that has locked a file; empty where none is known."""
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: no journal: {error.strerror}.") from error
    name = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    try:
        lines = locks.read_text("ascii").splitlines()
    except FileNotFoundError:
        return ""  # not Linux
    # 1: FLOCK  ADVISORY  WRITE 17564 fe:00:2957326 0 EOF
    return next((line.split()[4] for line in lines if name in line.split()), "")


def has_driver(path: Path) -> bool:
    """Whether a process on this machine holds the journal open for writing.

    Raises:
        ConfigError: There is no such file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(f"{path}: no journal that can be read: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def replay(path: Path) -> Iterator[Event]:
    """Read the events of a journal, oldest first; may be called while it grows.

    A last line without its end was cut by a crash, or is being written now: it does not count.

    Raises:
        ConfigError: There is no such file.
        CorruptJournal: A whole line is no event; the message names it.
        UnsupportedFormat: The journal was begun by a newer version.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    return  # looking on would take the rest of a line that is being written for a line
                yield _event_of_line(path, number, line)
    except OSError as error:
        raise ConfigError(f"{path}: no journal that can be read: {error.strerror}.") from error


def read_state(
    path: Path,
    *,
    take: Callable[[ExperimentState, Event], object] | None = None,
    trials: Trials | None = None,
) -> ExperimentState:
    """Rebuild an experiment's state from its journal.

    Args:
        path: The journal.
        take: What takes each event after the first into the state; by default the state's own `handle`.
        trials: Where the records are to be kept; None for a dictionary.

    Raises:
        ConfigError: There is no such file.
        CorruptJournal: The file holds something else than a journal, or events in an order that cannot be.
    """
    events = replay(path)
    state = ExperimentState(first_event(path, events), trials=trials)
    take = take or ExperimentState.handle
    with without_garbage_collection():
        for number, event in enumerate(events, start=2):
            try:
                take(state, event)
            except (IllegalMove, CorruptJournal) as error:
                raise CorruptJournal(
                    f"{path}, line {number}: {error}", hint="The journal was edited; restore it from a copy."
                ) from error
    return state


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Of what a replay makes nearly all is kept; looking for garbage in it took a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def first_event(path: Path, events: Iterator[Event]) -> ExperimentStarted:
    """Take the event that every journal begins with.

    Raises:
        CorruptJournal: The journal is empty or begins with something else.
    """
    event = next(events, None)
    if not isinstance(event, ExperimentStarted):
        found = "nothing" if event is None else type(event).__name__
        raise CorruptJournal(f"{path}: expected ExperimentStarted as the first event, got {found}.")
    return event


def _event_of_line(path: Path, number: int, line: bytes) -> Event:
    try:
        return event_of_flat_line(line) or event_from_json(decode(line))
    except UnsupportedFormat:
        raise
    except (ValueError, RecursionError, CorruptJournal) as error:  # RecursionError: thousands of brackets
        raise CorruptJournal(
            f"{path}, line {number}: {error}",
            hint="The journal was damaged or edited; restore it from a copy.",
        ) from error


def _write_whole(descriptor: int, line: bytes) -> None:
    written = os.write(descriptor, line)
    if written != len(line):  # a full disk takes the part that fits, and says so only the next time
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _length_of_whole_lines(path: Path) -> int:
    end = path.stat().st_size
    with path.open("rb") as file:
        while end > 0:  # from the end, block by block: a journal may be large, its last line is short
            start = max(0, end - 65_536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0


def _link(aside: Path, path: Path) -> None:
    """Give a file its name, for ever, unless the name is taken."""
    try:
        os.link(aside, path)
    except FileExistsError as error:
        raise ConfigError(
            f"{path} exists already.", hint="Go on with `heredity resume`, or choose another directory."
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
