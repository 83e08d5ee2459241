"""A stored JSON object, taken apart with a reason for every refusal."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from heredity.encoding import Json
from heredity.errors import CorruptCheckpoint, InvalidName, UnsupportedFormat
from heredity.ids import CheckpointKey, parse_checkpoint_key
from heredity.store.files.safetensors_format import decode_object

T = TypeVar("T")


class Fields:
    """The fields of one object in the file of a checkpoint.

    Args:
        data: JSON, or an object that is decoded already.
        key: The checkpoint.
        what: What the object is, for messages.

    Raises:
        CorruptCheckpoint: It is no JSON object.
    """

    def __init__(self, data: str | bytes | Mapping[str, Json], *, key: CheckpointKey, what: str) -> None:
        self._key = key
        self._what = what
        self._value = data if isinstance(data, Mapping) else self._decode(data)

    def _decode(self, data: str | bytes) -> Mapping[str, Json]:
        try:
            return decode_object(data.encode("utf-8") if isinstance(data, str) else data)
        except (ValueError, RecursionError) as error:
            raise self.corrupt(str(error)) from error

    def corrupt(self, what: str) -> CorruptCheckpoint:
        """The error for an object that is not as it should be."""
        return CorruptCheckpoint(
            f"Checkpoint {self._key!r}: its {self._what} {what}.",
            hint="The file is damaged; restore it from a copy, or train this checkpoint again.",
        )

    def check_version(self, newest: int) -> None:
        """Refuse what a newer program wrote, and what no program did.

        Raises:
            UnsupportedFormat: The version is higher than `newest`.
            CorruptCheckpoint: There is no such version.
        """
        version = self.take("version", int)
        if version > newest:
            raise UnsupportedFormat(
                f"Checkpoint {self._key!r}: its {self._what} has version {version}; "
                f"this program reads version {newest}.",
                hint="Install a newer version of heredity.",
            )
        if version != newest:
            raise self.corrupt(f"has version {version}, which never was")

    def take(self, name: str, kind: type[T]) -> T:
        """A field that must be there, of this type."""
        value = self._value.get(name, self)  # a value that no JSON gives, for a field that is not there
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.corrupt(f"has no valid {name!r}")
        return value

    def optional(self, name: str, kind: type[T]) -> T | None:
        """A field of this type, or null, or absent."""
        return None if self._value.get(name) is None else self.take(name, kind)

    def inside(self, name: str) -> Fields:
        """The fields of an object in a field."""
        return Fields(self.take(name, dict), key=self._key, what=f"{self._what}'s {name}")

    def key(self, text: object) -> CheckpointKey:
        """A checkpoint's name."""
        try:
            return parse_checkpoint_key(text if isinstance(text, str) else "")
        except InvalidName as error:
            raise self.corrupt(f"names an impossible checkpoint {reprlib.repr(text)}") from error

    def number(self, name: str) -> float | None:
        """A finite number, or null."""
        value = self._value.get(name, self)
        if value is None:
            return None
        # A whole number too, since another writer may not write 1.0; and 1e999 is JSON, but infinite.
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not abs(value) <= sys.float_info.max
        ):
            raise self.corrupt(f"has no valid {name!r}")
        return float(value)

    def moment(self, name: str) -> datetime:
        """A time with its zone, in UTC."""
        text = self.take(name, str)
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.corrupt(f"has the time {text!r} as {name!r}, which is none") from error
        raise self.corrupt(f"has the time {text!r} as {name!r}, without a time zone")
