"""What the index answers, about the store as it was when the view was made, or later."""

# ruff: noqa: S608  # the parts of the queries are constants of this room

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from heredity.errors import StoreUnavailable
from heredity.store.index.database import IndexLost
from heredity.store.index.ranking import (
    Match,
    Order,
    Wanted,
    best,
    best_of,
    check_choice,
    check_prefix,
    find,
    key_range,
)
from heredity.store.index.rows import FILE, IS_LIVE, LINEAGE, error_of_problem, lineage_of

if TYPE_CHECKING:
    import sqlite3

    from heredity.encoding import Json
    from heredity.errors import HeredityError
    from heredity.ids import CheckpointKey
    from heredity.store.files.fingerprints import Fingerprints
    from heredity.store.files.lineage import Lineage
    from heredity.store.index.database import Database

T = TypeVar("T")

# The first file may be damaged, the second too, and the private one is new.
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Damaged:
    """A checkpoint whose file or tombstone cannot be read.

    Args:
        key: Its name.
        error: Why: `CorruptCheckpoint` or `UnsupportedFormat`.
    """

    key: CheckpointKey
    error: HeredityError


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a checkpoint takes.

    Args:
        size_bytes: Of all its tensors when loaded.
        own_bytes: Of tensors that lie in its own file, each content once.
        shared_bytes: Of tensors that lie in others' files.
        freed_bytes: Lengths of the files that a collection would free if it alone were dropped: those that
            no other checkpoint draws on, its own and those of owners that have been dropped.
    """

    size_bytes: int
    own_bytes: int
    shared_bytes: int
    freed_bytes: int


class View:
    """Answers about all checkpoints that could be seen when the view was made. Made by `Index.look`.

    Nothing is held open. Whatever was dropped is not in an answer, though lineage is followed through it.
    Nor is what is damaged: see `damaged`. A query that finds the index's file spoilt reads the store again.
    """

    def __init__(self, database: Database, refresh: Callable[[], str]) -> None:
        self._database = database
        self._refresh = refresh
        self._generation: str | None = None
        self._ask(lambda _: None)

    def _ask(self, query: Callable[[sqlite3.Connection], T]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                if self._generation is None:
                    self._generation = self._refresh()
                return self._database.run(query, generation=self._generation)[1]
            except IndexLost as error:
                self._generation = None
                if attempt == _ATTEMPTS:
                    raise StoreUnavailable(
                        f"The index of the store cannot be kept: {error}.",
                        hint="Make room on the local disk.",
                    ) from error
        raise AssertionError("the last attempt returns or raises")

    def checkpoints(self, prefix: str = "") -> list[Lineage]:
        """All whose key begins so, in the order of their creation, then of their keys.

        Raises:
            InputError: The prefix is no text.
        """
        check_prefix(prefix)
        return self._ask(partial(_checkpoints, prefix=prefix))

    def ancestors(self, key: CheckpointKey) -> list[Lineage]:
        """Parents, their parents and so on: nearest first, then in the order in which they are named.

        Raises:
            CorruptCheckpoint: The parents of this very checkpoint cannot be read.
            UnsupportedFormat: A newer version of this package wrote it.
        """
        return self._ask(partial(_ancestors, key=key))

    def descendants(self, key: CheckpointKey) -> list[Lineage]:
        """Children, their children and so on: nearest first, then in the order of their creation.

        Raises:
            CorruptCheckpoint: This very checkpoint cannot be read.
            UnsupportedFormat: A newer version of this package wrote it.
        """
        return self._ask(partial(_descendants, key=key))

    def best(
        self,
        where: Mapping[str, Json] | None = None,
        *,
        prefix: str = "",
        descendants_of: CheckpointKey | None = None,
        order: Order = "highest",
        limit: int = 1,
    ) -> list[Lineage]:
        """Those with the best scores, of equal ones the youngest first; none without a score.

        Takes a time that does not grow with the store, unless the conditions are common each and rare
        together, or there are many descendants.

        Args:
            where: Entries that their metadata must have: texts, numbers, truth values or None.
            prefix: How their keys must begin.
            descendants_of: From whom they must descend.
            order: Which scores are good.
            limit: How many at most.

        Raises:
            InputError: Something that is asked for is not possible.
        """
        wanted = Wanted(dict(where or {}), prefix, order, limit)
        if descendants_of is None:
            return self._ask(partial(best, wanted=wanted))
        return self._ask(partial(_best_descendants, key=descendants_of, wanted=wanted))

    def find(self, fingerprints: Fingerprints, *, limit: int = 10, order: Order = "highest") -> list[Match]:
        """The nearest relatives of a model: who shares the deepest layer first, then the best scores.

        After them come those whose graph is the same but for widths. Takes a time that grows with the number
        of layers, not with the store.

        Raises:
            InputError: The limit or the order is not possible.
        """
        check_choice(order, limit)
        return self._ask(partial(find, fingerprints=fingerprints, limit=limit, order=order))

    def sizes(self) -> dict[CheckpointKey, Sizes]:
        """What each checkpoint takes, and what dropping it would free."""
        return self._ask(_sizes)

    def damaged(self) -> list[Damaged]:
        """The checkpoints that are in no answer since their file, or the tombstone in it, cannot be read."""
        return self._ask(_damaged)


def _checkpoints(connection: sqlite3.Connection, *, prefix: str) -> list[Lineage]:
    rows = connection.execute(
        f"SELECT {LINEAGE} FROM checkpoints WHERE key >= ? AND key < ? AND {IS_LIVE} ORDER BY created, key",
        key_range(prefix),
    )
    return [lineage_of(row) for row in rows]


def _start(connection: sqlite3.Connection, key: CheckpointKey) -> int:
    """The number of a checkpoint; one that nobody has if it is not known."""
    found = connection.execute("SELECT id, problem FROM checkpoints WHERE key = ?", (key,)).fetchone()
    if found is None:
        return -1
    if found[1] is not None:
        raise error_of_problem(found[1])
    return int(found[0])


# UNION keeps each once, so that this ends whatever the edges are.
_WALK = """WITH RECURSIVE walk (id) AS (
    VALUES (?) UNION SELECT edges.{to} FROM walk JOIN edges ON edges.{by} = walk.id
) """
_ANCESTORS = _WALK.format(by="child", to="parent")
_DESCENDANTS = _WALK.format(by="parent", to="child")


def _ancestors(connection: sqlite3.Connection, *, key: CheckpointKey) -> list[Lineage]:
    start = _start(connection, key)
    steps = connection.execute(
        f"{_ANCESTORS} SELECT child, parent FROM walk JOIN edges ON child = walk.id ORDER BY child, position",
        (start,),
    )
    return _lineages(connection, _nearest_first(start, steps))


def _descendants(connection: sqlite3.Connection, *, key: CheckpointKey) -> list[Lineage]:
    start = _start(connection, key)
    steps = connection.execute(
        f"{_DESCENDANTS} SELECT parent, child FROM walk JOIN edges ON parent = walk.id "
        "JOIN checkpoints ON checkpoints.id = child ORDER BY created, key",
        (start,),
    )
    return _lineages(connection, _nearest_first(start, steps))


def _nearest_first(start: int, steps: Iterable[tuple[int, int]]) -> list[int]:
    neighbours: dict[int, list[int]] = {}
    for from_, to in steps:
        neighbours.setdefault(from_, []).append(to)
    found: dict[int, None] = {start: None}
    pending = deque([start])
    while pending:
        for number in neighbours.get(pending.popleft(), ()):
            if number not in found:
                found[number] = None
                pending.append(number)
    del found[start]
    return list(found)


def _lineages(connection: sqlite3.Connection, ids: list[int]) -> list[Lineage]:
    rows = connection.execute(
        f"SELECT id, {LINEAGE} FROM checkpoints WHERE id IN (SELECT value FROM json_each(?)) AND {IS_LIVE}",
        (json.dumps(ids),),
    )
    found = {number: row for number, *row in rows}
    return [lineage_of(found[number]) for number in ids if number in found]


def _best_descendants(connection: sqlite3.Connection, *, key: CheckpointKey, wanted: Wanted) -> list[Lineage]:
    start = _start(connection, key)
    walked = connection.execute(f"{_DESCENDANTS} SELECT id FROM walk", (start,))
    return best_of(connection, [number for (number,) in walked if number != start], wanted=wanted)


def _sizes(connection: sqlite3.Connection) -> dict[CheckpointKey, Sizes]:
    # Only checkpoints that can be seen draw on files.
    draws = connection.execute("SELECT checkpoint, owner, bytes FROM draws").fetchall()
    files = dict(
        connection.execute("SELECT id, file_bytes FROM checkpoints WHERE state & ? AND file_bytes", (FILE,))
    )
    num_users: dict[int, int] = {}
    for _, owner, _ in draws:
        num_users[owner] = num_users.get(owner, 0) + 1
    own: dict[int, int] = {}
    shared: dict[int, int] = {}
    freed: dict[int, int] = {}
    for number, owner, size in draws:
        part = own if owner == number else shared
        part[number] = part.get(number, 0) + size
        if num_users[owner] == 1:
            freed[number] = freed.get(number, 0) + files.get(owner, 0)
    rows = connection.execute(f"SELECT id, key, size_bytes FROM checkpoints WHERE {IS_LIVE}")
    return {
        key: Sizes(size, own.get(number, 0), shared.get(number, 0), freed.get(number, 0))
        for number, key, size in rows
    }


def _damaged(connection: sqlite3.Connection) -> list[Damaged]:
    rows = connection.execute("SELECT key, problem FROM checkpoints WHERE problem IS NOT NULL")
    return [Damaged(key, error_of_problem(problem)) for key, problem in sorted(rows)]
