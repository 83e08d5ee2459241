"""Store: the one door to weights that are named by their content."""

from __future__ import annotations

import difflib
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING

from heredity.errors import CheckpointNotFound, InputError, InvalidName, KeyTaken
from heredity.ids import CheckpointKey, Digest, parse_checkpoint_key
from heredity.store.checkpoint import Checkpoint
from heredity.store.files.layout import name_of
from heredity.store.files.reader import Reader, Verify
from heredity.store.files.recent import Recent
from heredity.store.saving import Draft, draft
from heredity.store.verify import Problem, find_problems
from heredity.store.wait import wait_until

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.store.backends.base import Backend
    from heredity.store.files.manifest import Manifest

_RECENT_DIGESTS = 1 << 16
# A smaller tensor is not shared with checkpoints that are no parents: it would save less than a block of the
# disk, and cost one more file to open at every load, kept alive for its sake.
_MIN_SHARED_BYTES = 4096
_MOST_KEYS_COMPARED = 5000


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Checkpoints by name: put once, never changed. Opened by `open_store`.

    A store may be used by any number of threads, processes and machines at the same time. It holds nothing
    open and runs nothing in the background; it may be forked at any moment, and pickled unless it lies in
    memory. A checkpoint is visible to all as soon as `put` has returned, and to nobody before it is complete
    and safe on the disk.
    """

    def __init__(
        self, backend: Backend, *, store_id: str, verify: Verify = "first", now: Callable[[], datetime] = _now
    ) -> None:
        self._backend = backend
        self._reader = Reader(backend, store_id=store_id, verify=verify)
        self._now = now
        # Where contents that this process has saved or seen lie: an unchanged tensor is not written again.
        self._owners: Recent[Digest, CheckpointKey] = Recent(_RECENT_DIGESTS)
        self._settled: Recent[CheckpointKey, CheckpointKey] = Recent(_RECENT_DIGESTS)

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
            CheckpointNotFound: There is none of this name (yet); the hint names similar ones.
            InvalidName: No checkpoint can have this name.
            CorruptCheckpoint: The beginning of its file is damaged.
        """
        parsed = parse_checkpoint_key(key)
        found = self._find(parsed)
        if found is None:
            raise self._not_found(parsed)
        return found

    def __contains__(self, key: object) -> bool:
        """Whether there is a checkpoint of this name now."""
        try:
            return isinstance(key, str) and self._reader.has(parse_checkpoint_key(key))
        except InvalidName:
            return False

    def __iter__(self) -> Iterator[CheckpointKey]:
        """The keys of all checkpoints, sorted."""
        return iter(sorted(self._reader.all_keys()))

    def _find(self, key: CheckpointKey) -> Checkpoint | None:
        pack = self._reader.pack(key)
        if pack is None:
            return None
        return self._known(pack.manifest)

    def _known(self, manifest: Manifest) -> Checkpoint:
        self._owners.put_all((entry.digest, entry.owner) for entry in manifest.entries)
        return Checkpoint(manifest.lineage, self._reader)

    def _not_found(self, key: CheckpointKey) -> CheckpointNotFound:
        keys = sorted(self._reader.all_keys(), key=lambda other: _common_length(key, other), reverse=True)
        near = difflib.get_close_matches(key, keys[:_MOST_KEYS_COMPARED], n=3)
        hint = f"Similar names are {', '.join(map(repr, near))}." if near else f"It holds {len(keys)} others."
        return CheckpointNotFound(f"There is no checkpoint {key!r} in {self.url}.", hint=hint)

    def put(
        self,
        key: str,
        tensors: Mapping[str, object],
        *,
        parents: Sequence[str | Checkpoint] = (),
        score: float | None = None,
        metadata: Mapping[str, Json] | None = None,
        graph: Json | None = None,
    ) -> Checkpoint:
        """Save a checkpoint: all of it or nothing, safe on the disk when this returns.

        Only what neither the parents nor this process has saved before is written. Putting the same content
        under the same key again changes nothing and returns what is there: a save may be repeated blindly.

        Args:
            key: Its name, used once for ever.
            tensors: By name; a `TensorData`, a numpy array or a tensor of an installed framework each.
            parents: The checkpoints it inherited from; one that is named twice counts once.
            score: How good it is.
            metadata: Small facts to keep with it, read whenever the store is listed.
            graph: The model's graph as plain data; stored once for all checkpoints that have the same.

        Raises:
            KeyTaken: The name belongs to other content.
            CheckpointNotFound: A parent is not in the store.
            InputError: Something cannot be stored; nothing has been written.
            StoreUnavailable: The disk is full or does not answer; nothing is visible.
            StoreLocationError: The store may not be written from here.
        """
        parsed = parse_checkpoint_key(key)
        new = draft(
            parsed,
            tensors,
            parents=self._parent_keys(parents, key=parsed),
            score=score,
            metadata=metadata,
            graph=graph,
        )
        known = self._reader.pack(parsed)
        if known is None:
            manifest = self._plan(new)
            if self._backend.put_once(name_of(parsed), new.chunks(manifest)):
                self._settled.put(parsed, parsed)
                return self._known(manifest)
        else:
            self._backend.settle(name_of(parsed))
        return self._repeated(new)

    def _parent_keys(
        self, parents: Sequence[str | Checkpoint], *, key: CheckpointKey
    ) -> tuple[CheckpointKey, ...]:
        if isinstance(parents, str | Checkpoint):
            raise InputError(f"Checkpoint {key!r}: parents must be a list, as in parents=[{parents!r}].")
        found: dict[CheckpointKey, None] = {}
        for parent in parents:
            if isinstance(parent, Checkpoint) and parent.store_id != self.store_id:
                raise InputError(
                    f"Checkpoint {key!r}: its parent {parent.key!r} lies in another store.",
                    hint=f"Put the parent into {self.url} first.",
                )
            found[parse_checkpoint_key(parent.key if isinstance(parent, Checkpoint) else parent)] = None
        if key in found:
            raise InputError(f"Checkpoint {key!r} cannot be its own parent.")
        return tuple(found)

    def _plan(self, new: Draft) -> Manifest:
        """Decide what is written and what is shared; whatever is referred to is there and durable."""
        inherited: dict[Digest, CheckpointKey] = {}
        for parent in new.parents:
            pack = self._reader.pack(parent)
            if pack is None:
                raise self._not_found(parent)
            self._settle(parent)
            inherited |= {entry.digest: entry.owner for entry in pack.manifest.entries}
        there: dict[CheckpointKey, bool] = {}

        def owner_of(digest: Digest, size_bytes: int) -> CheckpointKey | None:
            owner = inherited.get(digest)
            if owner is None and size_bytes >= _MIN_SHARED_BYTES:
                owner = self._owners.get(digest)
            if owner is not None and owner not in there:
                there[owner] = self._reader.has(owner)
                if there[owner]:
                    self._settle(owner)
            # An owner that has vanished costs a few bytes, not the save: they are in our hands.
            return owner if owner is not None and there[owner] else None

        return new.manifest(nonce=secrets.token_hex(16), created=self._now(), owner_of=owner_of)

    def _settle(self, key: CheckpointKey) -> None:
        if not self._settled.get(key):
            self._backend.settle(name_of(key))
            self._settled.put(key, key)

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
        return existing

    def wait(self, key: str, *, timeout: float) -> Checkpoint:
        """Return a checkpoint as soon as it is there; look again and again for at most `timeout` seconds.

        Raises:
            WaitTimeout: It did not appear in time.
        """
        parsed = parse_checkpoint_key(key)
        return wait_until(
            lambda: self._find(parsed), what=f"Checkpoint {parsed!r} in {self.url}", timeout_seconds=timeout
        )

    def checkpoints(self, prefix: str = "") -> list[Checkpoint]:
        """All checkpoints whose key begins so, in the order of their creation, then of their keys.

        Reads the beginnings of files that this object has not seen yet, and no tensors.

        Raises:
            CorruptCheckpoint: A file is damaged; `verify` lists all that are.
        """
        facts = [self._reader.lineage(key) for key in self._reader.all_keys() if key.startswith(prefix)]
        found = [Checkpoint(lineage, self._reader) for lineage in facts if lineage is not None]
        return sorted(found, key=lambda checkpoint: (checkpoint.created, checkpoint.key))

    def ancestors(self, key: str | Checkpoint) -> list[Checkpoint]:
        """Parents, their parents and so on: nearest first, each once.

        One that is missing from the store is left out; the `parents` of its children name it all the same.
        """

        def parents(checkpoint: Checkpoint) -> Iterator[Checkpoint]:
            for parent in checkpoint.parents:
                lineage = self._reader.lineage(parent)
                if lineage is not None:
                    yield Checkpoint(lineage, self._reader)

        return _breadth_first(self[_key(key)], parents)

    def descendants(self, key: str | Checkpoint) -> list[Checkpoint]:
        """Children, their children and so on: nearest first, each once. Looks at all of the store."""
        children: dict[CheckpointKey, list[Checkpoint]] = {}
        for checkpoint in self.checkpoints():
            for parent in checkpoint.parents:
                children.setdefault(parent, []).append(checkpoint)
        return _breadth_first(self[_key(key)], lambda checkpoint: iter(children.get(checkpoint.key, [])))

    def verify(self, key: str | Checkpoint | None = None) -> list[Problem]:
        """Read and hash a checkpoint, or all, again from the disk; an empty list says that all is whole.

        Raises:
            CheckpointNotFound: There is no checkpoint of this name.
        """
        keys = None if key is None else [parse_checkpoint_key(_key(key))]
        if keys and not self._reader.has(keys[0]):
            raise self._not_found(keys[0])
        return find_problems(self._backend, store_id=self.store_id, keys=keys)

    def __repr__(self) -> str:
        return f"<Store {self.url}>"


def _common_length(first: str, second: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _key(key: str | Checkpoint) -> str:
    return key.key if isinstance(key, Checkpoint) else key


def _breadth_first(
    start: Checkpoint, neighbours: Callable[[Checkpoint], Iterator[Checkpoint]]
) -> list[Checkpoint]:
    found: dict[Checkpoint, None] = {}
    pending = deque([start])
    while pending:
        for checkpoint in neighbours(pending.popleft()):
            if checkpoint != start and checkpoint not in found:
                found[checkpoint] = None
                pending.append(checkpoint)
    return list(found)
