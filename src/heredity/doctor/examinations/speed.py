"""How long small things take, how fast much is moved, and how much room is left."""

from __future__ import annotations

import os
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from heredity.doctor.examinations.names import NAMES
from heredity.doctor.findings import Finding, Grade
from heredity.errors import StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from heredity.doctor.place import Place

_NUM_TIMES = 15
_SMALL = bytes(4096)
# No disk and no battery-backed cache answers so fast: nothing was sent to one.
_IMPLAUSIBLE_SECONDS = 10e-6
_SLOW_SECONDS = {"sync": 0.1, "put": 0.5, "open": 0.25, "list": 1.0}
_MEGABYTE = 1_000_000
THROUGHPUT_BYTES = 16 * _MEGABYTE
_SLOW_MEGABYTES_PER_SECOND = 20.0
_LITTLE_BYTES = 1_000_000_000
_LITTLE_FILES = 10_000


def times_of(call: Callable[[int], object], *, num_times: int = _NUM_TIMES) -> list[float]:
    """How many seconds each of some calls takes."""
    taken = []
    for number in range(num_times):
        begun = time.perf_counter()
        call(number)
        taken.append(time.perf_counter() - begun)
    return taken


def milliseconds(seconds: float) -> str:
    """A short time for people."""
    return f"{1000 * seconds:.3f} ms" if seconds < 0.001 else f"{1000 * seconds:.1f} ms"


def _median_and_longest(taken: list[float]) -> str:
    median, longest = milliseconds(statistics.median(taken)), milliseconds(max(taken))
    return f"{median} (median of {len(taken)}, longest {longest})"


def check_sync(place: Place) -> Iterator[Finding]:
    """How long it takes until 4 kB are on the disk."""
    if place.folder is None:
        return
    taken = sync_times(place.folder)
    median = statistics.median(taken)
    seen = f"4 kB written and synced in {_median_and_longest(taken)}"
    measures = {"median_seconds": median, "longest_seconds": max(taken)}
    if median < _IMPLAUSIBLE_SECONDS:
        yield Finding(
            "sync",
            Grade.NOTE,
            seen,
            expected="more; nothing that outlives a power cut is so fast",
            change="Is this memory, or does something swallow fsync (eatmydata, a machine's cache=unsafe)?",
            measures=measures,
        )
    else:
        yield _judged("sync", median, seen=seen, measures=measures)


def sync_times(folder: Path, *, num_times: int = _NUM_TIMES) -> list[float]:
    """How long it takes to write 4 kB and to sync them, time and again."""
    file = os.open(folder / f"sync-{secrets.token_hex(4)}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write_and_sync(_number: int) -> None:
        # Both together: some mounts sync within the write.
        os.write(file, _SMALL)
        os.fsync(file)

    try:
        return times_of(write_and_sync, num_times=num_times)
    finally:
        os.close(file)


def check_latency(place: Place) -> Iterator[Finding]:
    """How long one small put, one look with reading, and one listing take."""
    backend, run = place.backend, secrets.token_hex(4)
    names = [f"{NAMES}small-{run}-{number}" for number in range(_NUM_TIMES)]

    def read(number: int) -> None:
        blob = backend.open(names[number])
        if blob is None:
            raise StoreUnavailable(f"{backend.url}: {names[number]!r} vanished as soon as it was put.")
        with blob:
            blob.read(0, blob.size)

    for name, call in (
        ("put", lambda number: backend.put_once(names[number], [_SMALL])),
        ("open", read),
        ("list", lambda _number: backend.names(NAMES)),
    ):
        median = statistics.median(taken := times_of(call))
        what = {"put": "4 kB saved", "open": "4 kB opened and read", "list": "a directory listed"}[name]
        seen = f"{what} in {_median_and_longest(taken)}"
        yield _judged(name, median, seen=seen, measures={"median_seconds": median})


def _judged(name: str, median: float, *, seen: str, measures: dict[str, float]) -> Finding:
    limit = _SLOW_SECONDS[name]
    if median < limit:
        return Finding(f"latency of {name}", Grade.GOOD, seen, measures=measures)
    return Finding(
        f"latency of {name}",
        Grade.NOTE if median < 10 * limit else Grade.POOR,
        seen,
        expected=f"less than {milliseconds(limit)}; trials wait for it at each save and load",
        change="Is the place busy, far away, or on a slow disk?",
        measures=measures,
    )


def check_throughput(place: Place) -> Iterator[Finding]:
    """How fast 16 MB are put, and read again."""
    backend, name = place.backend, f"{NAMES}much-{secrets.token_hex(4)}"
    content = os.urandom(THROUGHPUT_BYTES)
    (put_seconds,) = times_of(lambda _: backend.put_once(name, [content]), num_times=1)
    if place.folder is not None:
        _forget(place.folder / name)
    blob = backend.open(name)
    if blob is None:
        raise StoreUnavailable(f"{backend.url}: {name!r} vanished as soon as it was put.")
    with blob:
        begun = time.perf_counter()
        is_same = blob.read(0, blob.size) == content
        read_seconds = time.perf_counter() - begun
    if not is_same:
        yield Finding(
            "content",
            Grade.UNFIT,
            f"{THROUGHPUT_BYTES} bytes came back changed",
            expected="the bytes that were put",
            change="Look at the disk, the network and the memory of machine and server.",
        )
    rates = {"put": put_seconds, "read": read_seconds}
    for way, rate in ((way, THROUGHPUT_BYTES / _MEGABYTE / seconds) for way, seconds in rates.items()):
        yield _judged_rate(way, rate)


def _forget(path: Path) -> None:
    # Else it would come from this machine's memory. Where there is no such advice, it does.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


def _judged_rate(way: str, rate: float) -> Finding:
    seen, measures = f"{rate:.0f} MB/s (16 MB at once)", {"megabytes_per_second": rate}
    if rate >= _SLOW_MEGABYTES_PER_SECOND:
        return Finding(f"throughput of {way}", Grade.GOOD, seen, measures=measures)
    return Finding(
        f"throughput of {way}",
        Grade.NOTE,
        f"{rate:.1f} MB/s (16 MB at once)",
        expected=f"at least {_SLOW_MEGABYTES_PER_SECOND:g} MB/s",
        change="A network of 1 Gbit/s gives 100 MB/s; a cache on the local disk spares repeated reads.",
        measures=measures,
    )


def check_space(place: Place) -> Iterator[Finding]:
    """How much room there is for this user."""
    if place.home is None:
        return
    found = os.statvfs(place.home)
    free_bytes = found.f_bavail * found.f_frsize
    measures = {"free_bytes": float(free_bytes)}
    seen = f"{free_bytes / 1e9:.1f} GB free of {found.f_blocks * found.f_frsize / 1e9:.1f} GB"
    # Some file systems make their inodes as they need them, and count none.
    if found.f_files:
        measures["free_files"] = float(found.f_favail)
        seen += f", room for {found.f_favail} files"
    is_little = free_bytes < _LITTLE_BYTES or (found.f_files > 0 and found.f_favail < _LITTLE_FILES)
    yield Finding(
        "space",
        Grade.POOR if is_little else Grade.GOOD,
        seen,
        expected=f"at least 1 GB and {_LITTLE_FILES} files" if is_little else "",
        change="Free some, or raise the quota. A full disk fails saves and damages nothing."
        if is_little
        else "",
        measures=measures,
    )
