"""Tombstone: the small file that says that a checkpoint was dropped, or will never come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from heredity.encoding import encode
from heredity.errors import CheckpointDropped
from heredity.ids import CheckpointKey
from heredity.store.files.fields import Fields
from heredity.store.files.lineage import Lineage

TOMBSTONE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Why a key leads nowhere any more.

    Args:
        key: The checkpoint's name; never used again.
        nonce: A random number of the call that made it.
        dropped_at: When, by the clock of whoever did it, in UTC.
        reason: Why, in a few words; may be empty.
        lineage: The small facts about the checkpoint, which outlive its weights; ``None`` if it never was.
    """

    key: CheckpointKey
    nonce: str
    dropped_at: datetime
    reason: str
    lineage: Lineage | None

    def error(self, *, where: str) -> CheckpointDropped:
        """What to raise for whoever asks for the checkpoint."""
        when = self.dropped_at.isoformat(timespec="seconds")
        reason = f": {self.reason}" if self.reason else ""
        if self.lineage is None:
            return CheckpointDropped(
                f"Checkpoint {self.key!r} will never come to {where}; it was given up at {when}{reason}.",
                hint="Its writer has failed; save again under another name.",
            )
        return CheckpointDropped(
            f"Checkpoint {self.key!r} was dropped from {where} at {when}{reason}.",
            hint="A dropped name is never used again; its weights may be gone for good.",
        )

    def to_json(self) -> bytes:
        """Encode."""
        return encode(
            {
                "version": TOMBSTONE_VERSION,
                "key": self.key,
                "nonce": self.nonce,
                "dropped_at": self.dropped_at.isoformat(timespec="microseconds"),
                "reason": self.reason,
                "lineage": None if self.lineage is None else self.lineage.to_fields(),
            }
        )

    @classmethod
    def from_json(cls, data: bytes, *, key: CheckpointKey) -> Tombstone:
        """Decode and check. Fields it does not know are left out.

        Raises:
            CorruptCheckpoint: It is damaged, or belongs to another checkpoint.
            UnsupportedFormat: A newer version of this package wrote it.
        """
        fields = Fields(data, key=key, what="tombstone")
        fields.check_version(TOMBSTONE_VERSION)
        if fields.take("key", str) != key:
            raise fields.corrupt(f"is that of {fields.take('key', str)!r}")
        lineage = fields.optional("lineage", dict)
        return cls(
            key=key,
            nonce=fields.take("nonce", str),
            dropped_at=fields.moment("dropped_at"),
            reason=fields.take("reason", str),
            lineage=None if lineage is None else Lineage.from_fields(fields.inside("lineage"), key=key),
        )
