"""Brings the index up to date: only shards that have changed are listed, only files that are new are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from heredity.errors import CorruptData, UnsupportedFormat
from heredity.ids import CheckpointKey
from heredity.store.files.layout import CHECKPOINTS, SHARDS, key_of, name_of, tombstone_name_of
from heredity.store.index.rows import FILE, TOMBSTONE, Row, damaged_row, row_of_pack, row_of_tombstone
from heredity.store.index.writing import Changes, ShardSeen, write

if TYPE_CHECKING:
    import sqlite3

    from heredity.store.backends.base import Backend
    from heredity.store.files.reader import Reader
    from heredity.store.index.database import Database

S = TypeVar("S")
T = TypeVar("T")

_THREADS = 12
# Where others are looked for less often than this, an answer takes a round trip.
_NEAR_PAUSE_SECONDS = 0.005
# Of the clock of any place: two changes within one may leave a shard's version as it was.
_TICK_SECONDS = 2.0
# As many as may be lost if the process is killed meanwhile. Larger pieces are written faster.
_ROWS_AT_ONCE = 5000
_STONE = tombstone_name_of(CheckpointKey("k")).removeprefix(name_of(CheckpointKey("k")))


@dataclass(frozen=True, slots=True)
class _Known:
    key: CheckpointKey
    state: int
    has_problem: bool


_UNKNOWN = _Known(CheckpointKey(""), 0, has_problem=False)


@dataclass(slots=True)
class _News:
    """How what lies in a store differs from what the index knows; what is unread by the name of its file."""

    gone: list[CheckpointKey] = field(default_factory=list)
    files: list[tuple[CheckpointKey, bool]] = field(default_factory=list)
    unread: list[tuple[str, int, bool]] = field(default_factory=list)


def refresh(reader: Reader, database: Database, *, clock: Callable[[], float]) -> str:
    """Make the index know all that can be seen when this is called.

    Returns:
        The generation of the database that is up to date.

    Raises:
        IndexLost: The database is another one now.
        StoreUnavailable: The place does not answer.
    """
    backend = reader.backend
    begun_at = clock()
    generation, seen = database.run(_shards_seen)
    changed: dict[int, ShardSeen] | None = None
    if (first := backend.version_of(SHARDS[0])) is not None:
        versions = [first, *_each(backend, backend.version_of, SHARDS[1:])]
        changed = _changed(versions, seen, begun_at=begun_at, seen_at=clock())
        if not changed:
            return generation
    # In this order: what is known before the listing and is not in it has vanished. What somebody else
    # finds meanwhile is not.
    _, known = database.run(partial(_known_names, shards=changed), generation=generation)
    news = _compare(known, _listing(backend, changed))
    changes = Changes(gone=news.gone, files=news.files)
    for start in range(0, len(news.unread), _ROWS_AT_ONCE):
        changes.rows = _read_all(reader, news.unread[start : start + _ROWS_AT_ONCE])
        database.run(partial(write, changes=changes), generation=generation)
        changes = Changes()
    changes.shards = {number: now for number, now in (changed or {}).items() if now != seen.get(number)}
    if changes:
        database.run(partial(write, changes=changes), generation=generation)
    return generation


def _shards_seen(connection: sqlite3.Connection) -> dict[int, ShardSeen]:
    rows = connection.execute("SELECT shard, version, seen_at, is_trusted FROM shards")
    return {number: ShardSeen(version, at, bool(is_trusted)) for number, version, at, is_trusted in rows}


def _changed(
    versions: Sequence[str | None], seen: dict[int, ShardSeen], *, begun_at: float, seen_at: float
) -> dict[int, ShardSeen]:
    """The shards that have to be listed, and how they look."""
    found = {}
    for number, version in enumerate(versions):
        before = seen.get(number)
        # A clock that goes backwards is another boot's.
        is_of_this_boot = before is not None and (before.is_trusted or before.seen_at <= begun_at)
        if before is None or version != before.version or not is_of_this_boot:
            found[number] = ShardSeen(version or "", seen_at, is_trusted=False)
        elif not before.is_trusted:
            is_settled = begun_at - before.seen_at > _TICK_SECONDS
            found[number] = ShardSeen(before.version, before.seen_at, is_trusted=is_settled)
    return found


def _known_names(connection: sqlite3.Connection, *, shards: dict[int, ShardSeen] | None) -> dict[str, _Known]:
    query = "SELECT shard, name, key, state, problem IS NOT NULL FROM checkpoints WHERE shard"
    if shards is None:
        rows = connection.execute(f"{query} IS NOT NULL")
    else:
        rows = connection.execute(f"{query} IN ({','.join(map(str, shards))})")
    return {
        f"{SHARDS[shard]}{name or key}": _Known(key, state, bool(has_problem))
        for shard, name, key, state, has_problem in rows
    }


def _listing(backend: Backend, shards: dict[int, ShardSeen] | None) -> dict[str, int]:
    """What lies there now: names of checkpoints' files, and whether they and their tombstones are there."""
    if shards is None:
        listings = [backend.names(CHECKPOINTS)]
    else:
        listings = _each(backend, backend.names, [SHARDS[number] for number in shards])
    found: dict[str, int] = {}
    for names in listings:
        for name in names:
            if name.endswith(_STONE):
                file = name.removesuffix(_STONE)
                found[file] = found.get(file, 0) | TOMBSTONE
            else:
                found[name] = found.get(name, 0) | FILE
    return found


def _compare(known: dict[str, _Known], present: dict[str, int]) -> _News:
    news = _News()
    gone = set()
    for name, before in known.items():
        state = present.get(name, 0)
        if not state or (before.state >= TOMBSTONE > state):
            news.gone.append(before.key)
            gone.add(name)
    for name, state in present.items():
        before = _UNKNOWN if name in gone else known.get(name, _UNKNOWN)
        if not before.state:
            news.unread.append((name, state, False))
        elif before.has_problem or before.state < TOMBSTONE <= state:
            news.unread.append((name, state, True))
        elif state != before.state:
            news.files.append((before.key, bool(state & FILE)))
    return news


def _read_all(reader: Reader, names: Sequence[tuple[str, int, bool]]) -> list[Row]:
    found = _each(reader.backend, lambda name: _read(reader, *name), names)
    return [row for row in found if row is not None]


def _read(reader: Reader, name: str, state: int, is_known: bool) -> Row | None:  # noqa: FBT001  # a field
    key = key_of(name)
    if key is None:
        return None  # a stranger's file
    try:
        if state == FILE:
            pack = reader.pack(key)
            return None if pack is None else row_of_pack(pack)
        stone = reader.tombstone(key)
        if stone is None:
            return None  # taken away by hand since it was listed
        size = _file_size(reader.backend, name) if state & FILE and not is_known else None
        return row_of_tombstone(stone, state, file_bytes=size)
    except (CorruptData, UnsupportedFormat) as error:
        return damaged_row(key, state, error)


def _file_size(backend: Backend, name: str) -> int | None:
    blob = backend.open(name)
    if blob is None:
        return None
    with blob:
        return blob.size


def _each(backend: Backend, ask: Callable[[S], T], questions: Sequence[S]) -> list[T]:
    """Ask a place many things: at once where each answer takes a round trip. No thread outlives the call."""
    if backend.capabilities.first_pause_seconds < _NEAR_PAUSE_SECONDS or len(questions) < 2:
        return list(map(ask, questions))
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(ask, questions))
