"""Lineage: the small facts about a checkpoint, which may outlive its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from heredity.encoding import Json
from heredity.ids import CheckpointKey
from heredity.store.files.fields import Fields


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
        return cls(
            key=key,
            nonce=fields.take("nonce", str),
            parents=tuple(fields.key(text) for text in fields.take("parents", list)),
            score=fields.number("score"),
            created=fields.moment("created"),
            metadata=fields.take("metadata", dict),
        )
