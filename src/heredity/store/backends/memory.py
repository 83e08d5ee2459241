"""A dict. For tests, for examples, and for searches whose weights need not outlive the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.store.backends.base import Backend, Blob, Capabilities

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from heredity.store.tensors import Buffer


class MemoryBackend(Backend):
    """Names in this process. A forked process has a copy of its own, from then on apart."""

    def __init__(self, *, url: str) -> None:
        self.url = url
        self.capabilities = Capabilities(is_shared=False, is_durable=False, maps_files=False)
        self._content: dict[str, bytes] = {}

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(f"{self.url} lies in the memory of one process; give other processes a directory.")

    def make_directories(self, names: Iterable[str]) -> None:
        """Nothing to do: names have no directories here."""

    def put_once(self, name: str, chunks: Iterable[Buffer]) -> bool:
        """Put the joined chunks under a name, unless it is taken."""
        content = b"".join(memoryview(chunk).cast("B") for chunk in chunks)
        # setdefault is one step under the interpreter's lock; no lock of ours could be held across a fork.
        return self._content.setdefault(name, content) is content

    def open(self, name: str) -> Blob | None:
        """Open a name for reading; ``None`` where it is absent."""
        content = self._content.get(name)
        return None if content is None else _MemoryBlob(content)

    def exists(self, name: str) -> bool:
        """Whether the name has been put."""
        return name in self._content

    def names(self, directory: str) -> list[str]:
        """All names below a directory, whole and sorted."""
        return sorted(name for name in self._content.copy() if name.startswith(directory))

    def settle(self, name: str) -> None:
        """Nothing to do: nothing here outlives the process."""


class _MemoryBlob(Blob):
    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self._content = content

    def read(self, start: int, stop: int) -> bytes:
        return self._content[start:stop]

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        return [memoryview(bytearray(memoryview(self._content)[start:stop])) for start, stop in ranges]

    def close(self) -> None:
        pass
