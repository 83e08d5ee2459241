"""Stores whose files are laid down one by one, and an index of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heredity.encoding import Json
from heredity.ids import CheckpointKey, parse_checkpoint_key
from heredity.store import Backend, Lineage, LocalBackend, Manifest, MemoryBackend, TensorData, TensorEntry
from heredity.store.backends import Blob
from heredity.store.files.fingerprints import Fingerprints
from heredity.store.files.layout import CHECKPOINTS, DIRECTORIES, name_of
from heredity.store.files.pack import write_header
from heredity.store.files.reader import Reader
from heredity.store.index import Index
from heredity.store.upkeep.dropping import put_tombstone

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class CountingMemory(MemoryBackend):
    """Notes what is opened; a shard's version is the second of its last change, if `has_versions`."""

    def __init__(self) -> None:
        super().__init__(url="memory://index")
        self.opened: list[str] = []
        self.listed: list[str] = []
        self.has_versions = False
        self.versions: dict[str, int] = {}

    def open(self, name: str) -> Blob | None:
        self.opened.append(name)
        return super().open(name)

    def names(self, directory: str) -> list[str]:
        self.listed.append(directory)
        return super().names(directory)

    def version_of(self, directory: str) -> str | None:
        return str(self.versions.get(directory, 0)) if self.has_versions else None


class Site:
    """One store and one index of it."""

    def __init__(self, backend: Backend, folder: Path, *, store_id: str = "site") -> None:
        backend.make_directories(DIRECTORIES)
        self.backend = backend
        self.folder = folder
        self.now = 1000.0
        self.reader = Reader(backend, store_id=store_id, verify="first")
        self.index = self.new_index()
        self.entries: dict[str, Manifest] = {}

    def new_index(self) -> Index:
        """Another one, as another process has it."""
        reader = Reader(self.backend, store_id=self.reader.store_id, verify="first")
        return Index(reader, folder=self.folder, clock=lambda: self.now)

    def put(
        self,
        key: str,
        *,
        parents: Sequence[str] = (),
        score: float | None = None,
        created: int = 0,
        metadata: Mapping[str, Json] | None = None,
        prints: Fingerprints | None = None,
        own: int = 0,
        takes: Sequence[str] = (),
    ) -> CheckpointKey:
        """Lay a file down: with a tensor of so many bytes of its own, and those of other checkpoints."""
        parsed = parse_checkpoint_key(key)
        data = TensorData("U8", (own,), (key.encode() * own)[:own])
        tensors = {
            f"of {other}/{name}": entry
            for other in takes
            for name, entry in self.entries[other].tensors.items()
        }
        if own:
            tensors["own"] = TensorEntry(data.digest(), "U8", (own,), parsed)
        lineage = Lineage(
            parsed,
            "nonce",
            tuple(map(parse_checkpoint_key, parents)),
            score,
            BEGIN + timedelta(microseconds=created),
            metadata or {},
        )
        self.entries[key] = Manifest(lineage, None, tensors, prints)
        header, _ = write_header(self.entries[key], {data.digest(): data} if own else {})
        assert self.backend.put_once(name_of(parsed), [header, data.data] if own else [header])
        return parsed

    def drop(self, key: str) -> None:
        parsed = parse_checkpoint_key(key)
        lineage = self.entries[key].lineage if key in self.entries else None
        put_tombstone(self.reader, parsed, lineage=lineage, reason="", dropped_at=BEGIN)

    def collect(self, key: str) -> None:
        self.backend.retire(name_of(parse_checkpoint_key(key)))

    def file_bytes(self, key: str) -> int:
        blob = self.backend.open(name_of(parse_checkpoint_key(key)))
        assert blob is not None
        return blob.size

    def keys(self, prefix: str = "") -> list[str]:
        return [lineage.key for lineage in self.index.look().checkpoints(prefix)]

    @property
    def memory(self) -> CountingMemory:
        assert isinstance(self.backend, CountingMemory)
        return self.backend

    def headers_read(self) -> list[str]:
        """What was opened since the last call."""
        opened = [name.removeprefix(CHECKPOINTS)[3:] for name in self.memory.opened]
        self.memory.opened.clear()
        return opened


@pytest.fixture
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Site]:
    """Makes sites in memory."""
    return lambda: Site(CountingMemory(), tmp_path_factory.mktemp("index"))


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    """One in memory."""
    return new_site()


@pytest.fixture
def local(tmp_path: Path) -> Site:
    """One in a directory."""
    return Site(LocalBackend(tmp_path / "store"), tmp_path / "index")
