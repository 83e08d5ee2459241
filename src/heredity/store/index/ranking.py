"""The best checkpoints of which something holds, and the nearest relatives of a model, without a scan."""

# ruff: noqa: S608  # the parts of the queries are constants of this room

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from heredity.encoding import encode
from heredity.errors import InputError
from heredity.store.index.rows import (
    IS_LIVE,
    LINEAGE,
    NO_SCORE,
    fact_of_entry,
    fact_of_outline,
    fact_of_prefix,
    lineage_of,
    prefixes,
    prints_of,
    prints_of_blob,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from heredity.encoding import Json
    from heredity.store.files.fingerprints import Fingerprints
    from heredity.store.files.lineage import Lineage

Order = Literal["highest", "lowest"]
"""Which scores are good. Of equal ones the youngest comes first, then by key; those without come last."""

_MOST_RESULTS = 1_000_000
# So many are sorted in no time; more are walked through in the order of their scores.
_FEW = 1000
# Greater than all that a key can hold, so that keys that begin alike are a range.
_AFTER_ALL = "\U0010ffff"
_DIRECTIONS = {"highest": "DESC", "lowest": "ASC"}


@dataclass(frozen=True, slots=True)
class Match:
    """A relative of a model.

    Args:
        lineage: Who it is.
        num_shared: How many of the layers that were asked for it has, each with all that comes before it.
        has_same_outline: Whether the whole graph is the same but for widths.
    """

    lineage: Lineage
    num_shared: int
    has_same_outline: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must hold of a checkpoint.

    Args:
        where: Entries of its metadata.
        prefix: How its key begins.
        order: Which scores are good.
        limit: How many are wanted at most.

    Raises:
        InputError: Something of it is not possible.
    """

    where: Mapping[str, Json]
    prefix: str
    order: Order
    limit: int

    def __post_init__(self) -> None:
        check_choice(self.order, self.limit)
        check_prefix(self.prefix)
        for name, value in self.where.items():
            if not (value is None or isinstance(value, bool | int | float | str)):
                raise InputError(
                    f"where: {name!r:.80} is to be {value!r:.80}; "
                    "expected a text, a number, True, False or None."
                )
            try:
                encode([name, value])
            except (TypeError, ValueError) as error:
                raise InputError(f"where: {name!r:.80} cannot be {value!r:.80} ({error}).") from error

    def facts(self) -> list[int]:
        """The numbers under which the checkpoints are found that may be meant, and few others."""
        entries = [fact_of_entry(name, value) for name, value in self.where.items()]
        return [fact_of_prefix(prefixes(self.prefix)[-1]), *entries]

    def holds_of(self, lineage: Lineage) -> bool:
        """Whether it holds, whatever the numbers say."""
        return lineage.key.startswith(self.prefix) and all(
            name in lineage.metadata and _same(lineage.metadata[name], value)
            for name, value in self.where.items()
        )


def _same(value: Json, wanted: Json) -> bool:
    # True is 1 to Python, and not to JSON.
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def check_choice(order: str, limit: int) -> None:
    """Refuse what is no order, or no limit.

    Raises:
        InputError: It is not.
    """
    if order not in _DIRECTIONS:
        raise InputError(f"order={order!r}: expected 'highest' or 'lowest'.")
    if not 1 <= limit <= _MOST_RESULTS:
        raise InputError(f"limit={limit!r}: expected a number from 1 to {_MOST_RESULTS}.")


def check_prefix(prefix: str) -> None:
    """Refuse what is no text.

    Raises:
        InputError: It is none, or one that no file can hold.
    """
    try:
        prefix.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise InputError(f"prefix={prefix!r:.80}: expected a text ({error}).") from error


def key_range(prefix: str) -> tuple[str, str]:
    """From where up to where the keys are that begin so."""
    return prefix, prefix + _AFTER_ALL


def best(connection: sqlite3.Connection, *, wanted: Wanted) -> list[Lineage]:
    """The checkpoints with the best scores of which something holds."""
    found = [(_count_ranks(connection, fact), fact) for fact in wanted.facts()]
    rarest = min(found)
    low, high = key_range(wanted.prefix)
    num_keys = _count(connection, "checkpoints WHERE key >= ? AND key < ?", (low, high))
    if num_keys < min(rarest[0], _FEW):
        return _first(_sorted(connection, wanted, "key >= ? AND key < ?", (low, high)), wanted)
    others = [fact for _, fact in found if fact != rarest[1]]
    also = "".join(
        " AND EXISTS (SELECT 1 FROM ranks AS o WHERE o.fact = ? AND o.score = ranks.score "
        "AND o.created = ranks.created AND o.id = ranks.id)"
        for _ in others
    )
    direction = _DIRECTIONS[wanted.order]
    rows = connection.execute(
        f"SELECT {LINEAGE_OF_RANK} FROM ranks CROSS JOIN checkpoints ON checkpoints.id = ranks.id "
        f"WHERE ranks.fact = ? AND ranks.score > ? AND checkpoints.key >= ? AND checkpoints.key < ? {also} "
        f"ORDER BY ranks.score {direction}, ranks.created DESC, checkpoints.key",
        (rarest[1], NO_SCORE, low, high, *others),
    )
    return _first(rows, wanted)


def best_of(connection: sqlite3.Connection, ids: Sequence[int], *, wanted: Wanted) -> list[Lineage]:
    """The same among these checkpoints."""
    condition = "id IN (SELECT value FROM json_each(?))"
    return _first(_sorted(connection, wanted, condition, (json.dumps(ids),)), wanted)


# Both tables have a score and a time of creation.
LINEAGE_OF_RANK = LINEAGE.replace("score", "checkpoints.score").replace("created", "checkpoints.created")


def _sorted(
    connection: sqlite3.Connection, wanted: Wanted, condition: str, values: tuple[str, ...]
) -> sqlite3.Cursor:
    return connection.execute(
        f"SELECT {LINEAGE} FROM checkpoints WHERE {condition} AND {IS_LIVE} AND score IS NOT NULL "
        f"ORDER BY score {_DIRECTIONS[wanted.order]}, created DESC, key",
        values,
    )


def _first(rows: sqlite3.Cursor, wanted: Wanted) -> list[Lineage]:
    found: list[Lineage] = []
    for row in rows:
        lineage = lineage_of(row)
        if wanted.holds_of(lineage):
            found.append(lineage)
            if len(found) == wanted.limit:
                break
    return found


def _count_ranks(connection: sqlite3.Connection, fact: int) -> int:
    return _count(connection, "ranks WHERE fact = ?", (fact,))


def _count(connection: sqlite3.Connection, what: str, values: tuple[object, ...]) -> int:
    """How many there are, up to `_FEW`."""
    query = f"SELECT count(*) FROM (SELECT 1 FROM {what} LIMIT {_FEW})"
    return int(connection.execute(query, values).fetchone()[0])


def find(
    connection: sqlite3.Connection, *, fingerprints: Fingerprints, limit: int, order: Order
) -> list[Match]:
    """Those with the deepest of these layers, then with the next one; at last those with the same outline."""
    asked = prints_of(fingerprints)
    found: dict[int, Any] = {}  # Any: rows
    for fact in (*reversed(asked[1:]), fact_of_outline(asked[0])):
        for number, *row in _ranked(connection, fact, limit=limit, order=order):
            found.setdefault(number, row)
            if len(found) == limit:
                return [_match(row, fingerprints, asked) for row in found.values()]
    return [_match(row, fingerprints, asked) for row in found.values()]


def _ranked(connection: sqlite3.Connection, fact: int, *, limit: int, order: Order) -> Iterator[Any]:
    query = (
        f"SELECT ranks.id, numbers, {LINEAGE_OF_RANK} FROM ranks CROSS JOIN checkpoints "
        "ON checkpoints.id = ranks.id CROSS JOIN prints ON prints.id = ranks.id "
        "WHERE ranks.fact = ? AND ranks.score {} "
        f"ORDER BY ranks.score {_DIRECTIONS[order]}, ranks.created DESC, checkpoints.key LIMIT ?"
    )
    yield from connection.execute(query.format("> ?"), (fact, NO_SCORE, limit))
    yield from connection.execute(query.format("= ?"), (fact, NO_SCORE, limit))


def _match(row: Sequence[Any], fingerprints: Fingerprints, asked: Sequence[int]) -> Match:
    numbers, *columns = row
    outline, *layers = prints_of_blob(numbers)
    has = set(layers)
    number_of = dict(zip(dict.fromkeys(fingerprints.layers), asked[1:], strict=True))
    num_shared = sum(number_of[name] in has for name in fingerprints.layers)
    return Match(lineage_of(columns), num_shared, has_same_outline=outline == asked[0])
