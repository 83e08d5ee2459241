"""The safetensors format, plain: 8 bytes of length, a JSON header, then the tensors without a hole.

Written and read by ourselves. The format is two rules long, and the functions of the package safetensors fit
neither side: its writer takes addresses instead of buffers (0.8), makes files of mode 0600, and never syncs;
its reader raises one untyped error for all damage. Tests read our files with it and give it ours.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from heredity.encoding import Json, decode, encode, encode_table
from heredity.errors import CorruptData, InputError
from heredity.store.tensors import DTYPE_BITS, size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from heredity.store.backends.base import Blob

METADATA = "__metadata__"
# The limit of the safetensors library, beyond which it refuses a file.
MAX_HEADER_BYTES = 100_000_000
# Enough for a few hundred tensors in one read; over a network a second read is a second round trip.
FIRST_READ_BYTES = 1 << 16

Name = TypeVar("Name", bound=str)
_ONLY_INT = {int}


class Form(Protocol):
    """What a header says of a tensor: its dtype, its shape, and so its size."""

    @property
    def dtype(self) -> str:
        """A name of the format, such as ``"F32"``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes."""

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes."""


# A tuple, since a header makes hundreds of them: a frozen dataclass takes three times as long to make.
class Slot(NamedTuple):
    """Where a tensor lies in a file: from byte `start` up to `stop`."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Header:
    """A checked header.

    Args:
        metadata: Texts by name.
        slots: The tensors by name, as the header lists them; they fill the file from the header to its end.
        size: The length the file must have.
    """

    metadata: Mapping[str, str]
    slots: Mapping[str, Slot]
    size: int


def encode_header(
    metadata: Mapping[str, str], tensors: Mapping[Name, Form], *, where: str
) -> tuple[bytes, list[Name]]:
    """Encode a file's beginning; the tensors' bytes follow it in the order returned.

    Raises:
        InputError: The header of `where` is longer than the format allows.
    """
    # Widest first, as in the library: each tensor is then aligned to its own elements when mapped.
    order = sorted(sorted(tensors), key=lambda name: -DTYPE_BITS[tensors[name].dtype])
    rows: dict[str, str] = {METADATA: encode_table(dict(metadata)).decode("utf-8")} if metadata else {}
    start = 0
    for name in order:
        form = tensors[name]
        stop = start + form.size_bytes
        rows[name] = f'{{"data_offsets":[{start},{stop}],{_form_text(form.dtype, form.shape)}}}'
        start = stop
    text = _object_text(rows).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_BYTES:
        raise InputError(
            f"{where}: its header takes {len(text)} bytes, "
            f"more than the {MAX_HEADER_BYTES} that the file format allows.",
            hint="Keep less in its metadata; large values belong into a tensor.",
        )
    return len(text).to_bytes(8, "little") + text, order


# A text of ours, row by row: the encoder of JSON takes three times as long for what is always alike.
def _object_text(rows: Mapping[str, str]) -> str:
    """As `encode` would write an object whose values it has written."""
    return "{" + ",".join([f"{encode_basestring(name)}:{rows[name]}" for name in sorted(rows)]) + "}"


@lru_cache(maxsize=4096)
def _form_text(dtype: str, shape: tuple[int, ...]) -> str:
    return f'"dtype":"{dtype}","shape":[{",".join(map(str, shape))}]'


def read_header(blob: Blob, *, corrupt: Callable[[str], CorruptData]) -> Header:
    """Read and check the header of a file; no tensor is read.

    Args:
        blob: The file.
        corrupt: Makes the error for a file of which the given text tells what is wrong.

    Raises:
        CorruptData: The file is truncated or damaged, or its parts contradict one another.
    """
    return parse_header(read_text(blob, corrupt=corrupt), size=blob.size, corrupt=corrupt)


def read_text(blob: Blob, *, corrupt: Callable[[str], CorruptData]) -> bytes:
    """Read the JSON of a file's header, as it is.

    Raises:
        CorruptData: The file is too short for it, or it is longer than the format allows.
    """
    first = blob.read(0, min(blob.size, FIRST_READ_BYTES))
    length = int.from_bytes(first[:8], "little")
    if len(first) < 8 or length > min(MAX_HEADER_BYTES, blob.size - 8):
        raise corrupt(f"a header of {length} bytes does not fit into a file of {blob.size}")
    text = first[8 : 8 + length]
    if len(text) < length:
        text += blob.read(len(first), 8 + length)
    return text


def parse_header(text: bytes, *, size: int, corrupt: Callable[[str], CorruptData]) -> Header:
    """Check the JSON of the header of a file of this size.

    Raises:
        CorruptData: It is no header, or not of a file of this size.
    """
    base = 8 + len(text)
    try:
        rows = decode_object(text)
    except ValueError as error:
        raise corrupt(f"its header {error}") from error
    metadata = _metadata(rows.pop(METADATA, None), corrupt=corrupt)
    slots = _slots(rows, base=base, corrupt=corrupt)
    _check_extent(slots, start=base, size=size, corrupt=corrupt)
    return Header(metadata, MappingProxyType(slots), size)


def decode_object(text: bytes) -> dict[str, Json]:
    """Decode a JSON object, whose texts can all be written again.

    Raises:
        ValueError: It is something else; the message goes on after the name of what was decoded.
    """
    try:
        value = decode(text)
        # Half a surrogate pair is JSON, if escaped, but neither UTF-8 nor anything that can be printed.
        if rb"\ud" in text or rb"\uD" in text:
            encode(value)
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004  # the data is wrong, not the call
    return value


def size_of_form(dtype: object, shape: object) -> int | None:
    """Bytes that a tensor takes whose dtype and shape come from JSON; ``None`` where there is none such."""
    # To Python true is 1, in lists too.
    if type(dtype) is not str or type(shape) is not list or (shape and {*map(type, shape)} != _ONLY_INT):
        return None
    return size_of(dtype, tuple(shape))


def _metadata(value: Json, *, corrupt: Callable[[str], CorruptData]) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise corrupt(f"its metadata holds something else than texts: {reprlib.repr(value)}")
    return value


def _slots(rows: Mapping[str, Json], *, base: int, corrupt: Callable[[str], CorruptData]) -> dict[str, Slot]:
    slots = {}
    for name, row in rows.items():
        slot = _slot(row, base=base)
        if slot is None:
            raise corrupt(f"tensor {name[:80]!r} has an impossible entry {reprlib.repr(row)}")
        slots[name] = slot
    return slots


def _slot(row: Any, *, base: int) -> Slot | None:  # noqa: ANN401  # Any: JSON, in which anything may lie
    # Tried rather than matched by a pattern, which takes three times as long.
    try:
        dtype, shape, (start, stop) = row["dtype"], row["shape"], row["data_offsets"]
    except (KeyError, TypeError, ValueError):
        return None
    if type(start) is not int or type(stop) is not int or start < 0:
        return None
    if size_of_form(dtype, shape) != stop - start:
        return None
    return Slot(dtype, tuple(shape), base + start, base + stop)


def _check_extent(
    slots: Mapping[str, Slot], *, start: int, size: int, corrupt: Callable[[str], CorruptData]
) -> None:
    """The tensors fill the file from the header to its end: no hole, no overlap, nothing cut off."""
    for slot in sorted(slots.values(), key=attrgetter("start", "stop")):
        if slot.start != start:
            name = next(name for name, other in slots.items() if other is slot)
            raise corrupt(f"tensor {name[:80]!r} begins at byte {slot.start}; expected {start}")
        start = slot.stop
    if start != size:
        raise corrupt(f"its tensors end at byte {start}, but the file has {size}")
