"""Read and hash everything again, and report what is not as it should be; repairs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.errors import CorruptData, InvalidName, UnsupportedFormat
from heredity.store.clock import utc_now
from heredity.store.files.reader import Reader
from heredity.store.refs import Refs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from heredity.ids import CheckpointKey, Digest
    from heredity.store.backends.base import Backend
    from heredity.store.files.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong in a store.

    Args:
        key: The checkpoint, or the name of a file that is none.
        tensor: The tensor, ``"(graph)"`` for the graph, ``None`` where all of it is concerned.
        what: What was found.
    """

    key: str
    tensor: str | None
    what: str


def find_problems(backend: Backend, *, store_id: str, keys: Iterable[CheckpointKey] | None) -> list[Problem]:
    """Check these checkpoints, or all,
    and the files they draw on; each tensor is read once, from the disk.
    """
    inspection = _Inspection(Reader(backend, store_id=store_id, verify="always"))
    return list(inspection.everything() if keys is None else inspection.these(keys))


class _Inspection:
    def __init__(self, reader: Reader) -> None:
        # A reader of its own, which remembers nothing of what was read before.
        self._reader = reader
        self._outcomes: dict[tuple[CheckpointKey, Digest], str] = {}

    def everything(self) -> Iterator[Problem]:
        listing = self._reader.listing()
        for name in listing.foreign:
            yield Problem(name, None, "This is no file of a checkpoint, or it lies in the wrong place.")
        for key in sorted(listing.dropped):
            yield from self._tombstone(key)
        yield from self._refs()
        yield from self.these(sorted(listing.live))

    def _refs(self) -> Iterator[Problem]:
        refs = Refs(self._reader, now=utc_now)
        for name in refs.names():
            try:
                found = refs.get(name)
            except (CorruptData, InvalidName) as error:
                yield Problem(f"ref {name}", None, error.message)
                continue
            if found is not None and not self._reader.is_live(found.key):
                yield Problem(f"ref {name}", None, f"It points to {found.key!r}, which is not there.")

    def _tombstone(self, key: CheckpointKey) -> Iterator[Problem]:
        try:
            self._reader.tombstone(key)
        except (CorruptData, UnsupportedFormat) as error:
            yield Problem(key, None, error.message)

    def these(self, keys: Iterable[CheckpointKey]) -> Iterator[Problem]:
        for key in keys:
            try:
                pack = self._reader.pack(key)
            except (CorruptData, UnsupportedFormat) as error:
                yield Problem(key, None, error.message)
                continue
            if pack is None:
                yield Problem(key, None, "There is no such checkpoint.")
            else:
                yield from self._contents(pack.manifest)

    def _contents(self, manifest: Manifest) -> Iterator[Problem]:
        key = manifest.lineage.key
        for parent in manifest.lineage.parents:
            if not self._reader.has_file(parent) and not self._reader.is_dropped(parent):
                yield Problem(key, None, f"Its parent {parent!r} is missing.")
        entries = dict(manifest.tensors)
        if manifest.graph is not None:
            entries["(graph)"] = manifest.graph
        for name, entry in entries.items():
            place = (entry.owner, entry.digest)
            if place not in self._outcomes:
                self._outcomes[place] = self._damage(key, name, manifest)
            if self._outcomes[place]:
                yield Problem(key, name, self._outcomes[place])

    def _damage(self, key: CheckpointKey, name: str, manifest: Manifest) -> str:
        entry = manifest.graph if name == "(graph)" and manifest.graph else manifest.tensors[name]
        try:
            self._reader.read(key, {name: entry})
        except (CorruptData, UnsupportedFormat) as error:
            return error.message.removeprefix(f"Checkpoint {key!r}: ")
        return ""
