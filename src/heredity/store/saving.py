"""What a save has to write: everything is checked first, then only what is new goes into the file."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.encoding import Json, decode, encode
from heredity.errors import InputError, InvalidTensor
from heredity.ids import CheckpointKey, Digest, parse_checkpoint_key
from heredity.store.backends.base import SizedContent
from heredity.store.checkpoint import Checkpoint
from heredity.store.files.fingerprints import Fingerprints
from heredity.store.files.lineage import MAX_NESTING, Lineage, is_nested_too_deeply
from heredity.store.files.manifest import Manifest, TensorEntry
from heredity.store.files.pack import write_header
from heredity.store.frameworks import to_tensor_data
from heredity.store.tensors import TensorData, is_finite

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from heredity.store.tensors import Buffer


@dataclass(frozen=True, slots=True)
class Draft:
    """A checkpoint that is checked but not saved: nothing in it can be refused any more."""

    key: CheckpointKey
    tensors: Mapping[str, TensorData]
    digests: Mapping[str, Digest]
    parents: tuple[CheckpointKey, ...]
    score: float | None
    metadata: Mapping[str, Json]
    graph: TensorData | None
    fingerprints: Fingerprints | None

    def manifest(
        self, *, nonce: str, created: datetime, owner_of: Callable[[Digest, int], CheckpointKey | None]
    ) -> Manifest:
        """Decide where each tensor lies: with the owner known for it, else in this checkpoint's file."""
        owners: dict[Digest, CheckpointKey] = {}

        def entry(tensor: TensorData, digest: Digest) -> TensorEntry:
            if digest not in owners:
                owners[digest] = owner_of(digest, tensor.size_bytes) or self.key
            return TensorEntry(digest, tensor.dtype, tensor.shape, owners[digest])

        return Manifest(
            lineage=Lineage(
                key=self.key,
                nonce=nonce,
                parents=self.parents,
                score=self.score,
                created=created,
                metadata=self.metadata,
            ),
            graph=entry(self.graph, self.graph.digest()) if self.graph else None,
            tensors={name: entry(tensor, self.digests[name]) for name, tensor in self.tensors.items()},
            fingerprints=self.fingerprints,
        )

    def contents(self) -> dict[Digest, int]:
        """The bytes of each content, whatever its names are."""
        found = {digest: self.tensors[name].size_bytes for name, digest in self.digests.items()}
        return found | ({self.graph.digest(): self.graph.size_bytes} if self.graph else {})

    def own_tensors(self, manifest: Manifest) -> dict[Digest, TensorData]:
        """The tensors that this manifest puts into the checkpoint's own file, each once."""
        own = {
            entry.digest: self.tensors[name]
            for name, entry in manifest.tensors.items()
            if entry.owner == self.key
        }
        if self.graph and manifest.graph and manifest.graph.owner == self.key:
            own[manifest.graph.digest] = self.graph
        return own

    def content(self, manifest: Manifest) -> Content:
        """The bytes of the file that this manifest describes."""
        return Content(self, manifest)


class Content(SizedContent):
    """A file, piece by piece; may be iterated again, for another attempt.

    The last step hashes the tensors again: a training thread that goes on changing them during the save
    (nothing is copied) is an error now, and not a damaged checkpoint later. It costs 5 ms per 100 MB.

    Raises:
        InputError: The header is longer than the format allows.
    """

    def __init__(self, draft: Draft, manifest: Manifest) -> None:
        self._draft = draft
        self._own = draft.own_tensors(manifest)
        self._header, self._order = write_header(manifest, self._own)
        self.size_bytes = len(self._header) + sum(tensor.size_bytes for tensor in self._own.values())

    def __iter__(self) -> Iterator[Buffer]:
        """The pieces in order.

        Raises:
            InvalidTensor: A tensor has changed since it was hashed; whoever reads the pieces must drop them.
        """
        yield self._header
        for digest in self._order:
            yield self._own[digest].data
        for digest in self._order:
            if self._own[digest].digest() != digest:
                self._refuse_changed(digest)

    def _refuse_changed(self, digest: Digest) -> None:
        changed = sorted(name for name, known in self._draft.digests.items() if known == digest)
        raise InvalidTensor(
            f"Checkpoint {self._draft.key!r}: tensor {changed[0]!r} changed while it was being saved.",
            hint="Save a copy, or save between two steps of the training.",
        )


def draft_of(
    manifest: Manifest, *, read: Callable[[Mapping[str, TensorEntry]], Mapping[str, TensorData]]
) -> Draft:
    """The draft of a checkpoint of another store, with its tensors as `read` gives them."""
    facts, graph = manifest.lineage, manifest.graph
    tensors = read(manifest.tensors)
    return Draft(
        key=facts.key,
        tensors=tensors,
        digests={name: entry.digest for name, entry in manifest.tensors.items()},
        parents=facts.parents,
        score=facts.score,
        metadata=facts.metadata,
        graph=None if graph is None else read({"(graph)": graph})["(graph)"],
        fingerprints=manifest.fingerprints,
    )


def draft(  # noqa: PLR0913  # what a checkpoint consists of
    key: CheckpointKey,
    tensors: Mapping[str, object],
    *,
    parents: tuple[CheckpointKey, ...],
    score: float | None,
    metadata: Mapping[str, Json] | None,
    graph: Json | None,
    fingerprints: Fingerprints | None,
) -> Draft:
    """Check everything that a caller wants to save, and hash it.

    Raises:
        InvalidTensor: A value is no tensor, or one that cannot be stored.
        InputError: A tensor's name, the score, the metadata or the graph cannot be stored.
    """
    where = f"Checkpoint {key!r}"
    if not isinstance(tensors, Mapping):
        raise InputError(f"{where}: its tensors are a {type(tensors).__name__}; expected a mapping of names.")
    data = {
        _tensor_name(name, where=where): _tensor(value, name, where=where) for name, value in tensors.items()
    }
    encoded_graph = None if graph is None else _encode(graph, what=f"{where}: its graph")
    return Draft(
        key=key,
        tensors=data,
        digests={name: tensor.digest() for name, tensor in data.items()},
        parents=parents,
        score=_score(score, where=where),
        metadata=_metadata(metadata, where=where),
        graph=None if encoded_graph is None else TensorData("U8", (len(encoded_graph),), encoded_graph),
        fingerprints=fingerprints,
    )


def refuse_infinite(new: Draft) -> None:
    """Refuse a draft of which some tensor holds NaN or infinity.

    Raises:
        InvalidTensor: One does.
    """
    for name, tensor in new.tensors.items():
        if not is_finite(tensor):
            raise InvalidTensor(
                f"Checkpoint {new.key!r}: tensor {name!r} holds NaN or infinity.",
                hint="The training has diverged; save with finite_only=False to keep it all the same.",
            )


def parent_keys(
    parents: Sequence[str | Checkpoint], *, key: CheckpointKey, store_id: str
) -> tuple[CheckpointKey, ...]:
    """The names of a checkpoint's parents, each once.

    Raises:
        InputError: They are no list, or one is of another store, or the checkpoint itself.
        InvalidName: One can be no checkpoint's name.
    """
    if isinstance(parents, str | Checkpoint):
        raise InputError(f"Checkpoint {key!r}: parents must be a list, as in parents=[{parents!r}].")
    found: dict[CheckpointKey, None] = {}
    for parent in parents:
        if isinstance(parent, Checkpoint) and parent.store_id != store_id:
            raise InputError(
                f"Checkpoint {key!r}: its parent {parent.key!r} lies in another store.",
                hint="Copy the parent first, with store.mirror_to().",
            )
        found[parse_checkpoint_key(parent.key if isinstance(parent, Checkpoint) else parent)] = None
    if key in found:
        raise InputError(f"Checkpoint {key!r} cannot be its own parent.")
    return tuple(found)


def _tensor_name(name: object, *, where: str) -> str:
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InputError(f"{where}: {name!r:.80} is no name for a tensor; expected printable text.")
    return name


def _tensor(value: object, name: str, *, where: str) -> TensorData:
    try:
        return to_tensor_data(value)
    except InvalidTensor as error:
        raise InvalidTensor(f"{where}, tensor {name!r}: {error.message}", hint=error.hint) from error


def _score(score: object, *, where: str) -> float | None:
    if score is None:
        return None
    value = math.nan
    try:
        if not isinstance(score, bool) and isinstance(score, numbers.Real):
            value = float(score)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise InputError(f"{where}: its score is {score!r:.80}; expected a finite number or None.")
    return value


def _metadata(metadata: Mapping[str, Json] | None, *, where: str) -> Mapping[str, Json]:
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InputError(f"{where}: its metadata is a {type(metadata).__name__}; expected a mapping.")
    value = decode(_encode(dict(metadata), what=f"{where}: its metadata"))
    if is_nested_too_deeply(value):
        raise InputError(f"{where}: its metadata are nested more than {MAX_NESTING} deep.")
    return value if isinstance(value, dict) else {}


def _encode(value: Json, *, what: str) -> bytes:
    try:
        _refuse_other_keys(value)
        return encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{what} cannot be written as JSON: {error}.",
            hint="Expected None, booleans, finite numbers, text, lists, and mappings with text as keys.",
        ) from error


def _refuse_other_keys(value: object) -> None:
    """The json module would turn the key 1 into "1" without a word."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{key!r} is no text, but a key")
            _refuse_other_keys(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            _refuse_other_keys(inner)
