"""Dropping a checkpoint: a tombstone beside its file, put once. What it frees, a collection frees later."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from heredity.errors import InputError
from heredity.store.files.layout import tombstone_name_of
from heredity.store.files.small import put_small
from heredity.store.files.tombstone import Tombstone

if TYPE_CHECKING:
    from datetime import datetime

    from heredity.ids import CheckpointKey
    from heredity.store.files.lineage import Lineage
    from heredity.store.files.reader import Reader
    from heredity.store.refs import Refs

_MOST_REASON_CHARACTERS = 1000


def lineage_to_bury(reader: Reader, refs: Refs, key: CheckpointKey) -> Lineage:
    """The lineage of a checkpoint that can be dropped.

    Raises:
        CheckpointNotFound: There is none, or it was dropped already.
        InputError: A ref points to it.
    """
    found = reader.pack(key)
    if found is None or reader.is_dropped(key):
        raise reader.absent(key)
    names = refs.pointing_to(key)
    if names:
        raise InputError(
            f"Checkpoint {key!r} is not dropped: the ref {names[0]!r} points to it.",
            hint="Move the ref first, or delete it: store.refs.delete(), or heredity refs … --delete.",
        )
    return found.manifest.lineage


def put_tombstone(
    reader: Reader, key: CheckpointKey, *, lineage: Lineage | None, reason: str, dropped_at: datetime
) -> None:
    """Take a key away for ever; if two do so, the first one's reason stays.

    Raises:
        InputError: The reason is no short text.
    """
    if len(reason) > _MOST_REASON_CHARACTERS:
        raise InputError(
            f"Checkpoint {key!r}: the reason for dropping it has {len(reason)} characters; "
            f"expected at most {_MOST_REASON_CHARACTERS}."
        )
    stone = Tombstone(
        key=key, nonce=secrets.token_hex(16), dropped_at=dropped_at, reason=reason, lineage=lineage
    )
    put_small(reader.backend, tombstone_name_of(key), stone.to_json())
