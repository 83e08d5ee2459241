"""What the index keeps of one checkpoint, and the numbers by which it is looked for."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heredity.encoding import encode
from heredity.errors import CorruptCheckpoint, HeredityError, UnsupportedFormat
from heredity.store.files.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from heredity.encoding import Json
    from heredity.ids import CheckpointKey
    from heredity.store.files.fingerprints import Fingerprints
    from heredity.store.files.pack import Pack
    from heredity.store.files.tombstone import Tombstone

FILE, TOMBSTONE = 1, 2
# Below all scores that there are: whoever has none comes last.
NO_SCORE = -math.inf
LINEAGE = "checkpoints.key, nonce, parents, score, created, metadata"
# What can be seen, and read.
IS_LIVE = "checkpoints.state = 1 AND checkpoints.problem IS NULL"

# What SQLite can hold; a damaged header may claim more of another's file.
_MOST_BYTES = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_KINDS = {kind.__name__: kind for kind in (CorruptCheckpoint, UnsupportedFormat)}


@dataclass(frozen=True, slots=True)
class Row:
    """One checkpoint, as its file or its tombstone says.

    Args:
        key: Its name.
        state: Whether it has a file (`FILE`) and a tombstone (`TOMBSTONE`): the sum.
        lineage: The small facts; ``None`` if they cannot be read, or it never was.
        problem: Why it cannot be read; empty if it can.
        size_bytes: Of all its tensors.
        file_bytes: Length of its file.
        draws: From whose files it draws how many bytes.
        fingerprints: Of its model.
    """

    key: CheckpointKey
    state: int
    lineage: Lineage | None = None
    problem: str = ""
    size_bytes: int = 0
    file_bytes: int | None = None
    draws: Mapping[CheckpointKey, int] = field(default_factory=dict)
    fingerprints: Fingerprints | None = None

    @property
    def is_live(self) -> bool:
        """Whether it can be seen, and read."""
        return self.state == FILE and not self.problem


def row_of_pack(pack: Pack) -> Row:
    """What a live checkpoint's file says."""
    manifest = pack.manifest
    key = manifest.lineage.key
    draws = dict.fromkeys((key, *manifest.owners), 0)
    for entry in {entry.digest: entry for entry in manifest.tensors.values()}.values():
        draws[entry.owner] += entry.size_bytes
    return Row(
        key,
        FILE,
        manifest.lineage,
        size_bytes=min(_MOST_BYTES, sum(entry.size_bytes for entry in manifest.tensors.values())),
        file_bytes=pack.size,
        draws={owner: min(_MOST_BYTES, size_bytes) for owner, size_bytes in draws.items()},
        fingerprints=manifest.fingerprints,
    )


def row_of_tombstone(stone: Tombstone, state: int, *, file_bytes: int | None) -> Row:
    """What a tombstone says, and the length of the file that may still lie there, if it was not known."""
    return Row(stone.key, state, stone.lineage, file_bytes=file_bytes)


def damaged_row(key: CheckpointKey, state: int, error: HeredityError) -> Row:
    """What there is to keep where a file cannot be read."""
    return Row(key, state, problem=json.dumps([type(error).__name__, error.message, error.hint]))


def error_of_problem(problem: str) -> HeredityError:
    """The error that reading it has raised."""
    kind, message, hint = loads(problem)
    return _KINDS.get(kind, CorruptCheckpoint)(message, hint=hint)


def loads(text: str) -> Any:  # noqa: ANN401  # Any: JSON that we have written
    """Decode what this room has encoded.

    Raises:
        sqlite3.DatabaseError: It is not what was written.
    """
    try:
        return json.loads(text)
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError(f"a value is damaged ({error})") from error


def lineage_of(values: Sequence[Any]) -> Lineage:  # Any: columns
    """The small facts, from the columns `LINEAGE`."""
    key, nonce, parents, score, created, metadata = values
    return Lineage(
        key=key,
        nonce=nonce,
        parents=tuple(parents.split()),
        score=score,
        created=_EPOCH + timedelta(microseconds=created),
        metadata={} if metadata == "{}" else loads(metadata),
    )


def microseconds(moment: datetime) -> int:
    """A time as a number that sorts as it does."""
    return (moment - _EPOCH) // _MICROSECOND


def facts(key: CheckpointKey, metadata: Mapping[str, Json], prints: Sequence[int]) -> Iterator[int]:
    """The numbers by which a checkpoint is looked for."""
    yield from map(fact_of_prefix, prefixes(key))
    for name, value in metadata.items():
        if value is None or isinstance(value, bool | int | float | str):
            yield fact_of_entry(name, value)
    if prints:
        yield fact_of_outline(prints[0])
        yield from prints[1:]


def prefixes(key: str) -> list[str]:
    """The beginnings of a key that end with a slash, from the empty one on."""
    return ["", *(key[: i + 1] for i, char in enumerate(key) if char == "/")]


def fact_of_prefix(prefix: str) -> int:
    """That a key begins so; only with one of its `prefixes`."""
    return _hash([prefix])


def fact_of_entry(name: str, value: Json) -> int:
    """That the metadata say so. Numbers are equal or not whatever their type is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _hash([name, value])


def fact_of_outline(outline: int) -> int:
    """That a model has this outline."""
    return _hash([outline, "outline", ""])


def _hash(value: Json) -> int:
    return int.from_bytes(hashlib.blake2b(encode(value), digest_size=8).digest(), "little", signed=True)


def prints_of(fingerprints: Fingerprints | None) -> array[int]:
    """The outline and the layers, each once, as numbers that SQLite can hold; empty where there are none."""
    names = () if fingerprints is None else (fingerprints.outline, *dict.fromkeys(fingerprints.layers))
    return array("q", (int.from_bytes(bytes.fromhex(name), "big", signed=True) for name in names))


def prints_of_blob(blob: bytes | None) -> array[int]:
    """The same, from the column."""
    found = array("q")
    found.frombytes(blob or b"")
    return found
