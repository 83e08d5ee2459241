"""One file of the cache: consecutive bytes of a stored file, and checksums that find what is damaged.

The bytes come first, so that they can be mapped; then a table with the end and the checksum of each piece;
then a footer with the checksum of the table and of what these bytes are. Nothing is synced: a file that a
crash has torn is found by its checksums like any other damage.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.store.tensors import TensorData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from heredity.store.backends.base import Blob
    from heredity.store.tensors import Buffer

Range = tuple[int, int]

# A whole piece must be read to check a part of it. Hashing so many bytes takes 60 µs.
_PIECE_BYTES = 1 << 20
_MAGIC = b"heredit1"
_CHECKSUM_BYTES = 16
_ROW = struct.Struct(f"<Q{_CHECKSUM_BYTES}s")
_FOOTER = struct.Struct(f"<8sQ{_CHECKSUM_BYTES}s")


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes `start` up to `stop` of a stored file of `size` bytes, which lie in a file of the cache.

    Args:
        path: The file of the cache.
        identity: What tells the stored file from all others, of this place and of other places.
    """

    path: Path
    identity: bytes
    start: int
    stop: int
    size: int

    def holds(self, wanted: Range) -> bool:
        """Whether a range lies in it."""
        return self.start <= wanted[0] and wanted[1] <= self.stop


def checksum(data: Buffer) -> bytes:
    """Sixteen bytes that differ wherever the data do."""
    digest = TensorData("U8", (memoryview(data).nbytes,), data).digest()
    return bytes.fromhex(digest.partition(":")[2])


def entry_bytes(parts: Iterable[memoryview]) -> int:
    """Length of the file that `encode_entry` makes of these parts."""
    return _FOOTER.size + sum(
        part.nbytes + _ROW.size * math.ceil(part.nbytes / _PIECE_BYTES) for part in parts
    )


def encode_entry(extent: Extent, parts: Sequence[memoryview]) -> Iterator[Buffer]:
    """Encode an extent, given in consecutive parts."""
    table = bytearray()
    stop = 0
    for part in parts:
        for start in range(0, part.nbytes, _PIECE_BYTES):
            piece = part[start : start + _PIECE_BYTES]
            stop += piece.nbytes
            table += _ROW.pack(stop, checksum(piece))
            yield piece
    yield table
    yield _FOOTER.pack(_MAGIC, len(table), _checksum_of_table(extent, table))


def _checksum_of_table(extent: Extent, table: bytes | bytearray) -> bytes:
    what = f"{extent.start}-{extent.stop}-{extent.size} ".encode("ascii") + extent.identity
    return checksum(b"".join((table, what)))


def read_entry(extent: Extent, file: Blob, ranges: Sequence[Range]) -> list[memoryview] | None:
    """Return ranges of the stored file that lie in the extent; ``None`` if the entry is damaged.

    Raises:
        StoreUnavailable: The file cannot be read.
    """
    table = _read_table(extent, file)
    if table is None:
        return None
    spans = [table.pieces_around(start - extent.start, stop - extent.start) for start, stop in ranges]
    views = file.read_ranges([(table.begin_of(first), table.stops[last]) for first, last in spans])
    if not all(table.fits(view, first, last) for view, (first, last) in zip(views, spans, strict=True)):
        return None
    found = []
    for view, (first, _), (start, stop) in zip(views, spans, ranges, strict=True):
        at = start - extent.start - table.begin_of(first)
        found.append(view[at : at + stop - start])
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    stops: list[int]
    checksums: list[bytes]

    def begin_of(self, piece: int) -> int:
        return self.stops[piece - 1] if piece else 0

    def pieces_around(self, start: int, stop: int) -> tuple[int, int]:
        """First and last piece that a range touches."""
        return bisect_right(self.stops, start), bisect_left(self.stops, stop)

    def fits(self, view: memoryview, first: int, last: int) -> bool:
        """Whether these are the bytes of the pieces from the first to the last."""
        begin = self.begin_of(first)
        return all(
            checksum(view[self.begin_of(piece) - begin : self.stops[piece] - begin]) == self.checksums[piece]
            for piece in range(first, last + 1)
        )


def _read_table(extent: Extent, file: Blob) -> _Table | None:
    """Nothing that the file says is believed before its checksum and its length are right."""
    length = extent.stop - extent.start
    if file.size < length + _FOOTER.size:
        return None
    footer_start = file.size - _FOOTER.size
    table_and_footer = file.read(length, file.size)
    table = table_and_footer[: footer_start - length]
    if _FOOTER.unpack(table_and_footer[len(table) :]) != (
        _MAGIC,
        len(table),
        _checksum_of_table(extent, table),
    ):
        return None
    rows = list(_ROW.iter_unpack(table))
    return _Table([stop for stop, _ in rows], [digest for _, digest in rows])
