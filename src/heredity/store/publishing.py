"""Publishing a checkpoint: decide what is shared with whom, write the rest, and look again before the commit.

A save may refer to the tensors of another checkpoint's file. It does so on the word of a *witness*: a live
checkpoint that refers to that file too. A collection keeps every file that a live checkpoint needs, and those
of checkpoints dropped less than its grace ago. So a save is safe if its witnesses are still live when it
looks for the last time, and its commit follows within the grace: see docs/design/0005-store-protocol.md.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.errors import KeyTaken, WriteSwept
from heredity.ids import CheckpointKey, Digest
from heredity.store.clock import seconds_since_boot
from heredity.store.files.layout import name_of
from heredity.store.files.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from heredity.store.files.manifest import Manifest
    from heredity.store.files.reader import Reader
    from heredity.store.saving import Draft

_RECENT_DIGESTS = 1 << 16
_RECENT_MANIFESTS = 256
# A smaller tensor is not shared with checkpoints that are no parents: it would save less than a block of the
# disk, and cost one more file to open at every load, kept alive for its sake.
_MIN_SHARED_BYTES = 4096
# A whole file is not kept alive, nor opened at every load, for less than this share of a checkpoint. In an
# evolution that shares early, small layers (of 5 kB, say), files of 1.6 MB stayed for their sake: more bytes
# than copies would have taken.
_LEAST_SHARE = 1 / 128
# Each attempt after the first means that a parent was dropped, or the unfinished file swept, within seconds.
_ATTEMPTS = 5
# Where late writes are not fenced off, a commit that took longer than this after the last look is looked at
# again. A collection there has to leave three times as long.
LONGEST_COMMIT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Home:
    """Where a content lies: in the file of `owner`, as the live checkpoint `witness` says."""

    owner: CheckpointKey
    witness: CheckpointKey


class Publisher:
    """Publishes drafts into one store. What it remembers is only ever a shortcut."""

    def __init__(self, reader: Reader, *, now: Callable[[], datetime]) -> None:
        self._reader = reader
        self._now = now
        # Where contents that this process has saved or seen lie: an unchanged tensor is not written again.
        self._homes: Recent[Digest, Home] = Recent(_RECENT_DIGESTS)
        # Most processes that load never save.
        self._unread: deque[Manifest] = deque(maxlen=_RECENT_MANIFESTS)
        self._settled: Recent[CheckpointKey, CheckpointKey] = Recent(_RECENT_DIGESTS)

    def remember(self, manifest: Manifest) -> None:
        """Note where the contents of a live checkpoint lie; looked at when something is published."""
        self._unread.append(manifest)

    def _homes_known(self) -> Recent[Digest, Home]:
        while self._unread:
            try:
                manifest = self._unread.popleft()
            except IndexError:
                break  # another thread was faster
            key = manifest.lineage.key
            self._homes.put_all((entry.digest, Home(entry.owner, key)) for entry in manifest.entries)
        return self._homes

    def publish(self, new: Draft, *, created: datetime | None = None) -> Manifest | None:
        """Put a draft under its name; ``None`` if the name has a file already.

        Args:
            new: What to publish.
            created: When it was saved, if that was not now but earlier, in another store.

        Raises:
            CheckpointNotFound: A parent has never been in the store.
            KeyTaken: The name belongs to a checkpoint that was dropped.
            InputError, StoreUnavailable, StoreLocationError: As `Store.put`.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            plan = _Plan(self._reader, new)
            where = self._homes_for(new, plan) if attempt < _ATTEMPTS else _nowhere
            manifest = new.manifest(
                nonce=secrets.token_hex(16), created=created or self._now(), owner_of=where
            )
            try:
                is_ours = self._reader.backend.put_once(
                    name_of(new.key), new.content(manifest), before_commit=plan.check
                )
            except (_WitnessDropped, WriteSwept) as error:
                if attempt == _ATTEMPTS and isinstance(error, WriteSwept):
                    raise
                continue
            if not is_ours:
                return None
            self._settled.put(new.key, new.key)
            self.remember(manifest)
            return manifest
        raise AssertionError("an attempt that shares nothing has no witness")

    def settle(self, key: CheckpointKey) -> None:
        """Return when a checkpoint's file is durable; remembers which are."""
        if not self._settled.get(key):
            self._reader.backend.settle(name_of(key))
            self._settled.put(key, key)

    def _homes_for(self, new: Draft, plan: _Plan) -> Callable[[Digest, int], CheckpointKey | None]:
        """Which owners a draft may refer to: what is referred to is there, and durable."""
        homes = self._worthwhile_homes(new)
        usable: dict[Home, bool] = {}

        def owner_of(digest: Digest, _size_bytes: int) -> CheckpointKey | None:
            home = homes.get(digest)
            if home is None:
                return None
            if home not in usable:
                usable[home] = self._is_usable(home)
                if usable[home]:
                    plan.witnesses.add(home.witness)
            # A home that is gone costs a few bytes, not the save: they are in our hands.
            return home.owner if usable[home] else None

        return owner_of

    def _worthwhile_homes(self, new: Draft) -> dict[Digest, Home]:
        """Where contents of a draft lie already, but for owners who have next to nothing of it."""
        inherited, known = self._inherited(new), self._homes_known()
        contents = new.contents()
        found: dict[Digest, Home] = {}
        drawn: dict[CheckpointKey, int] = {}
        for digest, size_bytes in contents.items():
            home = inherited.get(digest)
            if home is None and size_bytes >= _MIN_SHARED_BYTES:
                home = known.get(digest)
            if home is not None:
                found[digest] = home
                drawn[home.owner] = drawn.get(home.owner, 0) + size_bytes
        least = sum(contents.values()) * _LEAST_SHARE
        return {digest: home for digest, home in found.items() if drawn[home.owner] >= least}

    def _inherited(self, new: Draft) -> dict[Digest, Home]:
        """Where the parents' contents lie. A parent that was dropped remains one, and shares nothing."""
        found: dict[Digest, Home] = {}
        for parent in new.parents:
            pack = self._reader.pack(parent)
            if self._reader.is_dropped(parent):
                self._refuse_what_never_was(parent)
            elif pack is None:
                raise self._reader.absent(parent)
            else:
                found |= {e.digest: Home(e.owner, parent) for e in pack.manifest.entries}
        return found

    def _refuse_what_never_was(self, parent: CheckpointKey) -> None:
        stone = self._reader.tombstone(parent)
        if stone is not None and stone.lineage is None:
            raise stone.error(where=self._reader.backend.url)

    def _is_usable(self, home: Home) -> bool:
        if not self._reader.has_file(home.owner) or self._reader.is_dropped(home.witness):
            return False
        # What is about to be referred to must not vanish in a crash that our own file outlives.
        self.settle(home.owner)
        self.settle(home.witness)
        return True


def _nowhere(_digest: Digest, _size_bytes: int) -> None:
    return None


class _WitnessDropped(Exception):
    """Never leaves this file."""


class _Plan:
    """On whose word a save shares tensors, and the last look at whether that still holds."""

    def __init__(self, reader: Reader, new: Draft) -> None:
        self._reader = reader
        self._key = new.key
        self.witnesses: set[CheckpointKey] = set()
        self._looked_at: float | None = None

    def check(self) -> None:
        """Look, unless a look that succeeded lies less than `LONGEST_COMMIT_SECONDS` back.

        Raises:
            KeyTaken: The key itself was dropped or given up.
            _WitnessDropped: The plan does not hold any more.
        """
        before = seconds_since_boot()
        if self._looked_at is not None and before - self._looked_at < LONGEST_COMMIT_SECONDS:
            return
        refuse_dropped(self._reader, self._key)
        if any(self._reader.is_dropped(witness) for witness in self.witnesses):
            raise _WitnessDropped
        self._looked_at = before


def refuse_dropped(reader: Reader, key: CheckpointKey) -> None:
    """Refuse a key that has a tombstone.

    Raises:
        KeyTaken: It has.
    """
    stone = reader.tombstone(key)
    if stone is not None:
        raise KeyTaken(
            f"{stone.error(where=reader.backend.url).message} Its name cannot be used again.",
            hint="Save under another name.",
        )
