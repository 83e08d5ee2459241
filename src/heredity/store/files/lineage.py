"""Lineage: the small facts about a checkpoint, which may outlive its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from heredity.encoding import Json
from heredity.ids import CheckpointKey
from heredity.store.files.fields import Fields

# Deeper values could be read, but not copied: Python's own limit is near 300 there.
MAX_NESTING = 100


@dataclass(frozen=True, slots=True)
class Lineage:
    """The small facts about a checkpoint: who it is, whence, how good.

    Args:
        key: Its name.
        nonce: A random number of the save that made it: a writer knows its own file by it.
        parents: Names of the checkpoints it inherited from.
        score: How good it is, if its writer said so.
        created: When it was saved, by the writer's clock, in UTC.
        metadata: Whatever its writer wanted to keep with it.
    """

    key: CheckpointKey
    nonce: str
    parents: tuple[CheckpointKey, ...]
    score: float | None
    created: datetime
    metadata: Mapping[str, Json]

    def to_fields(self) -> dict[str, Json]:
        """As JSON can carry it, in the order of the file."""
        return {
            "key": self.key,
            "nonce": self.nonce,
            "parents": self.parents,
            "score": self.score,
            "created": self.created.isoformat(timespec="microseconds"),
            "metadata": dict(self.metadata),
        }

    @classmethod
    def from_fields(cls, fields: Fields, *, key: CheckpointKey) -> Lineage:
        """Decode and check.

        Raises:
            CorruptCheckpoint: A field is missing or impossible.
        """
        metadata = fields.take("metadata", dict)
        if is_nested_too_deeply(metadata):
            raise fields.corrupt(f"has metadata that are nested more than {MAX_NESTING} deep")
        return cls(
            key=key,
            nonce=fields.take("nonce", str),
            parents=tuple(fields.key(text) for text in fields.take("parents", list)),
            score=fields.number("score"),
            created=fields.moment("created"),
            metadata=metadata,
        )


def is_nested_too_deeply(metadata: Json) -> bool:
    """Whether metadata have more levels than a checkpoint may carry."""
    level: list[Json] = [metadata]
    for _ in range(MAX_NESTING):
        level = [part for value in level for part in _parts(value)]
    return bool(level)


def _parts(value: Json) -> Iterable[Json]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
