"""Manifest: which tensors a checkpoint has, whose file holds each, and where the checkpoint came from."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar

from heredity.encoding import Json, decode, encode
from heredity.errors import CorruptCheckpoint, InvalidName, UnsupportedFormat
from heredity.ids import CheckpointKey, Digest, parse_checkpoint_key, parse_digest
from heredity.store.tensors import size_of

MANIFEST_VERSION = 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor of a checkpoint.

    Args:
        digest: Name of its content, and of its bytes in the owner's file.
        dtype: As in the safetensors format.
        shape: Lengths of its axes.
        owner: The checkpoint whose file holds the bytes: always directly, never through a third.
    """

    digest: Digest
    dtype: str
    shape: tuple[int, ...]
    owner: CheckpointKey

    @property
    def size_bytes(self) -> int:
        """Bytes that the tensor takes."""
        return size_of(self.dtype, self.shape) or 0


@dataclass(frozen=True, slots=True)
class Lineage:
    """The small facts about a checkpoint: who it is, whence, how good.

    Args:
        key: Its name.
        nonce: A random number of the save that made it: a writer knows its own file by it.
        parents: Names of the checkpoints it inherited from.
        score: How good it is, if its writer said so.
        created: When it was saved, by the writer's clock, in UTC.
        metadata: Whatever its writer wanted to keep with it.
    """

    key: CheckpointKey
    nonce: str
    parents: tuple[CheckpointKey, ...]
    score: float | None
    created: datetime
    metadata: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checkpoint's table of contents, as written in its file.

    Args:
        lineage: The small facts.
        graph: The tensor that holds the model's graph as JSON, if there is one.
        tensors: What the checkpoint consists of, by name.
    """

    lineage: Lineage
    graph: TensorEntry | None
    tensors: Mapping[str, TensorEntry]

    @property
    def entries(self) -> tuple[TensorEntry, ...]:
        """All tensors, the graph's first; one that has two names stands twice."""
        return (*([self.graph] if self.graph else []), *self.tensors.values())

    @property
    def owners(self) -> tuple[CheckpointKey, ...]:
        """The checkpoints whose files hold the tensors, each once."""
        return tuple(dict.fromkeys(entry.owner for entry in self.entries))

    def says_the_same_as(self, other: Manifest) -> bool:
        """Whether both describe the same content, wherever it lies and whenever it was saved."""
        return self._content() == other._content()

    def _content(self) -> tuple[object, ...]:
        facts = self.lineage
        return (
            facts.key,
            facts.parents,
            facts.score,
            encode(dict(facts.metadata)),
            self.graph and self.graph.digest,
            {name: entry.digest for name, entry in self.tensors.items()},
        )

    def to_json(self) -> bytes:
        """Encode, lineage first: a reader that wants no more need not look at a long table."""
        facts, owners = self.lineage, self.owners
        number = {owner: index for index, owner in enumerate(owners)}

        def row(entry: TensorEntry) -> list[object]:
            return [entry.digest, entry.dtype, list(entry.shape), number[entry.owner]]

        fields: dict[str, object] = {
            "version": MANIFEST_VERSION,
            "key": facts.key,
            "nonce": facts.nonce,
            "parents": facts.parents,
            "score": facts.score,
            "created": facts.created.isoformat(timespec="microseconds"),
            "metadata": dict(facts.metadata),
            "graph": row(self.graph) if self.graph else None,
            "owners": owners,
            "tensors": {name: row(entry) for name, entry in self.tensors.items()},
        }
        return b"{" + b",".join(encode(name) + b":" + encode(value) for name, value in fields.items()) + b"}"

    @classmethod
    def from_json(cls, data: str | bytes, *, key: CheckpointKey) -> Manifest:
        """Decode and check a manifest found in the file of `key`. Fields it does not know are left out.

        Raises:
            CorruptCheckpoint: It is damaged, or belongs to another checkpoint.
            UnsupportedFormat: A newer version of this package wrote it.
        """
        fields = _Fields(data, key=key)
        fields.check_version()
        if fields.take("key", str) != key:
            raise fields.corrupt(f"is the manifest of {fields.take('key', str)!r}")
        owners = [fields.key(text) for text in fields.take("owners", list)]
        graph = fields.optional("graph", list)
        return cls(
            lineage=Lineage(
                key=key,
                nonce=fields.take("nonce", str),
                parents=tuple(fields.key(text) for text in fields.take("parents", list)),
                score=fields.score(),
                created=fields.created(),
                metadata=fields.take("metadata", dict),
            ),
            graph=None if graph is None else fields.entry(graph, owners=owners),
            tensors=MappingProxyType(
                {name: fields.entry(row, owners=owners) for name, row in fields.take("tensors", dict).items()}
            ),
        )


class _Fields:
    """A manifest's JSON, taken apart with a reason for every refusal."""

    def __init__(self, data: str | bytes, *, key: CheckpointKey) -> None:
        self._key = key
        try:
            value = decode(data.encode("utf-8") if isinstance(data, str) else data)
        except (ValueError, RecursionError) as error:
            raise self.corrupt(f"is not JSON ({error})") from error
        if not isinstance(value, dict):
            raise self.corrupt("is not a JSON object")
        self._value: dict[str, Json] = value

    def corrupt(self, what: str) -> CorruptCheckpoint:
        return CorruptCheckpoint(
            f"Checkpoint {self._key!r}: its manifest {what}.",
            hint="The file is damaged; restore it from a copy, or train this checkpoint again.",
        )

    def check_version(self) -> None:
        version = self.take("version", int)
        if version > MANIFEST_VERSION:
            raise UnsupportedFormat(
                f"Checkpoint {self._key!r}: its manifest has version {version}; "
                f"this program reads version {MANIFEST_VERSION}.",
                hint="Install a newer version of heredity.",
            )
        if version != MANIFEST_VERSION:
            raise self.corrupt(f"has version {version}, which never was")

    def take(self, name: str, kind: type[T]) -> T:
        value = self._value.get(name, self)  # a value that no JSON gives, for a field that is not there
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.corrupt(f"has no valid {name!r}")
        return value

    def optional(self, name: str, kind: type[T]) -> T | None:
        return None if self._value.get(name, self) is None else self.take(name, kind)

    def key(self, text: object) -> CheckpointKey:
        try:
            return parse_checkpoint_key(text if isinstance(text, str) else "")
        except InvalidName as error:
            raise self.corrupt(f"names an impossible checkpoint {text!r}") from error

    def score(self) -> float | None:
        value = self._value.get("score", self)
        if value is None:
            return None
        # A whole number too, since another writer may not write 1.0; and 1e999 is JSON, but infinite.
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not abs(value) <= sys.float_info.max
        ):
            raise self.corrupt("has no valid 'score'")
        return float(value)

    def created(self) -> datetime:
        text = self.take("created", str)
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.corrupt(f"was created at {text!r}, which is no time") from error
        raise self.corrupt(f"was created at {text!r}, without a time zone")

    def entry(self, row: Json, *, owners: Sequence[CheckpointKey]) -> TensorEntry:
        match row:
            case [str(digest), str(dtype), list(shape), int(owner)] if (
                all(type(length) is int for length in shape)
                and size_of(dtype, tuple(shape)) is not None
                and 0 <= owner < len(owners)
            ):
                return TensorEntry(self._digest(digest), dtype, tuple(shape), owners[owner])
        raise self.corrupt(f"has a tensor {str(row)[:120]} that cannot be")

    def _digest(self, text: str) -> Digest:
        try:
            return parse_digest(text)
        except InvalidName as error:
            raise self.corrupt(f"has a digest {text[:80]!r}") from error
