"""Reading checkpoints: each header once, each tensor from its owner's file and checked against its digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from heredity.errors import CorruptCheckpoint
from heredity.ids import CheckpointKey, Digest
from heredity.store.files.layout import CHECKPOINTS, key_of, name_of
from heredity.store.files.pack import Pack, read_pack
from heredity.store.files.recent import Recent
from heredity.store.tensors import TensorData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heredity.store.backends.base import Backend, Blob
    from heredity.store.files.manifest import Lineage, TensorEntry

Verify = Literal["first", "always", "never"]

# A parsed header of 200 tensors takes about 100 kB.
_HEADERS = 1024
_VERIFIED = 1 << 18


@dataclass(frozen=True, slots=True)
class Foreign:
    """A file where only checkpoints belong, which is none."""

    name: str


class Reader:
    """Reads one store. Files never change, so that what has been parsed or verified stays so."""

    def __init__(self, backend: Backend, *, store_id: str, verify: Verify) -> None:
        self.backend = backend
        self.store_id = store_id
        self.verify: Verify = verify
        self._packs: Recent[CheckpointKey, Pack] = Recent(_HEADERS)
        # Small, and asked for whenever lineage is walked; all of them are kept.
        self._lineages: dict[CheckpointKey, Lineage] = {}
        self._verified: Recent[tuple[CheckpointKey, Digest], Digest] = Recent(_VERIFIED)

    def __reduce__(self) -> tuple[object, ...]:
        # Only the place travels to another process; what has been read is read again.
        return _reader, (self.backend, self.store_id, self.verify)

    def has(self, key: CheckpointKey) -> bool:
        """Whether the checkpoint is there now, by the newest look that the place allows."""
        return self.backend.exists(name_of(key))

    def all_keys(self) -> list[CheckpointKey]:
        """All keys, in no particular order. Other files are left out; `foreign` names them."""
        return [key for key in map(key_of, self.backend.names(CHECKPOINTS)) if key is not None]

    def foreign(self) -> list[Foreign]:
        """Files that lie where only checkpoints belong."""
        return [Foreign(name) for name in self.backend.names(CHECKPOINTS) if key_of(name) is None]

    def pack(self, key: CheckpointKey) -> Pack | None:
        """Parsed header of a checkpoint's file; ``None`` where there is no such file."""
        known = self._packs.get(key)
        if known is not None:
            return known
        blob = self.backend.open(name_of(key))
        if blob is None:
            return None
        with blob:
            return self._parse(blob, key=key)

    def lineage(self, key: CheckpointKey) -> Lineage | None:
        """The small facts about a checkpoint; ``None`` where there is no such checkpoint."""
        if key not in self._lineages:
            self.pack(key)
        return self._lineages.get(key)

    def _parse(self, blob: Blob, *, key: CheckpointKey) -> Pack:
        pack = read_pack(blob, key=key)
        self._packs.put(key, pack)
        self._lineages[key] = pack.manifest.lineage
        return pack

    def read(self, key: CheckpointKey, entries: Mapping[str, TensorEntry]) -> dict[str, TensorData]:
        """Read tensors of a checkpoint, opening each owner's file once.

        Each name gets memory of its own, also where two names have the same content: writing to one
        never changes the other.

        Raises:
            CorruptCheckpoint: A tensor is not what its digest says, or an owner's file is missing or damaged.
        """
        by_owner: dict[CheckpointKey, dict[str, TensorEntry]] = {}
        for name, entry in entries.items():
            by_owner.setdefault(entry.owner, {})[name] = entry
        found: dict[str, TensorData] = {}
        for owner, wanted in by_owner.items():
            found.update(self._read_from(owner, wanted, key=key))
        return {name: found[name] for name in entries}

    def _read_from(
        self, owner: CheckpointKey, wanted: Mapping[str, TensorEntry], *, key: CheckpointKey
    ) -> Iterator[tuple[str, TensorData]]:
        first_name: dict[Digest, str] = {}
        for name, entry in wanted.items():
            first_name.setdefault(entry.digest, name)
        tensors = dict(zip(first_name, self._tensors(owner, list(first_name), key=key), strict=True))
        for name, entry in wanted.items():
            tensor = tensors[entry.digest]
            if (tensor.dtype, tensor.shape) != (entry.dtype, entry.shape):
                raise _corrupt(key, name, owner, f"is a {tensor.dtype} of {tensor.shape} there")
            self._check(tensor, entry.digest, key=key, name=name, owner=owner)
            is_first = first_name[entry.digest] == name
            yield name, tensor if is_first else TensorData(tensor.dtype, tensor.shape, bytearray(tensor.data))

    def _tensors(
        self, owner: CheckpointKey, digests: list[Digest], *, key: CheckpointKey
    ) -> list[TensorData]:
        blob = self.backend.open(name_of(owner))
        if blob is None:
            raise _corrupt(key, digests[0], owner, "is missing: that file is gone")
        with blob:
            pack = self._packs.get(owner) or self._parse(blob, key=owner)
            absent = [digest for digest in digests if digest not in pack.slots]
            if absent:
                raise _corrupt(key, absent[0], owner, "is not in that file")
            if blob.size != pack.size:
                # Mapping the pages behind the end of a file would kill the process when they are touched.
                raise _corrupt(
                    key, digests[0], owner, f"cannot be read: {blob.size} bytes of {pack.size} are left"
                )
            slots = [pack.slots[digest] for digest in digests]
            views = blob.read_ranges([(slot.start, slot.stop) for slot in slots])
        return [TensorData(slot.dtype, slot.shape, view) for slot, view in zip(slots, views, strict=True)]

    def _check(
        self, tensor: TensorData, expected: Digest, *, key: CheckpointKey, name: str, owner: CheckpointKey
    ) -> None:
        known = self.verify == "never" or (self.verify == "first" and self._verified.get((owner, expected)))
        if known:
            return
        got = tensor.digest()
        if got != expected:
            raise _corrupt(key, name, owner, f"has digest {got}; expected {expected}")
        self._verified.put((owner, expected), got)


def _reader(backend: Backend, store_id: str, verify: Verify) -> Reader:
    return Reader(backend, store_id=store_id, verify=verify)


def _corrupt(key: CheckpointKey, tensor: str, owner: CheckpointKey, what: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"Checkpoint {key!r}: tensor {tensor!r}, which lies in the file of {owner!r}, {what}.",
        hint="Restore that file from a copy, or train again; store.verify() lists all damage.",
    )
