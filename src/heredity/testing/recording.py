"""A place that records what it is asked, to show what was not asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.store.backends.base import Backend, Blob, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from heredity.store.tensors import Buffer


class RecordingBackend(Backend):
    """Passes everything on, and remembers it in `calls`: the method, then the name or the directory.

    A range that was read is ``"read NAME START-STOP"``.
    """

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.url = inner.url
        self.capabilities = inner.capabilities
        self.calls: list[str] = []

    def taken(self) -> list[str]:
        """What was asked since the last time."""
        calls = self.calls.copy()
        self.calls.clear()
        return calls

    def make_directories(self, names: Iterable[str]) -> None:
        """Make directories."""
        self.calls.append("make_directories")
        self.inner.make_directories(names)

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Put."""
        self.calls.append(f"put_once {name}")
        return self.inner.put_once(name, content, before_commit=before_commit)

    def open(self, name: str) -> Blob | None:
        """Open; what is read is recorded too."""
        self.calls.append(f"open {name}")
        blob = self.inner.open(name)
        return None if blob is None else _RecordingBlob(blob, name=name, calls=self.calls)

    def exists(self, name: str) -> bool:
        """Look."""
        self.calls.append(f"exists {name}")
        return self.inner.exists(name)

    def names(self, directory: str) -> list[str]:
        """List."""
        self.calls.append(f"names {directory}")
        return self.inner.names(directory)

    def settle(self, name: str) -> None:
        """Settle."""
        self.calls.append(f"settle {name}")
        self.inner.settle(name)

    def retire(self, name: str) -> None:
        """Take away."""
        self.calls.append(f"retire {name}")
        self.inner.retire(name)

    def put_at(self, name: str) -> float | None:
        """Ask when."""
        self.calls.append(f"put_at {name}")
        return self.inner.put_at(name)

    def now(self) -> float:
        """Ask for the time."""
        self.calls.append("now")
        return self.inner.now()

    def sweep(self, *, before: float) -> None:
        """Sweep."""
        self.calls.append("sweep")
        self.inner.sweep(before=before)

    def version_of(self, directory: str) -> str | None:
        """Ask for the version."""
        self.calls.append(f"version_of {directory}")
        return self.inner.version_of(directory)

    def watch(self, directory: str) -> Watcher:
        """Watch."""
        self.calls.append(f"watch {directory}")
        return self.inner.watch(directory)


class _RecordingBlob(Blob):
    def __init__(self, inner: Blob, *, name: str, calls: list[str]) -> None:
        self.size = inner.size
        self._inner = inner
        self._name = name
        self._calls = calls

    def read(self, start: int, stop: int) -> bytes:
        self._calls.append(f"read {self._name} {start}-{stop}")
        return self._inner.read(start, stop)

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        self._calls += [f"read {self._name} {start}-{stop}" for start, stop in ranges]
        return self._inner.read_ranges(ranges)

    def close(self) -> None:
        self._inner.close()
