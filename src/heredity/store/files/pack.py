"""One save's file: the manifest in the header's metadata, then the new tensors, named by their digests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from heredity.errors import CorruptCheckpoint, InputError
from heredity.store.files.manifest import Manifest
from heredity.store.files.safetensors_format import Slot, encode_header, parse_header, read_text

if TYPE_CHECKING:
    from heredity.ids import CheckpointKey, Digest
    from heredity.store.backends.base import Blob
    from heredity.store.tensors import TensorData

MANIFEST = "heredity"
_BEGINNING = b'{"__metadata__":{"heredity":"'
_DECODER = json.JSONDecoder()


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
    metadata = {MANIFEST: manifest.to_json().decode("utf-8")}
    return encode_header(metadata, tensors, where=f"Checkpoint {manifest.lineage.key!r}")


def read_pack(blob: Blob, *, key: CheckpointKey) -> Pack:
    """Read and check the header of a checkpoint's file.

    Raises:
        CorruptCheckpoint: The file is truncated or damaged, or its parts contradict one another.
        UnsupportedFormat: A newer version of this package wrote it.
    """
    text = read_text(blob, corrupt=partial(_corrupt, key))
    return _as_written(text, size=blob.size, key=key) or _parsed(text, size=blob.size, key=key)


def _as_written(text: bytes, *, size: int, key: CheckpointKey) -> Pack | None:
    """The pack whose header is to the byte what we write for its manifest; ``None`` for any other header.

    Making the header anew and comparing takes half the time of parsing and checking its rows.
    """
    if not text.startswith(_BEGINNING):
        return None
    try:
        manifest_text, _ = _DECODER.raw_decode(text.decode("utf-8"), len(_BEGINNING) - 1)
    except ValueError:
        return None
    manifest = Manifest.from_json(manifest_text, key=key)
    own = {entry.digest: entry for entry in manifest.entries if entry.owner == key}
    try:
        expected, order = encode_header({MANIFEST: manifest_text}, own, where=f"Checkpoint {key!r}")
    except InputError:
        return None  # as we write it, it would be too long
    slots: dict[Digest, Slot] = {}
    start = len(expected)
    for digest in order:
        entry = own[digest]
        slots[digest] = Slot(entry.dtype, entry.shape, start, start + entry.size_bytes)
        start = slots[digest].stop
    if start != size or expected[8:] != text:
        return None
    return Pack(manifest=manifest, slots=MappingProxyType(slots), size=size)


def _parsed(text: bytes, *, size: int, key: CheckpointKey) -> Pack:
    """The pack of any header that is right, whoever wrote it."""
    header = parse_header(text, size=size, corrupt=partial(_corrupt, key))
    manifest_text = header.metadata.get(MANIFEST)
    if manifest_text is None:
        raise _corrupt(key, "it holds no manifest")
    manifest = Manifest.from_json(manifest_text, key=key)
    # Names of slots are compared with the manifest's, which are digests.
    slots: Mapping[Digest, Slot] = header.slots  # type: ignore[assignment]  # so they are too, from here on
    _check_agreement(manifest, slots)
    return Pack(manifest=manifest, slots=slots, size=header.size)


def _check_agreement(manifest: Manifest, slots: Mapping[Digest, Slot]) -> None:
    key = manifest.lineage.key
    own = {entry.digest: entry for entry in manifest.entries if entry.owner == key}
    if own.keys() != slots.keys():
        odd = sorted(own.keys() ^ slots.keys())
        raise _corrupt(key, f"manifest and file do not agree on which tensors lie here: {', '.join(odd[:3])}")
    for digest, entry in own.items():
        slot = slots[digest]
        if entry.dtype != slot.dtype or entry.shape != slot.shape:
            raise _corrupt(key, f"manifest and file do not agree on the shape of tensor {digest}")


def _corrupt(key: CheckpointKey, what: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"Checkpoint {key!r}: {what}.",
        hint="The file is damaged; restore it from a copy, or train this checkpoint again.",
    )
