"""A dict. For tests, for examples, and for searches whose weights need not outlive the process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.store.backends.base import Backend, Blob, Capabilities, Sleeper, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from heredity.store.tensors import Buffer


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    content: bytes
    put_at: float


class MemoryBackend(Backend):
    """Names in this process. A forked process has a copy of its own, from then on apart."""

    def __init__(self, *, url: str) -> None:
        self.url = url
        # No fence: between the last check and the commit lie a few instructions, but no rule of ours.
        self.capabilities = Capabilities(
            is_shared=False,
            is_durable=False,
            maps_files=False,
            fences_writers=False,
            first_pause_seconds=0.0005,
            longest_pause_seconds=0.01,
        )
        self._items: dict[str, _Item] = {}

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(f"{self.url} lies in the memory of one process; give other processes a directory.")

    def make_directories(self, names: Iterable[str]) -> None:
        """Nothing to do: names have no directories here."""

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Put the joined pieces under a name, unless it is taken."""
        joined = b"".join(memoryview(piece).cast("B") for piece in content)
        if before_commit is not None:
            before_commit()
        item = _Item(joined, time.time())
        # setdefault is one step under the interpreter's lock; no lock of ours could be held across a fork.
        if self._items.setdefault(name, item) is not item:
            return False
        if before_commit is not None:
            try:
                before_commit()
            except BaseException:
                self.retire(name)
                raise
        return True

    def open(self, name: str) -> Blob | None:
        """Open a name for reading; ``None`` where it is absent."""
        item = self._items.get(name)
        return None if item is None else _MemoryBlob(item.content)

    def exists(self, name: str) -> bool:
        """Whether the name has been put."""
        return name in self._items

    def names(self, directory: str) -> list[str]:
        """All names below a directory, whole and sorted."""
        return sorted(name for name in self._items.copy() if name.startswith(directory))

    def settle(self, name: str) -> None:
        """Nothing to do: nothing here outlives the process."""

    def retire(self, name: str) -> None:
        """Forget a name; who has it open keeps its bytes."""
        self._items.pop(name, None)

    def put_at(self, name: str) -> float | None:
        """When a name was put; ``None`` where it is absent."""
        item = self._items.get(name)
        return None if item is None else item.put_at

    def now(self) -> float:
        """Our own clock, a tick on."""
        begun = time.time()
        while (now := time.time()) <= begun:
            continue
        return now

    def sweep(self, *, before: float) -> None:
        """Nothing to do: nothing is left over here."""

    def version_of(self, directory: str) -> str | None:  # noqa: ARG002  # the interface
        """There is none."""
        return None

    def watch(self, directory: str) -> Watcher:  # noqa: ARG002  # the interface
        """Begin to watch a directory."""
        return Sleeper()


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
