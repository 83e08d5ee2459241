"""Store: the one door to weights that are named by their content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from heredity.errors import InputError, InvalidName, KeyTaken
from heredity.ids import CheckpointKey, parse_checkpoint_key
from heredity.notebooks import store_html
from heredity.store.checkpoint import Checkpoint
from heredity.store.clock import utc_now
from heredity.store.files.layout import name_of, shard_of, tombstone_name_of
from heredity.store.files.reader import Reader, Verify
from heredity.store.index import Damaged, Index, Match, Order, Sizes
from heredity.store.publishing import Publisher, refuse_dropped
from heredity.store.refs import Refs
from heredity.store.saving import Draft, draft, parent_keys, refuse_infinite
from heredity.store.upkeep.collecting import Collection, collect
from heredity.store.upkeep.dropping import lineage_to_bury, put_tombstone
from heredity.store.upkeep.leases import Lease
from heredity.store.upkeep.mirroring import Mirrored, Side, mirror
from heredity.store.upkeep.verify import Problem, find_problems
from heredity.store.wait import wait_until

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from heredity.encoding import Json
    from heredity.store.backends.base import Backend
    from heredity.store.files.fingerprints import Fingerprints
    from heredity.store.files.lineage import Lineage
    from heredity.store.files.manifest import Manifest


class Store:
    """Checkpoints by name: put once, never changed. Opened by `open_store`.

    A store may be used by any number of threads, processes and machines at the same time. It runs nothing in
    the background and keeps no file of the store open; it may be forked at any moment, and pickled unless it
    lies in memory. A checkpoint is visible to all as soon as `put` has returned, and to nobody before it is
    complete.

    Attributes:
        refs: Names that move: ``store.refs["best"]``.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        store_id: str,
        verify: Verify = "first",
        now: Callable[[], datetime] = utc_now,
        index_folder: Path | None = None,
    ) -> None:
        self._backend = backend
        self._reader = Reader(backend, store_id=store_id, verify=verify)
        self._now = now
        self._publisher = Publisher(self._reader, now=now)
        self.refs = Refs(self._reader, now=now)
        self._index = Index(self._reader, folder=index_folder)

    @property
    def url(self) -> str:
        """Where the store is; `open_store` accepts it."""
        return self._backend.url

    @property
    def store_id(self) -> str:
        """Random name that the store was given when it was made."""
        return self._reader.store_id

    def __getitem__(self, key: str) -> Checkpoint:
        """Return a checkpoint.

        Raises:
            CheckpointDropped: It was dropped, or given up by its writer.
            CheckpointNotFound: There is none of this name (yet); the hint names similar ones.
            InvalidName: No checkpoint can have this name.
            CorruptCheckpoint: The beginning of its file is damaged.
        """
        parsed = parse_checkpoint_key(key)
        found = self._find(parsed)
        if found is None:
            raise self._reader.absent(parsed)
        return found

    def __contains__(self, key: object) -> bool:
        """Whether there is a checkpoint of this name now."""
        try:
            return isinstance(key, str) and self._reader.is_live(parse_checkpoint_key(key))
        except InvalidName:
            return False

    def __iter__(self) -> Iterator[CheckpointKey]:
        """The keys of all checkpoints, sorted."""
        return iter(sorted(self._reader.listing().live))

    def _find(self, key: CheckpointKey) -> Checkpoint | None:
        pack = self._reader.pack(key)
        if pack is None or self._reader.is_dropped(key):
            return None
        return self._known(pack.manifest)

    def _known(self, manifest: Manifest) -> Checkpoint:
        self._publisher.remember(manifest)
        return Checkpoint(manifest.lineage, self._reader)

    def put(  # noqa: PLR0913  # what a checkpoint consists of
        self,
        key: str,
        tensors: Mapping[str, object],
        *,
        parents: Sequence[str | Checkpoint] = (),
        score: float | None = None,
        metadata: Mapping[str, Json] | None = None,
        graph: Json | None = None,
        fingerprints: Fingerprints | None = None,
        finite_only: bool = False,
    ) -> Checkpoint:
        """Save a checkpoint: all of it or nothing, safe on the disk when this returns.

        Only what neither the parents nor this process has saved before is written. Putting the same content
        under the same key again changes nothing and returns what is there: a save may be repeated blindly.

        Args:
            key: Its name, used once for ever.
            tensors: By name; a `TensorData`, a numpy array or a tensor of an installed framework each.
            parents: The checkpoints it inherited from; one that is named twice counts once. They may have
                been dropped since.
            score: How good it is.
            metadata: Small facts to keep with it, read whenever the store is listed.
            graph: The model's graph as plain data; stored once for all checkpoints that have the same.
            fingerprints: Short names of the graph and its layers, by which relatives are found.
            finite_only: Refuse tensors that hold NaN or infinity, so that nobody inherits from what diverged.

        Raises:
            KeyTaken: The name belongs to other content, or to a checkpoint that was dropped.
            CheckpointNotFound: A parent has never been in the store.
            InputError: Something cannot be stored; nothing has been written.
            StoreUnavailable: The place does not answer, or is full (`StoreFull`); nothing is visible, or all
                but not safe in a crash: put it again.
            StoreLocationError: The store may not be written from here.
        """
        parsed = parse_checkpoint_key(key)
        new = draft(
            parsed,
            tensors,
            parents=parent_keys(parents, key=parsed, store_id=self.store_id),
            score=score,
            metadata=metadata,
            graph=graph,
            fingerprints=fingerprints,
        )
        if finite_only:
            refuse_infinite(new)
        refuse_dropped(self._reader, parsed)
        if self._reader.pack(parsed) is None:
            manifest = self._publisher.publish(new)
            if manifest is not None:
                return Checkpoint(manifest.lineage, self._reader)
        return self._repeated(new)

    def _repeated(self, new: Draft) -> Checkpoint:
        """The name was taken: by the same content it is a repeated save, by other content an error."""
        existing = self[new.key]
        mine = new.manifest(nonce="", created=existing.created, owner_of=lambda _digest, _size: None)
        if not existing.manifest.says_the_same_as(mine):
            raise KeyTaken(
                f"Checkpoint {new.key!r} is in {self.url} already, with other content; "
                f"it was saved at {existing.created.isoformat(timespec='seconds')}.",
                hint="A name is used once: save under another one, as in 'father@2'.",
            )
        self._backend.settle(name_of(new.key))
        return existing

    def drop(self, key: str | Checkpoint, *, reason: str = "") -> None:
        """Drop a checkpoint: nobody finds it any more, and its name is never used again. Idempotent.

        Its weights stay for as long as other checkpoints draw on them, and until a `collect` comes that is
        one grace later. Its lineage stays for ever: its children still know their grandparents.

        Raises:
            CheckpointNotFound: There is no such checkpoint; `abandon` is for names that will never come.
            InputError: A ref points to it; move or delete the ref first.
            StoreUnavailable: The place does not answer.
            StoreLocationError: The store may not be written from here.
        """
        parsed = parse_checkpoint_key(_key(key))
        if self._reader.is_dropped(parsed):
            self._backend.settle(tombstone_name_of(parsed))
            return
        lineage = self.refuse_drop(parsed)
        put_tombstone(self._reader, parsed, lineage=lineage, reason=reason, dropped_at=self._now())

    def refuse_drop(self, key: str) -> Lineage:
        """Look whether a checkpoint can be dropped; errors as `drop`, also if it was dropped already."""
        return lineage_to_bury(self._reader, self.refs, parse_checkpoint_key(key))

    def abandon(self, key: str, *, reason: str = "") -> None:
        """Say that a checkpoint will never come: whoever waits for it is told at once. Idempotent.

        Raises:
            KeyTaken: It is there already; `drop` is for those.
            StoreUnavailable: The place does not answer.
            StoreLocationError: The store may not be written from here.
        """
        parsed = parse_checkpoint_key(key)
        if self._reader.is_live(parsed):
            raise KeyTaken(f"Checkpoint {parsed!r} is in {self.url} already.", hint="Drop it instead.")
        put_tombstone(self._reader, parsed, lineage=None, reason=reason, dropped_at=self._now())

    def collect(self, *, grace: timedelta = timedelta(days=1), dry_run: bool = False) -> Collection:
        """Free the files of dropped checkpoints that no other checkpoint needs. Safe at any time, for anyone.

        Nothing is locked: any number of processes may save, load, drop and collect meanwhile. Garbage that
        killed writers have left is swept too.

        Args:
            grace: How long ago something must have been dropped, by the clock of the place. A save or a load
                that takes longer than this while its parents are dropped may have to begin again. On a
                directory a file's bytes come back to the disk one grace after it was freed, for the sake of
                those who have it open.
            dry_run: Only say what would be freed.

        Raises:
            CorruptData: What some checkpoint needs cannot be read; nothing was freed.
            InputError: The grace is negative, or too short for this place.
            StoreUnavailable: The place does not answer; what was freed is freed.
            StoreLocationError: The store may not be written from here.
        """
        return collect(self._reader, self.refs, grace=grace, dry_run=dry_run)

    def mirror_to(
        self, target: Store, *, on_progress: Callable[[int, int], object] = lambda _done, _all: None
    ) -> Mirrored:
        """Copy into another store what it has not, parents first; refs there follow the ones here.

        Nothing is changed here and nothing is taken away there. May be broken off and repeated, and both
        stores may be in use meanwhile. Whatever cannot be copied is left out and named.

        Args:
            target: The other store.
            on_progress: Called with the number of checkpoints done and of all that were missing.

        Raises:
            InputError: It is the same store.
            StoreUnavailable: One of the places does not answer, or is full.
            StoreLocationError: The target may not be written.
        """
        return mirror(self._side(), target._side(), on_progress=on_progress)

    def _side(self) -> Side:
        return Side(self._reader, self._publisher, self.refs)

    def pin(self, keys: Sequence[str | Checkpoint], *, seconds: float = 86400.0, owner: str = "") -> Lease:
        """Keep checkpoints readable even if they are dropped: no collection frees what is pinned.

        Needed by who reads for longer than a collection's grace. Used by ``with``, or released by hand.

        Args:
            keys: The checkpoints.
            seconds: When the lease ends by itself, by the clock of the place, unless it is renewed.
            owner: Who holds it, for people to read.

        Raises:
            CheckpointNotFound: One of them is not there, or was dropped already.
        """
        if isinstance(keys, str | Checkpoint):
            raise InputError(f"keys must be a list, as in pin([{_key(keys)!r}]).")
        parsed = [parse_checkpoint_key(_key(key)) for key in keys]
        lease = Lease(self._reader, parsed, seconds=seconds, owner=owner)
        lease.renew()
        return lease

    def wait(self, key: str, *, timeout: float) -> Checkpoint:
        """Return a checkpoint as soon as it is there; look again and again for at most `timeout` seconds.

        Raises:
            WaitTimeout: It did not appear in time.
            CheckpointDropped: It was dropped, or its writer has given it up.
        """
        parsed = parse_checkpoint_key(key)

        def look() -> Checkpoint | None:
            found = self._find(parsed)
            if found is None and self._reader.is_dropped(parsed):
                raise self._reader.absent(parsed)
            return found

        return wait_until(
            look,
            what=f"Checkpoint {parsed!r} in {self.url}",
            timeout_seconds=timeout,
            watch=lambda: self._backend.watch(shard_of(parsed)),
            capabilities=self._backend.capabilities,
        )

    def checkpoints(self, prefix: str = "") -> list[Checkpoint]:
        """All checkpoints whose key begins so, in the order of their creation, then of their keys.

        Those that cannot be read are left out; `damaged` names them.
        """
        return self._with_weights(self._index.look().checkpoints(prefix))

    def damaged(self) -> list[Damaged]:
        """The checkpoints that no list holds since the beginning of their file cannot be read."""
        return self._index.look().damaged()

    def ancestors(self, key: str | Checkpoint) -> list[Checkpoint]:
        """Parents, their parents and so on: nearest first, each once.

        What was dropped is left out, but its own ancestors are not: lineage outlives weights.

        Raises:
            CheckpointNotFound: There has never been such a checkpoint.
        """
        parsed = self._known_key(key)
        return self._with_weights(self._index.look().ancestors(parsed))

    def descendants(self, key: str | Checkpoint) -> list[Checkpoint]:
        """Children, their children and so on: nearest first, each once; see `ancestors`."""
        parsed = self._known_key(key)
        return self._with_weights(self._index.look().descendants(parsed))

    def best(
        self,
        where: Mapping[str, Json] | None = None,
        *,
        prefix: str = "",
        descendants_of: str | Checkpoint | None = None,
        order: Order = "highest",
        limit: int = 1,
    ) -> list[Checkpoint]:
        """The checkpoints with the best scores, of equal ones the youngest first; none without a score.

        Args:
            where: Entries that their metadata must have: texts, numbers, truth values or None.
            prefix: How their keys must begin.
            descendants_of: From whom they must descend.
            order: Which scores are good, ``"highest"`` or ``"lowest"``.
            limit: How many at most.

        Raises:
            InputError: Something that is asked for is not possible.
        """
        of = None if descendants_of is None else self._known_key(descendants_of)
        found = self._index.look().best(where, prefix=prefix, descendants_of=of, order=order, limit=limit)
        return self._with_weights(found)

    def find(
        self, fingerprints: Fingerprints, *, limit: int = 10, order: Order = "highest"
    ) -> list[tuple[Checkpoint, Match]]:
        """The nearest relatives of a model: who shares the deepest layer first, then the best scores.

        After them come those whose graph is the same but for widths. With each comes what it shares.

        Raises:
            InputError: The limit or the order is not possible.
        """
        found = self._index.look().find(fingerprints, limit=limit, order=order)
        return [(Checkpoint(match.lineage, self._reader), match) for match in found]

    def sizes(self) -> dict[CheckpointKey, Sizes]:
        """What each checkpoint takes: bytes of its own, shared ones, and what dropping it would free."""
        return self._index.look().sizes()

    def _known_key(self, key: str | Checkpoint) -> CheckpointKey:
        parsed = parse_checkpoint_key(_key(key))
        if not self._reader.has_file(parsed) and not self._reader.is_dropped(parsed):
            raise self._reader.absent(parsed)
        return parsed

    def _with_weights(self, found: Iterable[Lineage]) -> list[Checkpoint]:
        return [Checkpoint(lineage, self._reader) for lineage in found]

    def verify(self, key: str | Checkpoint | None = None) -> list[Problem]:
        """Read and hash a checkpoint, or all, again from the disk; an empty list says that all is whole.

        Raises:
            CheckpointNotFound: There is no checkpoint of this name.
        """
        keys = None if key is None else [parse_checkpoint_key(_key(key))]
        if keys and not self._reader.is_live(keys[0]):
            raise self._reader.absent(keys[0])
        return find_problems(self._backend, store_id=self.store_id, keys=keys)

    def __repr__(self) -> str:
        return f"<Store {self.url}>"

    def _repr_html_(self) -> str:
        return store_html(self.url, self.checkpoints())


def _key(key: str | Checkpoint) -> str:
    return key.key if isinstance(key, Checkpoint) else key
