"""Mirroring: copy into one store what another has and it has not; may be broken off and repeated.

A checkpoint is copied by its content and saved anew, by the same protocol as any save: it is hashed on the
way, shares what the target has already, and is safe beside the target's own writers and collections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.errors import CorruptData, InputError, UnsupportedFormat
from heredity.store.saving import draft_of
from heredity.store.upkeep.dropping import put_tombstone

if TYPE_CHECKING:
    from heredity.ids import CheckpointKey
    from heredity.store.files.reader import Reader
    from heredity.store.publishing import Publisher
    from heredity.store.refs import Refs


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a mirroring has done.

    Args:
        copied: The checkpoints that were copied, in that order: parents before their children.
        num_present: Those that the target had already.
        refs: The refs that were moved in the target.
        skipped: What could not be copied, and why.
    """

    copied: tuple[CheckpointKey, ...]
    num_present: int
    refs: tuple[str, ...]
    skipped: dict[str, str]


@dataclass(frozen=True, slots=True)
class Side:
    """The parts of a store that a mirroring reads or writes."""

    reader: Reader
    publisher: Publisher
    refs: Refs


def mirror(source: Side, target: Side, *, on_progress: Callable[[int, int], object]) -> Mirrored:
    """Copy what the target lacks; see `Store.mirror_to`.

    Raises:
        InputError: Both are the same store.
    """
    if source.reader.store_id == target.reader.store_id:
        raise InputError(f"{source.reader.backend.url} and {target.reader.backend.url} are the same store.")
    return _Mirroring(source, target, on_progress=on_progress).run()


class _Mirroring:
    def __init__(self, source: Side, target: Side, *, on_progress: Callable[[int, int], object]) -> None:
        self._source = source
        self._target = target
        self._on_progress = on_progress
        self._copied: list[CheckpointKey] = []
        self._skipped: dict[str, str] = {}
        self._num_present = 0

    def run(self) -> Mirrored:
        there, here = self._source.reader.listing(), self._target.reader.listing()
        for key in sorted(there.dropped - here.dropped - here.files):
            self._or_skip(key, self._copy_tombstone)
        for key in sorted(there.live & here.live):
            self._or_skip(key, self._compare)
        for key in sorted(there.live & here.dropped):
            self._skipped[key] = "It was dropped in the target."
        missing = there.live - here.files - here.dropped
        for number, key in enumerate(_parents_first(self._source.reader, sorted(missing)), start=1):
            if key in missing:
                self._or_skip(key, self._copy)
            self._on_progress(number, len(missing))
        return Mirrored(tuple(self._copied), self._num_present, tuple(self._moved_refs()), self._skipped)

    def _or_skip(self, key: CheckpointKey, act: Callable[[CheckpointKey], None]) -> None:
        """One damaged or contradictory checkpoint must not keep all others from being saved."""
        try:
            act(key)
        except (CorruptData, UnsupportedFormat, InputError) as error:
            self._skipped[key] = str(error)

    def _copy_tombstone(self, key: CheckpointKey) -> None:
        """So that the lineage of what is copied is whole, and the name is taken there as well."""
        stone = self._source.reader.tombstone(key)
        if stone is not None:
            put_tombstone(
                self._target.reader,
                key,
                lineage=stone.lineage,
                reason=stone.reason,
                dropped_at=stone.dropped_at,
            )

    def _compare(self, key: CheckpointKey) -> None:
        theirs, ours = self._source.reader.pack(key), self._target.reader.pack(key)
        if theirs is None or ours is None:
            return  # dropped and collected since it was listed
        if not theirs.manifest.says_the_same_as(ours.manifest):
            self._skipped[key] = "The target has other content under this name."
            return
        self._target.publisher.remember(ours.manifest)
        self._num_present += 1

    def _copy(self, key: CheckpointKey) -> None:
        pack = self._source.reader.pack(key)
        if pack is None:
            return  # dropped and collected since it was listed
        new = draft_of(pack.manifest, read=lambda entries: self._source.reader.read(key, entries))
        if self._target.publisher.publish(new, created=pack.manifest.lineage.created) is None:
            self._compare(key)  # somebody was faster
        else:
            self._copied.append(key)

    def _moved_refs(self) -> Iterator[str]:
        for name in self._source.refs:
            found = self._source.refs.get(name)
            there = self._target.refs.get(name)
            if found is None or (there is not None and there.key == found.key):
                continue
            if self._target.reader.is_live(found.key):
                self._target.refs.set(name, found.key)
                yield name


def _parents_first(reader: Reader, keys: list[CheckpointKey]) -> Iterator[CheckpointKey]:
    """These checkpoints, each after its parents among them; by lineage, not by clocks."""
    wanted, done = set(keys), set()
    for key in keys:
        stack = [(key, False)]
        while stack:
            current, is_ready = stack.pop()
            if current in done:
                continue
            if is_ready:
                done.add(current)
                yield current
                continue
            stack.append((current, True))
            stack += [(parent, False) for parent in _parents(reader, current) if parent in wanted - done]


def _parents(reader: Reader, key: CheckpointKey) -> tuple[CheckpointKey, ...]:
    try:
        lineage = reader.lineage(key)
    except (CorruptData, UnsupportedFormat):
        return ()  # said when it is its turn to be copied
    return () if lineage is None else lineage.parents
