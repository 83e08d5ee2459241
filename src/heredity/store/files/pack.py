"""One save's file in the safetensors format: a header with the manifest, then the new tensors.

Written and read by ourselves. The format is two rules long, and the functions of the package safetensors fit
neither side: its writer takes addresses instead of buffers (0.8), makes files of mode 0600, and never syncs;
its reader raises one untyped error for all damage. Tests read our files with it and give it ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from heredity.encoding import Json, decode, encode
from heredity.errors import CorruptCheckpoint, InputError
from heredity.ids import CheckpointKey, Digest
from heredity.store.files.manifest import Manifest
from heredity.store.tensors import DTYPE_BITS, size_of

if TYPE_CHECKING:
    from heredity.store.backends.base import Blob
    from heredity.store.tensors import TensorData

METADATA = "__metadata__"
MANIFEST = "heredity"
# The limit of the safetensors library, beyond which it refuses a file.
MAX_HEADER_BYTES = 100_000_000
# Enough for a few hundred tensors in one read; over a network a second read is a second round trip.
FIRST_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a tensor lies in a file: from byte `start` up to `stop`."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Pack:
    """A parsed header: the manifest, the tensors that lie in this file, and the length the file must have."""

    manifest: Manifest
    slots: Mapping[Digest, Slot]
    size: int


def write_header(manifest: Manifest, tensors: Mapping[Digest, TensorData]) -> tuple[bytes, list[Digest]]:
    """Encode a file's beginning; the tensors' bytes follow it in the order returned.

    Raises:
        InputError: The header is longer than the format allows.
    """
    # Widest first, as in the library: each tensor is then aligned to its own elements when mapped.
    order = sorted(tensors, key=lambda digest: (-DTYPE_BITS[tensors[digest].dtype], digest))
    entries: dict[str, object] = {METADATA: {MANIFEST: manifest.to_json().decode("utf-8")}}
    start = 0
    for digest in order:
        tensor = tensors[digest]
        stop = start + tensor.size_bytes
        entries[digest] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, stop]}
        start = stop
    text = encode(entries)
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_BYTES:
        raise InputError(
            f"Checkpoint {manifest.lineage.key!r}: its header takes {len(text)} bytes, "
            f"more than the {MAX_HEADER_BYTES} that the file format allows.",
            hint="Keep less in its metadata; large values belong into a tensor.",
        )
    return len(text).to_bytes(8, "little") + text, order


def read_pack(blob: Blob, *, key: CheckpointKey) -> Pack:
    """Read and check the header of a checkpoint's file.

    Raises:
        CorruptCheckpoint: The file is truncated or damaged, or its parts contradict one another.
        UnsupportedFormat: A newer version of this package wrote it.
    """
    first = blob.read(0, min(blob.size, FIRST_READ_BYTES))
    length = int.from_bytes(first[:8], "little")
    if len(first) < 8 or length > min(MAX_HEADER_BYTES, blob.size - 8):
        raise _corrupt(key, f"a header of {length} bytes does not fit into a file of {blob.size}")
    text = first[8 : 8 + length]
    if len(text) < length:
        text += blob.read(len(first), 8 + length)
    header = _decode_header(text, key=key)
    metadata = header.pop(METADATA, None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get(MANIFEST), str):
        raise _corrupt(key, "it holds no manifest")
    manifest = Manifest.from_json(str(metadata[MANIFEST]), key=key)
    slots = {Digest(name): _slot(name, entry, base=8 + length, key=key) for name, entry in header.items()}
    _check_extent(slots, start=8 + length, size=blob.size, key=key)
    _check_agreement(manifest, slots)
    return Pack(manifest=manifest, slots=MappingProxyType(slots), size=blob.size)


def _decode_header(text: bytes, *, key: CheckpointKey) -> dict[str, Json]:
    try:
        header = decode(text)
    except (ValueError, RecursionError) as error:
        raise _corrupt(key, f"its header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise _corrupt(key, "its header is not a JSON object")
    return header


def _slot(name: str, entry: Json, *, base: int, key: CheckpointKey) -> Slot:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(stop)]} if (
            all(type(length) is int for length in shape)
            and size_of(dtype, tuple(shape)) == stop - start
            and start >= 0
        ):
            return Slot(dtype, tuple(shape), base + start, base + stop)
    raise _corrupt(key, f"tensor {name[:80]!r} has an impossible entry {str(entry)[:120]}")


def _check_extent(slots: Mapping[Digest, Slot], *, start: int, size: int, key: CheckpointKey) -> None:
    """The tensors fill the file from the header to its end: no hole, no overlap, nothing cut off."""
    for digest, slot in sorted(slots.items(), key=lambda item: (item[1].start, item[1].stop)):
        if slot.start != start:
            raise _corrupt(key, f"tensor {digest} begins at byte {slot.start}; expected {start}")
        start = slot.stop
    if start != size:
        raise _corrupt(key, f"its tensors end at byte {start}, but the file has {size}")


def _check_agreement(manifest: Manifest, slots: Mapping[Digest, Slot]) -> None:
    key = manifest.lineage.key
    own = {entry.digest: entry for entry in manifest.entries if entry.owner == key}
    if own.keys() != slots.keys():
        odd = sorted(own.keys() ^ slots.keys())
        raise _corrupt(key, f"manifest and file do not agree on which tensors lie here: {', '.join(odd[:3])}")
    for digest, entry in own.items():
        if (entry.dtype, entry.shape) != (slots[digest].dtype, slots[digest].shape):
            raise _corrupt(key, f"manifest and file do not agree on the shape of tensor {digest}")


def _corrupt(key: CheckpointKey, what: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"Checkpoint {key!r}: {what}.",
        hint="The file is damaged; restore it from a copy, or train this checkpoint again.",
    )
