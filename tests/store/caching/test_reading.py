"""A cached place is asked for nothing twice, and what was read from it belongs to the reader."""

from __future__ import annotations

import mmap
import tracemalloc
from pathlib import Path

import pytest
from tests.store.caching.loads import BODY, HEAD, MB, SIZE, cached, content, files, load, num_bytes

from heredity.errors import StoreUnavailable
from heredity.store.backends import LocalBackend, MemoryBackend
from heredity.store.backends.caching import CacheSettings, uncached
from heredity.testing.recording import RecordingBackend

# --- what is asked of the place


def test_the_first_load_asks_for_all_and_the_second_for_nothing(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(cached(inner, settings))
    assert inner.taken() == ["open t/a", *(f"read t/a {start}-{stop}" for start, stop in [HEAD, *BODY])]
    load(cached(inner, settings))
    assert inner.taken() == []


def test_ranges_that_touch_are_one_file_of_the_cache(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(cached(inner, settings))
    assert [path.name for path in files(settings)] == [f"0-1000-{SIZE}", f"1000-{SIZE}-{SIZE}"]


def test_a_partial_load_keeps_what_it_read_and_no_more(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(cached(inner, settings), ranges=BODY[:1])
    assert 301_000 < num_bytes(settings) < 302_000
    inner.taken()
    load(cached(inner, settings))
    assert inner.taken() == ["open t/a", *(f"read t/a {start}-{stop}" for start, stop in BODY[1:])]


def test_a_part_of_what_is_cached_is_not_asked_for(inner: RecordingBackend, settings: CacheSettings) -> None:
    """Also across what were two ranges, and inside the pieces that checksums cover."""
    load(cached(inner, settings))
    inner.taken()
    parts = [(1000, 1001), (5000, 6000), (300_990, 301_010), (400_000, 400_000 + MB), (SIZE - 1, SIZE)]
    load(cached(inner, settings), ranges=parts)
    assert inner.taken() == []


def test_what_came_with_the_first_block_is_not_asked_for_again(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(cached(inner, settings), ranges=[(10, 20), (900, 1000)])
    assert inner.taken() == ["open t/a", "read t/a 0-1000"]


def test_whether_something_is_there_is_asked_each_time(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(backend := cached(inner, settings))
    inner.taken()
    for _ in range(2):
        assert backend.exists("t/a")
        assert backend.names("t/") == ["t/a", "t/b"]
        assert backend.put_at("t/a") is not None
        assert backend.version_of("t/") is None
        assert backend.now() > 0
    asked = ["exists t/a", "names t/", "put_at t/a", "version_of t/", "now"]
    assert inner.taken() == asked * 2


def test_who_wants_to_know_what_lies_there_passes_the_cache_by(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(backend := cached(inner, settings))
    inner.taken()
    for place in (uncached(backend), uncached(uncached(backend))):
        load(place)
        assert inner.taken()[0] == "open t/a"


def test_absence_is_not_cached(inner: RecordingBackend, settings: CacheSettings) -> None:
    backend = cached(inner, settings)
    assert backend.open("t/new") is None
    backend.put_once("t/new", [b"1"])
    assert backend.open("t/new") is not None


@pytest.mark.parametrize("name", ["refs/best/000000000001", "t/a%drop"])
def test_other_names_are_never_cached(inner: RecordingBackend, settings: CacheSettings, name: str) -> None:
    inner.put_once(name, [content(name)])
    for _ in range(2):
        inner.taken()
        load(cached(inner, settings), name)
        assert inner.taken()[:2] == [f"open {name}", f"read {name} 0-1000"]
    assert files(settings) == []


def test_two_places_do_not_mix(inner: RecordingBackend, settings: CacheSettings) -> None:
    """Not even where one has taken the other's URL."""
    load(cached(inner, settings, place="store 1"))
    inner.taken()
    load(cached(inner, settings, place="store 2"))
    assert inner.taken()[0] == "open t/a"


def test_a_file_whose_beginning_is_not_cached_is_opened_in_its_place(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(cached(inner, settings))
    files(settings)[0].unlink()
    inner.taken()
    load(cached(inner, settings))
    assert inner.taken() == ["open t/a", "read t/a 0-1000"]


def test_what_was_opened_is_closed(tmp_path: Path, settings: CacheSettings) -> None:
    inner = LocalBackend(tmp_path / "place")
    inner.make_directories(["t/"])
    inner.put_once("t/a", [b"0123456789"])
    num_open = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        blob = cached(inner, settings).open("t/a")
        assert blob is not None
        with blob:
            blob.read(0, 5)
            blob.read(5, 10)
    assert len(list(Path("/proc/self/fd").iterdir())) == num_open


def test_a_cached_place_does_not_promise_pages(tmp_path: Path, settings: CacheSettings) -> None:
    """What comes from the place is read at once and takes memory."""
    assert not cached(LocalBackend(tmp_path), settings).capabilities.maps_files


# --- names that go away


def test_what_is_retired_here_is_gone_here(inner: RecordingBackend, settings: CacheSettings) -> None:
    load(backend := cached(inner, settings))
    backend.retire("t/a")
    assert backend.open("t/a") is None
    assert files(settings) == []


def test_what_was_retired_elsewhere_is_found_out_when_more_is_read(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(backend := cached(inner, settings), ranges=[])
    inner.retire("t/a")
    blob = backend.open("t/a")
    assert blob is not None
    with blob:
        assert blob.read(*HEAD) == content("t/a")[slice(*HEAD)]
        with pytest.raises(StoreUnavailable, match=r"t/a in memory://slow: .* no longer in its place.*again"):
            blob.read(5000, 6000)
    assert backend.open("t/a") is None


# --- memory


def test_a_megabyte_or_more_is_mapped_and_less_is_copied(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(cached(inner, settings))
    assert {type(view.obj) for view in load(cached(inner, settings))} == {mmap.mmap}
    assert mmap.mmap not in {type(view.obj) for view in load(cached(inner, settings), ranges=BODY[:1])}


def test_what_was_read_from_the_cache_may_be_written_to(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(cached(inner, settings))
    for view in load(cached(inner, settings)):
        view[:] = bytes(len(view))
    inner.taken()
    load(cached(inner, settings))
    assert inner.taken() == []


def test_ranges_that_overlap_share_no_memory(inner: RecordingBackend, settings: CacheSettings) -> None:
    whole = (1000, SIZE)
    for _ in range(2):
        ranges = [whole, (2000, 3000), (2000, 3000), (2500, 2500), whole]
        first, second, third, _, fourth = load(cached(inner, settings), ranges=ranges)
        first[:] = bytes(len(first))
        assert bytes(second) == content("t/a")[2000:3000]
        second[:] = bytes(len(second))
        assert bytes(third) == content("t/a")[2000:3000]
        assert bytes(fourth) == content("t/a")[slice(*whole)]


def test_what_was_read_outlives_its_file(inner: RecordingBackend, settings: CacheSettings) -> None:
    load(cached(inner, settings))
    views = load(backend := cached(inner, settings))
    backend.forget("t/a")
    assert files(settings) == []
    assert [bytes(view) for view in views] == [content("t/a")[start:stop] for start, stop in BODY]


def test_filling_the_cache_takes_the_memory_once_and_reading_it_none(settings: CacheSettings) -> None:
    inner = MemoryBackend(url="memory://slow")
    inner.put_once("t/large", [content("large", 64 * MB)])
    peaks = []
    for _ in range(2):
        tracemalloc.start()
        blob = cached(inner, settings).open("t/large")
        assert blob is not None
        with blob:
            views = blob.read_ranges([(0, 32 * MB), (32 * MB, 64 * MB)])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(view.nbytes for view in views) == 64 * MB
    assert 64 * MB <= peaks[0] < 66 * MB
    assert peaks[1] < 1 * MB
