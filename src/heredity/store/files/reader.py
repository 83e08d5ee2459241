"""Reading checkpoints: each header once, each tensor from its owner's file and checked against its digest."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

from heredity.errors import CheckpointNotFound, CorruptCheckpoint
from heredity.ids import CheckpointKey, Digest
from heredity.store.files.layout import (
    CHECKPOINTS,
    key_of,
    key_of_tombstone,
    name_of,
    tombstone_name_of,
)
from heredity.store.files.pack import Pack, read_pack
from heredity.store.files.recent import Recent
from heredity.store.files.tombstone import Tombstone
from heredity.store.tensors import TensorData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heredity.store.backends.base import Backend, Blob
    from heredity.store.files.lineage import Lineage
    from heredity.store.files.manifest import TensorEntry

Verify = Literal["first", "always", "never"]

# A parsed header of 200 tensors takes about 100 kB.
_HEADERS = 1024
_VERIFIED = 1 << 18
_MOST_KEYS_COMPARED = 5000


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies among the checkpoints at one moment.

    Args:
        files: Keys whose file is there, dropped or not.
        dropped: Keys that have a tombstone, whether their file is still there or not.
        foreign: Names of files that are neither.
    """

    files: frozenset[CheckpointKey]
    dropped: frozenset[CheckpointKey]
    foreign: tuple[str, ...]

    @property
    def live(self) -> frozenset[CheckpointKey]:
        """The checkpoints that can be seen."""
        return self.files - self.dropped


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

    def has_file(self, key: CheckpointKey) -> bool:
        """Whether the checkpoint's file is there now, dropped or not, by the newest look that there is."""
        return self.backend.exists(name_of(key))

    def is_dropped(self, key: CheckpointKey) -> bool:
        """Whether the checkpoint has a tombstone now, by the newest look that there is."""
        return self.backend.exists(tombstone_name_of(key))

    def is_live(self, key: CheckpointKey) -> bool:
        """Whether the checkpoint can be seen now, by the newest look that there is."""
        return self.has_file(key) and not self.is_dropped(key)

    def listing(self) -> Listing:
        """Look at all that lies among the checkpoints."""
        files, dropped, foreign = set(), set(), []
        for name in self.backend.names(CHECKPOINTS):
            if (key := key_of(name)) is not None:
                files.add(key)
            elif (key := key_of_tombstone(name)) is not None:
                dropped.add(key)
            else:
                foreign.append(name)
        return Listing(frozenset(files), frozenset(dropped), tuple(foreign))

    def absent(self, key: CheckpointKey) -> CheckpointNotFound:
        """What to raise for a checkpoint that cannot be seen: whether it was dropped, or is not there."""
        stone = self.tombstone(key)
        if stone is not None:
            return stone.error(where=self.backend.url)
        keys = sorted(self.listing().live, key=lambda other: _common_length(key, other), reverse=True)
        near = difflib.get_close_matches(key, keys[:_MOST_KEYS_COMPARED], n=3)
        hint = f"Similar names are {', '.join(map(repr, near))}." if near else f"It holds {len(keys)} others."
        return CheckpointNotFound(f"There is no checkpoint {key!r} in {self.backend.url}.", hint=hint)

    def tombstone(self, key: CheckpointKey) -> Tombstone | None:
        """The tombstone of a checkpoint; ``None`` where it was not dropped.

        Raises:
            CorruptCheckpoint: The tombstone is damaged.
        """
        blob = self.backend.open(tombstone_name_of(key))
        if blob is None:
            return None
        with blob:
            return Tombstone.from_json(blob.read(0, blob.size), key=key)

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
            stone = self.tombstone(key)
            if stone is not None:
                raise stone.error(where=self.backend.url)
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


def _common_length(first: str, second: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _reader(backend: Backend, store_id: str, verify: Verify) -> Reader:
    return Reader(backend, store_id=store_id, verify=verify)


def _corrupt(key: CheckpointKey, tensor: str, owner: CheckpointKey, what: str) -> CorruptCheckpoint:
    return CorruptCheckpoint(
        f"Checkpoint {key!r}: tensor {tensor!r}, which lies in the file of {owner!r}, {what}.",
        hint="Restore that file from a copy, or train again; store.verify() lists all damage.",
    )
