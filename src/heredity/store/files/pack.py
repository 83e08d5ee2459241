"""One save's file: the manifest in the header's metadata, then the new tensors, named by their digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from heredity.errors import CorruptCheckpoint
from heredity.store.files.manifest import Manifest
from heredity.store.files.safetensors_format import Slot, encode_header, read_header

if TYPE_CHECKING:
    from heredity.ids import CheckpointKey, Digest
    from heredity.store.backends.base import Blob
    from heredity.store.tensors import TensorData

MANIFEST = "heredity"


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
    header = read_header(blob, corrupt=partial(_corrupt, key))
    text = header.metadata.get(MANIFEST)
    if text is None:
        raise _corrupt(key, "it holds no manifest")
    manifest = Manifest.from_json(text, key=key)
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
