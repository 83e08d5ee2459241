"""What is damaged in a cache is read again from its place; nor does it hide that the place has changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.store.caching.loads import BODY, cached, content, files, load

from heredity.errors import StoreUnavailable
from heredity.store.backends import Backend
from heredity.store.backends.caching import CacheSettings
from heredity.testing.recording import RecordingBackend


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
