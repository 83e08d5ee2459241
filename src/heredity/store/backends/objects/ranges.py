"""Which requests to make for many ranges of one object, and where their answers go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

# Reading on over a gap of this size costs less than one more request.
GAP_BYTES = 1 << 20
# Large enough to be worth a request, small enough that several run side by side: a single connection to S3
# brings 50 to 90 MB/s.
PART_BYTES = 8 << 20
PARTS_A_BATCH = 8

Range = tuple[int, int]


def parts_of(ranges: Sequence[Range], *, gap: int = GAP_BYTES, largest: int = PART_BYTES) -> Iterator[Range]:
    """The parts of the object that cover the ranges, in order, none larger than `largest`."""
    extent: Range | None = None
    for start, stop in sorted(ranges):
        if start == stop:
            continue
        if extent is not None and start - extent[1] <= gap:
            extent = (extent[0], max(extent[1], stop))
            continue
        yield from _cut(extent, largest)
        extent = (start, stop)
    yield from _cut(extent, largest)


def _cut(extent: Range | None, largest: int) -> Iterator[Range]:
    if extent is not None:
        for start in range(*extent, largest):
            yield start, min(start + largest, extent[1])


class Scatter:
    """Copies parts, which come in their order, into the memory of the ranges that they cover."""

    def __init__(self, ranges: Sequence[Range], memory: Sequence[memoryview]) -> None:
        self._waiting = sorted(zip(ranges, memory, strict=True), key=lambda item: item[0], reverse=True)
        self._active: list[tuple[Range, memoryview]] = []

    def take(self, start: int, content: memoryview) -> None:
        """Copy the part that begins at `start`."""
        stop = start + content.nbytes
        while self._waiting and self._waiting[-1][0][0] < stop:
            self._active.append(self._waiting.pop())
        for (first, last), target in self._active:
            low, high = max(first, start), min(last, stop)
            if low < high:
                target[low - first : high - first] = content[low - start : high - start]
        self._active = [item for item in self._active if item[0][1] > stop]
