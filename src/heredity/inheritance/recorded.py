"""What a child's checkpoint keeps of its inheritance, among its metadata."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.encoding import decode, encode
from heredity.errors import CorruptCheckpoint, InputError
from heredity.transfer import TransferPlan, plan_from_json

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.inheritance.result import Inheritance
    from heredity.store import Checkpoint

ENTRY = "inheritance"
"""The entry of the metadata."""

MOST_PLAN_BYTES = 64_000
"""A longer plan is left out: metadata are read whenever a store is listed. 500 tensors take 7,000 bytes."""

_MOST_JSON_BYTES = 1 << 28
"""A plan that would unpack to more than this is none of ours."""


@dataclass(frozen=True, slots=True)
class RecordedInheritance:
    """What a checkpoint says of how it began.

    Attributes:
        summary: As `Inheritance.summary` gives it.
        store_id: The store that the parent lies in.
        plan: What was carried out; None if it was too long to be kept.
    """

    summary: Mapping[str, Json]
    store_id: str
    plan: TransferPlan | None


def entry_of(inheritance: Inheritance) -> dict[str, Json]:
    """What goes into the metadata: the summary, and the plan as compressed JSON where it is short enough."""
    packed = base64.b64encode(zlib.compress(encode(inheritance.plan.to_json()), 9)).decode()
    is_kept = len(packed) <= MOST_PLAN_BYTES
    kept: dict[str, Json] = {"plan": packed} if is_kept else {"plan_bytes_left_out": len(packed)}
    return {**inheritance.summary(), "store": inheritance.parent.store_id, **kept}


def recorded_inheritance(checkpoint: Checkpoint) -> RecordedInheritance | None:
    """Read how a checkpoint began; None where it does not say.

    Raises:
        CorruptData: What it says is damaged.
        UnsupportedFormat: A newer version wrote the plan.
    """
    entry = checkpoint.metadata.get(ENTRY)
    if not isinstance(entry, Mapping) or "store" not in entry:
        return None
    packed = entry.get("plan")
    summary = {name: value for name, value in entry.items() if name not in {"plan", "store"}}
    plan = None if packed is None else _plan(packed, key=checkpoint.key)
    return RecordedInheritance(summary, str(entry["store"]), plan)


def with_entry(metadata: Mapping[str, Json] | None, inheritance: Inheritance) -> dict[str, Json]:
    """Metadata with the inheritance among them.

    Raises:
        InputError: They have such an entry already.
    """
    if metadata and ENTRY in metadata:
        raise InputError(f"metadata: the entry {ENTRY!r} is for what `inherited` says.", hint="Rename yours.")
    return {**(metadata or {}), ENTRY: entry_of(inheritance)}


def _plan(packed: Json, *, key: str) -> TransferPlan:
    try:
        # No more than so many bytes: what is cut off is no JSON.
        data = zlib.decompressobj().decompress(base64.b64decode(str(packed), validate=True), _MOST_JSON_BYTES)
        value = decode(data)
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        raise CorruptCheckpoint(f"Checkpoint {key!r}: its plan cannot be read ({error}).") from error
    return plan_from_json(value)
