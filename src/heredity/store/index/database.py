"""The index's SQLite file: used by many, held open by nobody, thrown away if anything about it is odd.

SQLite must not be in use while a process forks: its mutexes and its record of locks would be copied as they
stand. So one thread a process uses it at a time, and a fork waits for that thread.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from heredity.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

SCHEMA_VERSION = 1
_BUSY_SECONDS = 10.0
_LOCK_PAUSE_SECONDS = 0.005

_in_use = threading.Lock()
os.register_at_fork(before=_in_use.acquire, after_in_parent=_in_use.release, after_in_child=_in_use.release)

# state: bit 1, the file is there; bit 2, there is a tombstone; 0, others only mention the key.
# ranks: whatever checkpoints are looked for by, best first; only of those that can be seen.
# prints: the numbers of the outline and the layers, apart since they are long and seldom asked for.
# draws: from whose files a checkpoint that can be seen draws how many bytes, its own among them.
_SCHEMA = """
CREATE TABLE about (identity TEXT NOT NULL, generation TEXT NOT NULL);
CREATE TABLE shards (
    shard INTEGER PRIMARY KEY, version TEXT NOT NULL, seen_at REAL NOT NULL, is_trusted INTEGER NOT NULL
);
CREATE TABLE checkpoints (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, name TEXT, shard INTEGER,
    state INTEGER NOT NULL DEFAULT 0, problem TEXT, nonce TEXT, created INTEGER, score REAL, parents TEXT,
    metadata TEXT, size_bytes INTEGER, file_bytes INTEGER
);
CREATE TABLE prints (id INTEGER PRIMARY KEY, numbers BLOB NOT NULL);
CREATE INDEX checkpoints_by_shard ON checkpoints (shard);
CREATE INDEX checkpoints_with_problems ON checkpoints (id) WHERE problem IS NOT NULL;
CREATE TABLE edges (
    child INTEGER, position INTEGER, parent INTEGER NOT NULL, PRIMARY KEY (child, position)
) WITHOUT ROWID;
CREATE INDEX edges_by_parent ON edges (parent, child);
CREATE TABLE draws (
    checkpoint INTEGER, owner INTEGER, bytes INTEGER NOT NULL, PRIMARY KEY (checkpoint, owner)
) WITHOUT ROWID;
CREATE TABLE ranks (
    fact INTEGER, score REAL, created INTEGER, id INTEGER, PRIMARY KEY (fact, score, created, id)
) WITHOUT ROWID;
"""


class IndexLost(Exception):
    """The file was thrown away, and another one is empty or not ours. Never leaves this room."""


class Database:
    """One file in a folder on a local disk, made when it is first needed.

    Args:
        folder: Where it lies; a private one in the directory for temporary files is taken instead if there is
            none, or if it cannot be used.
        identity: Of what it is an index, and how it is read; a file with another one is thrown away.
    """

    def __init__(self, folder: Path | None, *, identity: str) -> None:
        self._where = None if folder is None else folder.absolute()
        self._identity = identity
        # Two copies of one store may have one folder, and must not take turns in throwing it away.
        self._stem = f"index-{hashlib.blake2b(identity.encode(), digest_size=6).hexdigest()}"
        self._num_failures = 0

    @property
    def path(self) -> Path:
        """The file."""
        return self._folder / f"{self._stem}.sqlite"

    @property
    def _folder(self) -> Path:
        if self._where is None:
            self._where = _private_folder()
            weakref.finalize(self, _remove_folder, self._where, os.getpid())
        return self._where

    def run(
        self, action: Callable[[sqlite3.Connection], T], *, generation: str | None = None
    ) -> tuple[str, T]:
        """Do something with the file, alone in this process.

        Args:
            action: What to do; it reads and writes nothing else.
            generation: The file that it must be, by what an earlier call has returned.

        Returns:
            The file's generation, which changes when it is made anew, and what the action has returned.

        Raises:
            IndexLost: It is another file, or none that can be used. The next call makes it anew.
        """
        with _in_use:
            try:
                if not self.path.exists():
                    self._make()
                with self._locked(fcntl.LOCK_SH), closing(self._connect(self.path)) as connection:
                    found = self._generation(connection)
                    if generation in {None, found}:
                        return found, action(connection)
            except (sqlite3.Error, OSError) as error:
                self._discard()
                raise IndexLost(str(error)) from error
        raise IndexLost("It was made anew by somebody else.")

    def _connect(self, path: Path, *, mode: str = "rw") -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
        )
        # NORMAL: what a crash of the machine leaves is old, perhaps, but never a mixture.
        connection.executescript(
            "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;"
        )
        return connection

    def _generation(self, connection: sqlite3.Connection) -> str:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"its schema has version {version}")
        identity, generation = connection.execute("SELECT identity, generation FROM about").fetchone() or (
            "",
            "",
        )
        if identity != self._identity:
            raise sqlite3.DatabaseError(f"it is the index of {identity!r}")
        return str(generation)

    def _make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked(fcntl.LOCK_EX):
            if self.path.exists():
                return
            # A log that was left behind would be played into the new file.
            self._remove_logs()
            aside = self.path.with_suffix(f".{secrets.token_hex(4)}")
            with closing(self._connect(aside, mode="rwc")) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA)
                connection.execute("INSERT INTO about VALUES (?, ?)", (self._identity, secrets.token_hex(8)))
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            aside.rename(self.path)

    def _discard(self) -> None:
        """Throw the file away; if that was not enough once before, leave the folder to others."""
        self._num_failures += 1
        if self._num_failures == 1:
            try:
                with self._locked(fcntl.LOCK_EX):
                    self.path.unlink(missing_ok=True)
                    self._remove_logs()
            except OSError:
                self._num_failures += 1
        if self._num_failures > 1:
            self._where = None

    def _remove_logs(self) -> None:
        for suffix in ("-wal", "-shm", "-journal"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        """Keep the file from being thrown away while it is used: SQLite itself does not survive that.

        Raises:
            TimeoutError: Somebody holds the lock for too long.
        """
        file = os.open(self._folder / f"{self._stem}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + _BUSY_SECONDS
            while not _try_lock(file, kind):
                if time.monotonic() > deadline:
                    raise TimeoutError("somebody holds the lock")
                time.sleep(_LOCK_PAUSE_SECONDS)
            yield
        finally:
            os.close(file)


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _private_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="heredity-index-"))
    except OSError as error:
        raise StoreUnavailable(
            f"There is no place for the index of a store ({error}).",
            hint="Make room in the directory for temporary files, or name another one in TMPDIR.",
        ) from error


def _remove_folder(folder: Path, pid: int) -> None:
    # A forked process goes on using its parent's, but does not take it away from him.
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
