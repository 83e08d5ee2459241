"""A bounded memory of what was used last; safe in threads and across forks."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A mapping of at most `capacity` items; the one unused for longest gives way."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: OrderedDict[K, V] = OrderedDict()
        self._renew_lock()

    def __reduce__(self) -> tuple[object, ...]:
        # Another process remembers nothing, and has a lock of its own.
        return Recent, (self._capacity,)

    def _renew_lock(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()

    def _guard(self) -> threading.Lock:
        # A lock that another thread held while this process was forked is never released here.
        if self._process != os.getpid():
            self._renew_lock()
        return self._lock

    def get(self, key: K) -> V | None:
        """Return the item and make it the youngest; ``None`` where there is none."""
        with self._guard():
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key]

    def put(self, key: K, value: V) -> None:
        """Remember an item, forgetting the oldest if there are too many."""
        self.put_all([(key, value)])

    def put_all(self, items: Iterable[tuple[K, V]]) -> None:
        """Remember many items, forgetting the oldest if there are too many."""
        with self._guard():
            for key, value in items:
                self._items[key] = value
                self._items.move_to_end(key)
            while len(self._items) > self._capacity:
                self._items.popitem(last=False)
