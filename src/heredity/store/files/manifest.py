"""Manifest: which tensors a checkpoint has, whose file holds each, and where the checkpoint came from."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from heredity.encoding import Json, encode, encode_table
from heredity.errors import InvalidName
from heredity.ids import CheckpointKey, Digest, parse_digest
from heredity.store.files.fields import Fields
from heredity.store.files.fingerprints import Fingerprints
from heredity.store.files.lineage import Lineage
from heredity.store.files.safetensors_format import size_of_form
from heredity.store.tensors import size_of

MANIFEST_VERSION = 1


# A tuple, since a manifest makes hundreds of them: a frozen dataclass takes three times as long to make.
class TensorEntry(NamedTuple):
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
class Manifest:
    """A checkpoint's table of contents, as written in its file.

    Args:
        lineage: The small facts.
        graph: The tensor that holds the model's graph as JSON, if there is one.
        tensors: What the checkpoint consists of, by name.
        fingerprints: Names of its graph and layers, if its writer has traced it. They follow from the graph
            and do not count as content; what was saved before there were any has none.
    """

    lineage: Lineage
    graph: TensorEntry | None
    tensors: Mapping[str, TensorEntry]
    fingerprints: Fingerprints | None = None

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
            **facts.to_fields(),
            "graph": row(self.graph) if self.graph else None,
            **({"prints": self.fingerprints.to_fields()} if self.fingerprints else {}),
            "owners": owners,
            "tensors": {name: row(entry) for name, entry in self.tensors.items()},
        }
        # Metadata were checked when they came; whatever else is here is ours.
        return b"{" + b",".join(encode_table({name: value})[1:-1] for name, value in fields.items()) + b"}"

    @classmethod
    def from_json(cls, data: str | bytes, *, key: CheckpointKey) -> Manifest:
        """Decode and check a manifest found in the file of `key`. Fields it does not know are left out.

        Raises:
            CorruptCheckpoint: It is damaged, or belongs to another checkpoint.
            UnsupportedFormat: A newer version of this package wrote it.
        """
        fields = Fields(data, key=key, what="manifest")
        fields.check_version(MANIFEST_VERSION)
        if fields.take("key", str) != key:
            raise fields.corrupt(f"is the manifest of {fields.take('key', str)!r}")
        owners = [fields.key(text) for text in fields.take("owners", list)]
        graph = fields.optional("graph", list)
        has_prints = fields.optional("prints", dict) is not None
        rows = fields.take("tensors", dict)
        return cls(
            lineage=Lineage.from_fields(fields, key=key),
            graph=None if graph is None else _entry(graph, owners=owners, fields=fields),
            tensors=MappingProxyType(_entries(rows, owners=owners, fields=fields)),
            fingerprints=Fingerprints.from_fields(fields.inside("prints")) if has_prints else None,
        )


def _entries(
    rows: Mapping[str, Json], *, owners: Sequence[CheckpointKey], fields: Fields
) -> dict[str, TensorEntry]:
    columns = _columns(rows.values(), num_owners=len(owners))
    if columns is None:
        return {name: _entry(row, owners=owners, fields=fields) for name, row in rows.items()}
    digests, dtypes, shapes, numbers = columns
    keys = map(owners.__getitem__, numbers)
    return dict(zip(rows, map(TensorEntry, digests, dtypes, shapes, keys), strict=True))


class _Columns(NamedTuple):
    digests: Sequence[Digest]
    dtypes: Sequence[str]
    shapes: Sequence[tuple[int, ...]]
    owners: Sequence[int]


def _columns(rows: Collection[Any], *, num_owners: int) -> _Columns | None:  # Any: JSON
    """The rows of a table in which all is as `_entry` wants it; ``None`` for others.

    Checked by column, in loops that are not Python's, which takes a third of the time.
    """
    if not rows or {*map(type, rows)} != {list} or {*map(len, rows)} != {4}:
        return None
    digests, dtypes, shapes, numbers = zip(*rows, strict=True)
    if {*map(type, digests), *map(type, dtypes)} != {str} or {*map(type, shapes)} != {list}:
        return None
    # To Python true is 1; so the type, and not isinstance.
    if {*map(type, numbers)} != {int} or {*map(type, chain.from_iterable(shapes)), int} != {int}:
        return None
    forms = [*map(tuple, shapes)]
    if min(numbers) < 0 or max(numbers) >= num_owners or None in map(size_of, dtypes, forms):
        return None
    try:
        return _Columns([*map(parse_digest, digests)], dtypes, forms, numbers)
    except InvalidName:
        return None


def _entry(row: Json, *, owners: Sequence[CheckpointKey], fields: Fields) -> TensorEntry:
    if type(row) is list and len(row) == 4:
        digest, dtype, shape, owner = row
        # To Python true is 1; so the type, and not isinstance.
        if type(owner) is int and 0 <= owner < len(owners) and size_of_form(dtype, shape) is not None:
            return TensorEntry(_digest(digest, fields=fields), dtype, tuple(shape), owners[owner])
    raise fields.corrupt(f"has a tensor {reprlib.repr(row)} that cannot be")


def _digest(text: Json, *, fields: Fields) -> Digest:
    try:
        return parse_digest(text if isinstance(text, str) else "")
    except InvalidName as error:
        raise fields.corrupt(f"has a digest {reprlib.repr(text)}") from error
