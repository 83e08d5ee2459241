"""Canonical JSON: the same value always gives the same bytes, so that it can be hashed and compared."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A value that JSON can carry without loss: numbers are finite, keys are strings."""


_CONTAINERS = (dict, list, tuple)


def encode(value: object) -> bytes:
    """Encode a value: keys sorted, no blanks, UTF-8, finite numbers only.

    Raises:
        TypeError: A part of the value has no JSON form, or a key is no text (a tuple becomes a list).
        ValueError: A number is NaN or infinite, a text has no UTF-8 form, or the value is nested without end.
    """
    try:
        encoded = _encode(value)  # first: it names a value that contains itself
        _check_keys(value)
    except RecursionError as error:
        raise ValueError("nested too deeply for JSON") from error
    return encoded


def encode_table(value: Mapping[str, object]) -> bytes:
    """Encode what we have made ourselves, with texts as keys at every depth: `encode` without that check.

    Of a table of hundreds of rows the check takes longer than the encoding.
    """
    return _encode(value)


def _encode(value: object) -> bytes:
    return _ENCODER.encode(value).encode("utf-8")


def decode(data: bytes | bytearray | memoryview) -> Json:
    """Decode what `encode` wrote; stricter than ``json.loads``.

    Raises:
        ValueError: The bytes are not UTF-8 or not JSON, a key stands twice, a number is not finite, or it is
            nested too deeply.
    """
    text = bytes(data).decode("utf-8")
    try:
        value, end = _SCAN(text, 0)  # what `_DECODER.decode` does around it takes as long as this does
    except StopIteration:
        value, end = None, -1
    except RecursionError as error:
        raise ValueError("nested too deeply for JSON") from error
    if end != len(text) and text[end:] != "\n":
        return _decode_with_blanks(text)
    return value


def _decode_with_blanks(text: str) -> Json:
    """The slow way, with blanks around it: it says what is wrong, and where."""
    try:
        value: Json = _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply for JSON") from error
    return value


def _check_keys(value: object) -> None:
    """json.dumps would turn 1 and True into the texts "1" and "true", silently."""
    # What json has encoded is one of these; long tables are mostly texts and numbers, which need no call.
    if isinstance(value, dict):
        for key, part in value.items():
            if not isinstance(key, str):
                raise TypeError(f"expected a text as key, got {key!r}")
            if isinstance(part, _CONTAINERS):
                _check_keys(part)
    elif isinstance(value, _CONTAINERS):
        for part in value:
            if isinstance(part, _CONTAINERS):
                _check_keys(part)


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is beyond the range of floating-point numbers")
    return value


def _object_of_pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one JSON object")
    return result


def _refuse_constant(text: str) -> Json:
    raise ValueError(f"{text} is no JSON number")


# Made once: to make them takes as long as to write or read a line of a journal with them.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of_pairs, parse_constant=_refuse_constant, parse_float=_finite_float
)
_SCAN: Callable[[str, int], tuple[Json, int]] = _DECODER.scan_once  # type: ignore[attr-defined]  # public
