"""What a checkpoint's metadata say of how it began, read without torch."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping

from heredity.encoding import Json, decode
from heredity.errors import CorruptCheckpoint

# As heredity.inheritance.recorded writes it, which cannot be loaded without torch.
_ENTRY, _PLAN = "inheritance", "plan"
_MOST_JSON_BYTES = 1 << 28

_ENTRIES = {"mean": -3, "zero": -2, "fresh": -1}
"""Entries of an axis that come from no single entry of the parent, as in heredity.transfer.plans.plan."""


def entry_of(metadata: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """What was recorded; None where the checkpoint does not say."""
    entry = metadata.get(_ENTRY)
    return entry if isinstance(entry, Mapping) and "store" in entry else None


def without_plan(metadata: Mapping[str, Json]) -> dict[str, Json]:
    """Metadata in which the packed plan, which nobody can read, is left out."""
    entry = entry_of(metadata)
    if entry is None:
        return dict(metadata)
    return {**metadata, _ENTRY: {name: value for name, value in entry.items() if name != _PLAN}}


def recorded_plan(metadata: Mapping[str, Json], *, key: str) -> Json:
    """The plan as JSON; None where none was recorded.

    Raises:
        CorruptCheckpoint: It cannot be unpacked.
    """
    entry = entry_of(metadata)
    if entry is None or _PLAN not in entry:
        return None
    try:
        packed = base64.b64decode(str(entry[_PLAN]), validate=True)
        return decode(zlib.decompressobj().decompress(packed, _MOST_JSON_BYTES))
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        raise CorruptCheckpoint(f"Checkpoint {key!r}: its plan cannot be read ({error}).") from error


def plan_rows(plan: Json) -> Iterator[tuple[str, str, str, str, str]]:
    """Of each tensor: its name, the verdict, where it comes from, how, and the reason."""
    match plan:
        case {"steps": [*steps], "certificate": {"tensors": {**verdicts}}}:
            for step in steps:
                if isinstance(step, Mapping):
                    tensor = str(step.get("tensor"))
                    verdict, reason = _verdict(verdicts, tensor)
                    yield tensor, verdict, str(step.get("source", "")), _how(step), reason


def _verdict(verdicts: Mapping[object, object], tensor: str) -> tuple[str, str]:
    match verdicts.get(tensor):
        case [str(verdict), str(reason)]:
            return verdict, reason
    return "", ""


def _how(step: Mapping[str, Json]) -> str:
    """Such as ``gather [16 of 16, 8 fresh] [:]``: the words of `Step`, without what only torch can read."""
    axes, sizes, value = step.get("axes"), step.get("source_shape"), step.get("value", 0)
    if step.get("how") == "fill" and isinstance(value, int | float):
        return f"all {value:g}"
    if not isinstance(axes, list) or not isinstance(sizes, list):
        return str(step.get("how"))
    return " ".join([str(step.get("how")), *(_axis(*pair) for pair in zip(axes, sizes, strict=False))])


def _axis(axis: Json, size: Json) -> str:
    match axis:
        case {"sources": [[0, count, 1]], **rest} if count == size and "scales" not in rest:
            return "[:]"
        case {"sources": [*runs], **rest}:
            counts = [run for run in runs if isinstance(run, list) and len(run) == 3]
            taken = sum(n for first, n, _ in counts if isinstance(first, int) and first >= 0)
            parts = [f"{taken} of {size}"]
            for word, entry in _ENTRIES.items():
                count = sum(n for first, n, _ in counts if first == entry)
                parts += [f"{count} {word}"] if count else []
            return f"[{', '.join(parts)}{', scaled' if 'scales' in rest else ''}]"
    return "[?]"
