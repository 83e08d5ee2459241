"""Canonical JSON: the same value always gives the same bytes, so that it can be hashed and compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A value that JSON can carry without loss: numbers are finite, keys are strings."""


def encode(value: object) -> bytes:
    """Encode a value: keys sorted, no blanks, UTF-8, finite numbers only.

    Raises:
        TypeError: A part of the value has no JSON form (a tuple becomes a list).
        ValueError: A number is NaN or infinite, or the value contains itself.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def decode(data: bytes | bytearray | memoryview) -> Json:
    """Decode what `encode` wrote; stricter than ``json.loads``.

    Raises:
        ValueError: The bytes are not UTF-8 or not JSON, a key stands twice, or a number is not finite.
    """
    value: Json = json.loads(
        bytes(data).decode("utf-8"), object_pairs_hook=_object_of_pairs, parse_constant=_refuse_constant
    )
    return value


def _object_of_pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one JSON object")
    return result


def _refuse_constant(text: str) -> Json:
    raise ValueError(f"{text} is no JSON number")
