"""One object, open for reading: its size and first bytes are known, the rest is fetched when asked for."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from heredity.errors import StoreUnavailable
from heredity.store.backends.base import Blob
from heredity.store.backends.objects.failures import typed_errors
from heredity.store.backends.objects.ranges import PART_BYTES, PARTS_A_BATCH, Scatter, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heredity.store.backends.objects.client import Client
    from heredity.store.backends.objects.ranges import Range


class ObjectBlob(Blob):
    """An object whose first bytes have come with the question for its size."""

    def __init__(self, client: Client, name: str, *, url: str, size: int, first: bytes) -> None:
        self.size = size
        self._client = client
        self._name = name
        self._url = url
        self._first = first

    def read(self, start: int, stop: int) -> bytes:
        """Return one range."""
        if stop <= len(self._first):
            return self._first[start:stop]
        (content,) = self.read_ranges([(start, stop)])
        return bytes(content)

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        """Return many ranges, as copies; what is fetched at a time takes 64 MB beside them."""
        memory = [_memory(stop - start) for start, stop in ranges]
        scatter = Scatter(ranges, memory)
        parts = parts_of(ranges)
        if all(stop <= len(self._first) for _, stop in ranges):
            if self._first:
                scatter.take(0, memoryview(self._first))
            return memory
        while batch := list(islice(parts, PARTS_A_BATCH)):
            self._fetch(batch, into=scatter)
        return memory

    def _fetch(self, parts: Sequence[Range], *, into: Scatter) -> None:
        store = self._client.store(num_bytes=PART_BYTES * PARTS_A_BATCH)
        starts, stops = [start for start, _ in parts], [stop for _, stop in parts]
        try:
            with typed_errors(self._url, f"reading {self._name!r}"):
                # Put together already, with a bound on what that takes; obstore's own way has none.
                contents = store.get_ranges(self._name, starts=starts, ends=stops, coalesce=0)
        except FileNotFoundError as error:
            raise StoreUnavailable(
                f"{self._url}: {self._name!r} is gone; it was there when it was opened.",
                hint="A collection has freed it, or somebody has deleted it: look for the checkpoint again.",
            ) from error
        for (start, stop), content in zip(parts, contents, strict=True):
            if len(content) != stop - start:
                raise StoreUnavailable(
                    f"{self._url}: of {self._name!r}, {len(content)} bytes came from {start} on; "
                    f"{stop - start} were asked for.",
                    hint="Somebody has changed the object; store.verify() lists all damage.",
                )
            into.take(start, memoryview(content))

    def close(self) -> None:
        """Nothing to do: there is no connection that is this object's own."""


def _memory(num_bytes: int) -> memoryview:
    # Not a bytearray, which would be filled with zeros first.
    return np.empty(num_bytes, dtype=np.uint8).data if num_bytes else memoryview(bytearray())
