"""A bounded memory of what was used last; safe in threads and across forks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping of at most `capacity` items; the one unused for longest gives way.

    Without a lock, which a fork could leave held for ever: each step is a single operation of a dict. Between
    two steps another thread may miss an item that is there: only what can be found again belongs here.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: dict[K, V] = {}  # the youngest last

    def __reduce__(self) -> tuple[object, ...]:
        # Another process begins with nothing.
        return Recent, (self._capacity,)

    def get(self, key: K) -> V | None:
        """Return the item and make it the youngest; ``None`` where there is none."""
        value = self._items.pop(key, None)
        if value is not None:
            self._items[key] = value
        return value

    def put(self, key: K, value: V) -> None:
        """Remember an item, forgetting the oldest if there are too many."""
        self.put_all([(key, value)])

    def put_all(self, items: Iterable[tuple[K, V]]) -> None:
        """Remember many items, forgetting the oldest if there are too many."""
        for key, value in items:
            self._items.pop(key, None)
            self._items[key] = value
        while len(self._items) > self._capacity:
            try:
                self._items.pop(next(iter(self._items)), None)
            except (RuntimeError, StopIteration):
                continue  # another thread changed the dict between the two calls
