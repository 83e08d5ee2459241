"""Checkpoint: the weights of a model at one moment, as they lie in a store."""

from __future__ import annotations

import copy
import difflib
from typing import TYPE_CHECKING, Any, Literal, overload

from heredity.encoding import Json, decode
from heredity.errors import CheckpointNotFound, CorruptCheckpoint, InputError
from heredity.notebooks import checkpoint_html
from heredity.store.frameworks import framework as find_framework

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import numpy as np

    from heredity.ids import CheckpointKey
    from heredity.store.files.lineage import Lineage
    from heredity.store.files.manifest import Manifest, TensorEntry
    from heredity.store.files.pack import Pack
    from heredity.store.files.reader import Reader
    from heredity.store.tensors import TensorData


class Checkpoint:
    """A checkpoint in a store. Never changes; cheap to have, since tensors are read only when asked for.

    Obtained from a `Store`, not made. Equal to another if both are the same checkpoint of the same store.
    """

    def __init__(self, lineage: Lineage, reader: Reader) -> None:
        self._lineage = lineage
        self._reader = reader

    @property
    def key(self) -> CheckpointKey:
        """Its name in the store."""
        return self._lineage.key

    @property
    def parents(self) -> tuple[CheckpointKey, ...]:
        """Names of the checkpoints it inherited from."""
        return self._lineage.parents

    @property
    def score(self) -> float | None:
        """How good it is, if its writer said so."""
        return self._lineage.score

    @property
    def created(self) -> datetime:
        """When it was saved, by its writer's clock, in UTC."""
        return self._lineage.created

    @property
    def metadata(self) -> dict[str, Json]:
        """What its writer wanted to keep with it; a copy."""
        return copy.deepcopy(dict(self._lineage.metadata))

    @property
    def store_id(self) -> str:
        """The random name of the store it lies in."""
        return self._reader.store_id

    @property
    def manifest(self) -> Manifest:
        """Its table of contents."""
        return self._pack().manifest

    def _pack(self) -> Pack:
        pack = self._reader.pack(self.key)
        if pack is None:
            raise CheckpointNotFound(
                f"Checkpoint {self.key!r} was there and is gone from {self._reader.backend.url}."
            )
        return pack

    @property
    def tensor_names(self) -> tuple[str, ...]:
        """Names of its tensors, as they were given, sorted."""
        return tuple(self.manifest.tensors)

    @property
    def size_bytes(self) -> int:
        """Bytes that all its tensors take when loaded."""
        return sum(entry.size_bytes for entry in self.manifest.tensors.values())

    @property
    def own_bytes(self) -> int:
        """Bytes of its tensors in its own file, each content once; the rest lies with its owners."""
        own = {
            entry.digest: entry.size_bytes
            for entry in self.manifest.tensors.values()
            if entry.owner == self.key
        }
        return sum(own.values())

    @property
    def graph(self) -> Json:
        """The model's graph as plain data, ``None`` if it was saved without one. Read anew each time.

        Raises:
            CorruptCheckpoint: What is stored is no JSON, or not what its digest says.
        """
        entry = self.manifest.graph
        if entry is None:
            return None
        data = self._reader.read(self.key, {"(graph)": entry})["(graph)"].data
        try:
            return decode(data)
        except (ValueError, RecursionError) as error:
            raise CorruptCheckpoint(f"Checkpoint {self.key!r}: its graph is not JSON ({error}).") from error

    def read(self, names: Iterable[str] | None = None) -> dict[str, TensorData]:
        """Read tensors as raw bytes, all of them or those of these names.

        Raises:
            InputError: There is no tensor of such a name.
            CorruptCheckpoint: A tensor is not what its digest says, or a file is missing.
        """
        return self._reader.read(self.key, self._entries(names))

    @overload
    def tensors(
        self, names: Iterable[str] | None = None, *, framework: Literal["numpy"] = "numpy"
    ) -> dict[str, np.ndarray[Any, Any]]: ...  # Any: whatever was stored

    @overload
    def tensors(
        self, names: Iterable[str] | None = None, *, framework: str
    ) -> dict[str, Any]: ...  # Any: the framework's own arrays

    def tensors(self, names: Iterable[str] | None = None, *, framework: str = "numpy") -> dict[str, Any]:
        """Read tensors as arrays of a framework: all, or those of these names.

        Frameworks are ``"numpy"``, ``"torch"`` and ``"jax"``. On a local disk tensors are mapped, not copied.
        They may be written to: nothing of it reaches the store.

        Raises:
            InputError: There is no tensor of such a name, or no such framework.
            InvalidTensor: The framework has no such dtype.
            CorruptCheckpoint: A tensor is not what its digest says, or a file is missing.
        """
        target = find_framework(framework)
        return {name: target.from_tensor_data(tensor) for name, tensor in self.read(names).items()}

    def _entries(self, names: Iterable[str] | None) -> dict[str, TensorEntry]:
        table = self.manifest.tensors
        if names is None:
            return dict(table)
        if isinstance(names, str):
            raise InputError(
                f"names={names!r} is one text; expected a collection of names, as in [{names!r}]."
            )
        wanted = list(names)
        absent = [name for name in wanted if name not in table]
        if absent:
            near = difflib.get_close_matches(str(absent[0]), table, n=3)
            raise InputError(
                f"Checkpoint {self.key!r} has no tensor {absent[0]!r}.",
                hint=f"Near it are {', '.join(map(repr, near))}." if near else f"It has {len(table)} others.",
            )
        return {name: table[name] for name in wanted}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Checkpoint):
            return NotImplemented
        return (self.store_id, self.key) == (other.store_id, other.key)

    def __hash__(self) -> int:
        return hash((self.store_id, self.key))

    def __repr__(self) -> str:
        return f"<Checkpoint {self.key!r}, score {self.score}, parents {list(self.parents)}>"

    def _repr_html_(self) -> str:
        return checkpoint_html(self)
