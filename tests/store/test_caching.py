"""A cached place is a place like any other, is asked for nothing twice, and never worse off for its cache."""

from __future__ import annotations

import mmap
import pickle
import random
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from heredity.errors import StoreUnavailable
from heredity.store.backends import Backend, LocalBackend, MemoryBackend
from heredity.store.backends.caching import CacheSettings, CachingBackend, uncached
from heredity.testing.backend_suite import BackendSuite
from heredity.testing.recording import RecordingBackend

MB = 1 << 20
HEAD = (0, 1000)
BODY = [(1000, 1000 + 300_000), (301_000, 301_000 + 2 * MB), (301_000 + 2 * MB, 302_000 + 2 * MB)]
SIZE = 302_000 + 2 * MB


def everything(name: str) -> bool:
    return True


def below_t(name: str) -> bool:
    return name.startswith("t/") and not name.endswith("%drop")


class TestCachedLocal(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        settings = CacheSettings(folder / "cache", max_bytes=100 * MB)
        return CachingBackend(LocalBackend(folder / "place"), settings, place="x", is_cached=everything)


class TestCachedMemory(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        settings = CacheSettings(folder / "cache", max_bytes=100 * MB)
        inner = MemoryBackend(url=f"memory://{folder.name}")
        return CachingBackend(inner, settings, place="x", is_cached=everything)


class TestCacheThatCannotBe(BackendSuite):
    """A file lies where its folder should."""

    def make_backend(self, folder: Path) -> Backend:
        (folder / "cache").write_bytes(b"")
        settings = CacheSettings(folder / "cache", max_bytes=100 * MB)
        return CachingBackend(LocalBackend(folder / "place"), settings, place="x", is_cached=everything)


def content(seed: str, size: int = SIZE) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def inner() -> RecordingBackend:
    """A place with a few files; what was asked to put them is forgotten."""
    inner = RecordingBackend(MemoryBackend(url="memory://slow"))
    for name in ("t/a", "t/b"):
        inner.put_once(name, [content(name)])
    inner.taken()
    return inner


@pytest.fixture
def settings(tmp_path: Path) -> CacheSettings:
    return CacheSettings(tmp_path / "cache", max_bytes=100 * MB)


def cached(inner: Backend, settings: CacheSettings, *, place: str = "store 1") -> CachingBackend:
    """As another process would have it: all that it knows is in the folder."""
    return CachingBackend(inner, settings, place=place, is_cached=below_t)


def load(backend: Backend, name: str = "t/a", ranges: list[tuple[int, int]] = BODY) -> list[memoryview]:
    """As the store does: the header, then what it names."""
    blob = backend.open(name)
    assert blob is not None
    with blob:
        assert blob.size == SIZE
        assert blob.read(*HEAD) == content(name)[slice(*HEAD)]
        views = blob.read_ranges(ranges)
    assert [bytes(view) for view in views] == [content(name)[start:stop] for start, stop in ranges]
    return views


def files(settings: CacheSettings) -> list[Path]:
    return sorted(path for path in settings.folder.rglob("*") if path.is_file())


def num_bytes(settings: CacheSettings) -> int:
    return sum(path.stat().st_size for path in files(settings))


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


# --- damage


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    match how:
        case "empty":
            data = bytearray()
        case "zeros":
            data = bytearray(len(data))
        case "longer":
            data += b"x"
        case "half":
            del data[len(data) // 2 :]
        case _:
            at = int(how)
            data[at] ^= 0x10
    path.unlink()
    path.write_bytes(data)


# A bit at the beginning, in the middle, at the end of the data; in the table; in the footer.
DAMAGES = ["empty", "zeros", "longer", "half", "0", "500", "999", "-50", "-30", "-20", "-1"]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_read_again_from_the_place(
    inner: RecordingBackend, settings: CacheSettings, which: int, how: str
) -> None:
    """And once only: it is replaced."""
    load(cached(inner, settings))
    damage(files(settings)[which], how)
    inner.taken()
    load(cached(inner, settings))
    assert [call.split()[0] for call in inner.taken()] == [
        "open",
        *["read"] * (1 if which == 0 else len(BODY)),
    ]
    load(cached(inner, settings))
    assert inner.taken() == []


def test_a_damaged_file_is_deleted(inner: RecordingBackend, settings: CacheSettings) -> None:
    """Also where what is read instead does not take its name."""
    load(cached(inner, settings))
    damaged = files(settings)[1]
    damage(damaged, "500")
    load(cached(inner, settings), ranges=[(1000, 2000)])
    assert not damaged.exists()


def test_a_damaged_file_is_passed_over_once(inner: RecordingBackend, settings: CacheSettings) -> None:
    load(backend := cached(inner, settings))
    damage(files(settings)[1], "500")
    inner.taken()
    blob = backend.open("t/a")
    assert blob is not None
    with blob:
        for _ in range(2):
            assert blob.read(1000, 2000) == content("t/a")[1000:2000]
    assert inner.taken() == ["open t/a", "read t/a 1000-2000"]


def test_a_file_of_another_s_content_is_damage(inner: RecordingBackend, settings: CacheSettings) -> None:
    load(cached(inner, settings), "t/a")
    load(cached(inner, settings), "t/b")
    first, second = (path for path in files(settings) if path.name.startswith("0-"))
    first.write_bytes(second.read_bytes())
    load(cached(inner, settings), "t/a")
    load(cached(inner, settings), "t/b")


def replaced(inner: Backend) -> None:
    """Against all rules, there is another file of this name."""
    inner.retire("t/a")
    inner.put_once("t/a", [b"x" * 5000])


def test_a_place_whose_file_has_changed_is_asked_again(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    """It must not, but then the cache must not hide it for ever."""
    load(backend := cached(inner, settings), ranges=[])
    replaced(inner)
    blob = backend.open("t/a")
    assert blob is not None
    with blob, pytest.raises(StoreUnavailable):
        blob.read(5000, 6000)
    blob = backend.open("t/a")
    assert blob is not None
    with blob:
        assert blob.read(0, blob.size) == b"x" * 5000


def test_what_is_cached_of_a_file_of_another_size_is_not_used(
    inner: RecordingBackend, settings: CacheSettings
) -> None:
    load(backend := cached(inner, settings))
    files(settings)[0].unlink()
    replaced(inner)
    blob = backend.open("t/a")
    assert blob is not None
    with blob:
        assert blob.read(2000, 3000) == b"x" * 1000


# --- threads and processes


def load_and_tell(root: Path, settings: CacheSettings) -> list[str]:
    inner = RecordingBackend(LocalBackend(root))
    load(cached(inner, settings))
    return inner.taken()


@pytest.fixture
def shared(tmp_path: Path) -> Backend:
    backend = LocalBackend(tmp_path / "place")
    backend.make_directories(["t/"])
    return backend


def test_what_one_process_has_read_another_need_not(
    shared: Backend, tmp_path: Path, settings: CacheSettings
) -> None:
    shared.put_once("t/a", [content("t/a")])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert len(pool.submit(load_and_tell, tmp_path / "place", settings).result()) == 1 + 1 + len(BODY)
    assert load_and_tell(tmp_path / "place", settings) == []


def test_a_pickled_backend_uses_the_same_cache(shared: Backend, settings: CacheSettings) -> None:
    shared.put_once("t/a", [content("t/a")])
    load(backend := cached(shared, settings))
    load(other := pickle.loads(pickle.dumps(backend)))
    shared.retire("t/a")
    load(other)


def test_a_place_in_memory_is_not_pickled(inner: RecordingBackend, settings: CacheSettings) -> None:
    with pytest.raises(TypeError, match="memory of one process"):
        pickle.dumps(cached(inner, settings))
