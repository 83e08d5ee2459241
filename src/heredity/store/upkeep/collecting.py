"""Collection: free the files that no live checkpoint needs, without a lock, beside any number of writers.

A mark and sweep. What keeps it safe is time by the clock of the place, and the fence against writers that
slept: see docs/design/0005-store-protocol.md for the argument.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from heredity.errors import CorruptData, HeredityError, InputError, UnsupportedFormat
from heredity.store.files.layout import name_of, shard_of, tombstone_name_of
from heredity.store.publishing import LONGEST_COMMIT_SECONDS
from heredity.store.refs import LEAST_TRIM_SECONDS, Refs
from heredity.store.upkeep.leases import find_leases

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heredity.ids import CheckpointKey
    from heredity.store.backends.base import Backend
    from heredity.store.files.reader import Listing, Reader

_LEAST_GRACE_SECONDS = 3 * LONGEST_COMMIT_SECONDS
# Headers are read one request after another; over a network that is mostly waiting.
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Freed:
    """A file that a collection has freed, or would free.

    Args:
        key: The checkpoint that was dropped.
        size_bytes: The length of its file.
    """

    key: CheckpointKey
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Collection:
    """What a collection has done, or would do.

    Args:
        freed: The files, by key.
        num_needed: Dropped checkpoints whose files stay, since a live one draws on them.
        num_young: Dropped checkpoints that stay for the grace.
        num_pinned: Dropped checkpoints that stay because somebody has a lease on them.
        is_dry_run: Whether nothing was done.
    """

    freed: tuple[Freed, ...]
    num_needed: int
    num_young: int
    num_pinned: int
    is_dry_run: bool

    @property
    def size_bytes(self) -> int:
        """Bytes of all files that were freed. On a directory the disk has them back one grace later."""
        return sum(each.size_bytes for each in self.freed)


def collect(reader: Reader, refs: Refs, *, grace: timedelta, dry_run: bool) -> Collection:
    """Free what was dropped at least `grace` ago and is needed by nobody; see `Store.collect`."""
    seconds = _seconds(grace, backend=reader.backend)
    buried = _settled_tombstones(reader, dry_run=dry_run)
    now = reader.backend.now()
    before = now - seconds
    if not dry_run:
        # First of all: a writer whose last look is older than this cannot commit any more. Whoever commits
        # after the listing below has looked since, and has seen every tombstone that counts here.
        reader.backend.sweep(before=before)
    survey = _Survey(reader, listing=reader.listing(), buried=buried, now=now, before=before)
    freed = tuple(sorted(survey.freeable(), key=lambda each: each.key))
    if not dry_run:
        for each in freed:
            reader.backend.retire(name_of(each.key))
        for name in survey.leases_over:
            reader.backend.retire(name)
        refs.trim(before=min(before, now - LEAST_TRIM_SECONDS))
        if seconds == 0:
            # What has just been retired waits for the first sweep one grace later: here for this one.
            reader.backend.sweep(before=reader.backend.now())
    return Collection(
        freed,
        num_needed=len(survey.needed),
        num_young=len(survey.young),
        num_pinned=len(survey.pinned),
        is_dry_run=dry_run,
    )


def _settled_tombstones(reader: Reader, *, dry_run: bool) -> frozenset[CheckpointKey]:
    """The dropped checkpoints that still have a file, once all writers see that they were dropped.

    Who drops a checkpoint and dies at once leaves a tombstone that may vanish in a crash, or that some file
    servers do not show to everyone.
    """
    listing = reader.listing()
    buried = listing.files & listing.dropped
    if not dry_run:
        for key in {shard_of(key): key for key in buried}.values():
            reader.backend.settle(tombstone_name_of(key))
    return buried


def _seconds(grace: object, *, backend: Backend) -> float:
    if not isinstance(grace, timedelta):
        raise InputError(f"grace={grace!r:.80}: expected a length of time, as in timedelta(hours=24).")
    seconds = grace.total_seconds()
    if not 0 <= seconds < float("inf"):
        raise InputError(f"A grace of {seconds} seconds is not possible.")
    is_fenced = backend.capabilities.fences_writers or not backend.capabilities.is_durable
    if not is_fenced and seconds < _LEAST_GRACE_SECONDS:
        raise InputError(
            f"{backend.url}: a grace of {seconds:g} seconds is too short here, since a request that is "
            f"on its way cannot be called back; expected {_LEAST_GRACE_SECONDS:g} or more.",
            hint="The usual grace is a day.",
        )
    return seconds


class _Survey:
    """What a collection has found out before it frees anything."""

    def __init__(
        self,
        reader: Reader,
        *,
        listing: Listing,
        buried: frozenset[CheckpointKey],
        now: float,
        before: float,
    ) -> None:
        self._reader = reader
        leases = find_leases(reader.backend, now=now)
        self.leases_over = [lease.name for lease in leases if lease.is_over]
        gone = listing.files & listing.dropped
        leased = {key for lease in leases if not lease.is_over for key in lease.keys}
        self.pinned = gone & leased
        # Also of those that are needed anyway: a young one keeps its owners, as any root does.
        self.young = {key for key in gone - self.pinned if self._is_young(key, before=before)}
        roots = listing.live | self.pinned | self.young
        self._freeable = (gone & buried) - roots - self._owners(roots)
        self.needed = gone - self.pinned - self.young - self._freeable

    def _is_young(self, key: CheckpointKey, *, before: float) -> bool:
        put_at = self._reader.backend.put_at(tombstone_name_of(key))
        return put_at is None or put_at >= before

    def _owners(self, keys: Iterable[CheckpointKey]) -> set[CheckpointKey]:
        """The checkpoints whose files these ones draw on."""
        with ThreadPoolExecutor(_THREADS) as pool:
            return {owner for owners in pool.map(self._owners_of, keys) for owner in owners}

    def _owners_of(self, key: CheckpointKey) -> tuple[CheckpointKey, ...]:
        try:
            pack = self._reader.pack(key)
        except (CorruptData, UnsupportedFormat) as error:
            raise _unknown_needs(error, key=key) from error
        return () if pack is None else pack.manifest.owners

    def freeable(self) -> list[Freed]:
        """The files that nobody needs, with their lengths."""
        found = []
        for key in self._freeable:
            blob = self._reader.backend.open(name_of(key))
            if blob is not None:  # another collection was faster
                with blob:
                    found.append(Freed(key, blob.size))
        return found


def _unknown_needs(error: HeredityError, *, key: CheckpointKey) -> HeredityError:
    return type(error)(
        f"Nothing was collected: what checkpoint {key!r} needs cannot be read. {error.message}",
        hint=f"Restore its file from a copy, or drop {key!r}; store.verify() lists all damage.",
    )
