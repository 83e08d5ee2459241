"""All that can be seen of a store, so that two moments of it can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from heredity.store import Store, open_store
from heredity.store.files.layout import CHECKPOINTS

Bytes = Mapping[str, bytes]


@dataclass(frozen=True)
class Snapshot:
    """What a user sees: checkpoints with their bytes and parents, tombstones, and where the refs point."""

    live: Mapping[str, tuple[Bytes, tuple[str, ...]]]
    dropped: frozenset[str]
    refs: Mapping[str, str]


def snapshot_of(root: Path) -> Snapshot:
    """Look at a store through an object that has seen nothing yet; everything in it must be whole."""
    store = open_store(root, create=False, verify="always")
    assert store.verify() == []
    return Snapshot(
        live={each.key: (_bytes(store, each.key), each.parents) for each in store.checkpoints()},
        dropped=store._reader.listing().dropped,
        refs={name: store.refs[name].key for name in store.refs},
    )


def _bytes(store: Store, key: str) -> Bytes:
    return {name: tensor.tobytes() for name, tensor in store[key].tensors().items()}


def files_of(root: Path) -> set[str]:
    """The files of checkpoints and tombstones, whether anybody sees them or not."""
    return {str(path.relative_to(root)) for path in (root / CHECKPOINTS).rglob("*") if path.is_file()}


def garbage_in(root: Path) -> list[str]:
    """What unfinished writes and retired files have left."""
    return [str(path.relative_to(root)) for room in ("tmp", "trash") for path in (root / room).iterdir()]
