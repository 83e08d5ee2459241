"""Brings rows into the index's tables. Idempotent, and never back in time, for many do it at once.

What a checkpoint goes through only goes forward: its file appears, then its tombstone. Who comes late with an
older look must not undo what another process has found out since, and may have answered already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heredity.encoding import encode
from heredity.store.files.layout import SHARDS, name_of, shard_of
from heredity.store.index.rows import (
    FILE,
    NO_SCORE,
    TOMBSTONE,
    facts,
    loads,
    microseconds,
    prints_of,
    prints_of_blob,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from heredity.ids import CheckpointKey
    from heredity.store.files.lineage import Lineage
    from heredity.store.index.rows import Row

_SHARD_NUMBERS = {shard: number for number, shard in enumerate(SHARDS)}


@dataclass(frozen=True, slots=True)
class ShardSeen:
    """How a shard looked when it was last listed.

    Args:
        version: Its version then.
        seen_at: When that version was first seen, by our clock.
        is_trusted: Whether nothing can have changed since without changing the version.
    """

    version: str
    seen_at: float
    is_trusted: bool


@dataclass(slots=True)
class Changes:
    """What is to be written in one transaction.

    Args:
        gone: What has vanished, tombstone and all.
        files: Of dropped checkpoints: whether their file is there.
        rows: What has been read.
        shards: How shards looked, by number; only once all that was found there is written.
    """

    gone: Sequence[CheckpointKey] = ()
    files: Sequence[tuple[CheckpointKey, bool]] = ()
    rows: Sequence[Row] = ()
    shards: dict[int, ShardSeen] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.gone or self.files or self.rows or self.shards)


def write(connection: sqlite3.Connection, changes: Changes) -> None:
    """Write all of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _forget(connection, changes.gone)
        connection.executemany(
            "UPDATE checkpoints SET state = ? WHERE key = ? AND state >= ?",
            [(TOMBSTONE | (FILE if is_there else 0), key, TOMBSTONE) for key, is_there in changes.files],
        )
        _write_rows(connection, changes.rows)
        connection.executemany(
            "REPLACE INTO shards VALUES (?, ?, ?, ?)",
            [(shard, seen.version, seen.seen_at, seen.is_trusted) for shard, seen in changes.shards.items()],
        )
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _ids(connection: sqlite3.Connection, keys: Iterable[str]) -> dict[str, int]:
    wanted = json.dumps(sorted(set(keys)))
    connection.execute(
        "INSERT INTO checkpoints (key) SELECT value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING",
        (wanted,),
    )
    return dict(
        connection.execute(
            "SELECT key, id FROM checkpoints WHERE key IN (SELECT value FROM json_each(?))", (wanted,)
        ).fetchall()
    )


def _forget(connection: sqlite3.Connection, keys: Sequence[CheckpointKey]) -> None:
    ids = list(_ids(connection, keys).values()) if keys else []
    _unlink(connection, ids)
    connection.executemany(
        "UPDATE checkpoints SET state = 0, shard = NULL, problem = NULL, nonce = NULL, created = NULL, "
        "score = NULL, parents = NULL, metadata = NULL, size_bytes = NULL, file_bytes = NULL "
        "WHERE id = ?",
        [(number,) for number in ids],
    )
    connection.executemany("DELETE FROM edges WHERE child = ?", [(number,) for number in ids])


def _unlink(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Take checkpoints that could be seen out of the tables of those that can."""
    ranks = []
    for number in ids:
        found = connection.execute(
            "SELECT key, metadata, numbers, score, created FROM checkpoints LEFT JOIN prints USING (id) "
            "WHERE id = ? AND state = 1 AND nonce IS NOT NULL",
            (number,),
        ).fetchone()
        if found is not None:
            key, metadata, numbers, score, created = found
            ranks += [
                (fact, NO_SCORE if score is None else score, created, number)
                for fact in facts(key, loads(metadata), prints_of_blob(numbers))
            ]
    connection.executemany(
        "DELETE FROM ranks WHERE fact = ? AND score = ? AND created = ? AND id = ?", sorted(ranks)
    )
    connection.executemany("DELETE FROM prints WHERE id = ?", [(number,) for number in ids])
    connection.executemany("DELETE FROM draws WHERE checkpoint = ?", [(number,) for number in ids])


def _write_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    mentioned = [key for row in rows for key in (row.key, *_parents(row), *row.draws)]
    ids = _ids(connection, mentioned) if rows else {}
    states = _states(connection, [ids[row.key] for row in rows])
    wanted = [row for row in rows if _is_news(row, *states[ids[row.key]])]
    _unlink(connection, [ids[row.key] for row in wanted if states[ids[row.key]][0] == FILE])
    _write_facts(connection, wanted, ids)
    told = [row for row in wanted if row.lineage is not None]
    connection.executemany("DELETE FROM edges WHERE child = ?", [(ids[row.key],) for row in told])
    connection.executemany(
        "INSERT INTO edges VALUES (?, ?, ?)",
        sorted((ids[row.key], n, ids[parent]) for row in told for n, parent in enumerate(_parents(row))),
    )
    live = [row for row in wanted if row.is_live]
    connection.executemany(
        "INSERT INTO draws VALUES (?, ?, ?)",
        sorted((ids[row.key], ids[owner], size) for row in live for owner, size in row.draws.items()),
    )
    connection.executemany(
        "INSERT INTO prints VALUES (?, ?)",
        [(ids[row.key], prints_of(row.fingerprints).tobytes()) for row in live if row.fingerprints],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO ranks VALUES (?, ?, ?, ?)",
        sorted(rank for row in live if row.lineage for rank in _ranks(row, row.lineage, ids[row.key])),
    )


def _parents(row: Row) -> tuple[CheckpointKey, ...]:
    return () if row.lineage is None else row.lineage.parents


def _states(connection: sqlite3.Connection, ids: list[int]) -> dict[int, tuple[int, bool]]:
    found = connection.execute(
        "SELECT id, state, problem IS NOT NULL FROM checkpoints WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    )
    return {number: (state, bool(has_problem)) for number, state, has_problem in found}


def _is_news(row: Row, state: int, has_problem: bool) -> bool:  # noqa: FBT001  # a column
    before, after = state >= TOMBSTONE, row.state >= TOMBSTONE
    if before == after and state:
        return has_problem
    return after > before or not state


def _write_facts(connection: sqlite3.Connection, rows: Sequence[Row], ids: dict[str, int]) -> None:
    connection.executemany(
        "UPDATE checkpoints SET name = ?, shard = ?, state = ?, problem = ?, "
        "file_bytes = coalesce(?, file_bytes) WHERE id = ?",
        [(*_place(row.key), row.state, row.problem or None, row.file_bytes, ids[row.key]) for row in rows],
    )
    # What was known before stays where a tombstone tells nothing.
    connection.executemany(
        "UPDATE checkpoints SET nonce = ?, created = ?, score = ?, parents = ?, metadata = ?, "
        "size_bytes = ? WHERE id = ?",
        [
            (
                row.lineage.nonce,
                microseconds(row.lineage.created),
                row.lineage.score,
                " ".join(row.lineage.parents),  # there is no blank in a key
                encode(dict(row.lineage.metadata)).decode(),
                row.size_bytes,
                ids[row.key],
            )
            for row in rows
            if row.lineage is not None
        ],
    )


def _place(key: CheckpointKey) -> tuple[str | None, int]:
    shard = shard_of(key)
    name = name_of(key).removeprefix(shard)
    return None if name == key else name, _SHARD_NUMBERS[shard]


def _ranks(row: Row, lineage: Lineage, number: int) -> list[tuple[int, float, int, int]]:
    score = NO_SCORE if lineage.score is None else lineage.score
    created = microseconds(lineage.created)
    return [
        (fact, score, created, number)
        for fact in facts(row.key, lineage.metadata, prints_of(row.fingerprints))
    ]
