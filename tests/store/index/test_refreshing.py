"""Looking at a store reads what is new, misses nothing, and is stopped by no damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heredity.errors import CorruptCheckpoint, StoreUnavailable, UnsupportedFormat
from heredity.ids import CheckpointKey, parse_checkpoint_key
from heredity.store import LocalBackend
from heredity.store.files.layout import SHARDS, name_of, shard_of, tombstone_name_of
from heredity.store.index.rows import Row


def changed(site: Any, key: str, second: int) -> None:
    """The place's clock stood at this second when something happened to a key."""
    site.memory.versions[shard_of(parse_checkpoint_key(key))] = second


def test_only_new_headers_are_read(site: Any) -> None:
    site.put("a")
    site.put("b")
    assert site.keys() == ["a", "b"]
    site.headers_read()
    site.put("c", parents=["a"])
    assert site.keys() == ["a", "b", "c"]
    assert site.headers_read() == ["c"]
    site.keys()
    assert site.headers_read() == []


def test_another_index_of_the_same_folder_reads_nothing_again(site: Any) -> None:
    site.put("a")
    site.keys()
    site.headers_read()
    assert [each.key for each in site.new_index().look().checkpoints()] == ["a"]
    assert site.headers_read() == []


def test_a_dropped_checkpoint_vanishes_and_its_lineage_stays(site: Any) -> None:
    site.put("a")
    site.put("b", parents=["a"])
    site.put("c", parents=["b"])
    site.keys()
    site.headers_read()
    site.drop("b")
    assert site.keys() == ["a", "c"]
    assert site.headers_read() == ["b%drop"]
    site.collect("b")
    view = site.new_index().look()
    assert [each.key for each in view.ancestors(CheckpointKey("c"))] == ["a"]
    assert [each.key for each in view.descendants(CheckpointKey("b"))] == ["c"]
    assert site.headers_read() == []


def test_the_lineage_of_what_is_long_gone_is_read_from_its_tombstone(site: Any) -> None:
    site.put("a")
    site.put("b", parents=["a"])
    site.put("c", parents=["b"])
    site.drop("b")
    site.collect("b")
    assert [each.key for each in site.index.look().ancestors(CheckpointKey("c"))] == ["a"]


def test_what_vanishes_without_a_tombstone_is_forgotten(site: Any) -> None:
    site.put("a", score=1.0, own=3)
    site.put("b", parents=["a"])
    site.keys()
    site.collect("a")
    view = site.index.look()
    assert [each.key for each in view.checkpoints()] == ["b"]
    assert view.best() == []
    assert view.ancestors(CheckpointKey("b")) == []
    assert list(view.sizes()) == ["b"]


def test_a_tombstone_that_is_taken_away_by_hand_brings_its_checkpoint_back(site: Any) -> None:
    site.put("a", score=1.0)
    site.drop("a")
    assert site.keys() == []
    site.backend.retire(tombstone_name_of(parse_checkpoint_key("a")))
    assert [each.key for each in site.index.look().best()] == ["a"]


def test_a_key_that_was_given_up_is_no_checkpoint(site: Any) -> None:
    site.drop("never")
    site.put("a", parents=["never"])
    view = site.index.look()
    assert [each.key for each in view.checkpoints()] == ["a"]
    assert view.ancestors(CheckpointKey("a")) == []
    assert view.damaged() == []


def test_unchanged_shards_are_not_listed(site: Any) -> None:
    site.memory.has_versions = True
    site.put("a")
    assert site.keys() == ["a"]
    site.now += 3
    site.keys()
    site.memory.listed.clear()
    site.keys()
    assert site.memory.listed == []
    site.put("b")
    changed(site, "b", 5)
    assert site.keys() == ["a", "b"]
    assert site.memory.listed == [shard_of(parse_checkpoint_key("b"))]


def test_a_second_change_within_one_tick_of_the_clock_is_seen(site: Any) -> None:
    """The version is the same after both; so it is believed only when that tick is surely over."""
    site.memory.has_versions = True
    site.put("a")
    changed(site, "a", 7)
    assert site.keys() == ["a"]
    site.now += 1.9
    assert site.keys() == ["a"]
    site.drop("a")
    assert site.keys() == []


def test_a_version_first_seen_long_ago_is_believed_only_after_one_more_listing(site: Any) -> None:
    site.memory.has_versions = True
    site.put("a")
    changed(site, "a", 7)
    site.keys()
    site.drop("a")
    site.now += 1000
    assert site.keys() == []
    # From now on the place's clock has moved on: a change with the old version is impossible.
    site.memory.listed.clear()
    site.keys()
    assert site.memory.listed == []


def test_after_a_boot_the_clock_begins_anew_and_shards_are_believed_all_the_same(site: Any) -> None:
    site.memory.has_versions = True
    site.put("a")
    site.keys()
    for site.now in (1.0, 2.0):
        site.memory.listed.clear()
        site.keys()
        assert len(site.memory.listed) == len(SHARDS)
    site.now = 4.0
    site.keys()
    site.memory.listed.clear()
    site.keys()
    assert site.memory.listed == []


def test_changes_of_a_real_directory_are_seen(local: Any) -> None:
    for number in range(30):
        local.put(f"k{number:02}")
        assert len(local.keys()) == number + 1
    for number in range(0, 30, 3):
        local.drop(f"k{number:02}")
        assert number not in {int(key[1:]) for key in local.keys()}  # noqa: SIM118  # no dict
    assert len(local.keys()) == 20


def damage(local: Any, key: str, content: bytes = b"damaged") -> Path:
    file: Path = local.folder.parent / "store" / name_of(parse_checkpoint_key(key))
    file.chmod(0o644)
    file.write_bytes(content)
    return file


def test_damage_hides_one_checkpoint_and_is_named(local: Any) -> None:
    for key, parents in {"a": [], "b": ["a"], "c": ["b"]}.items():
        local.put(key, parents=parents)
    damage(local, "b")
    view = local.index.look()
    assert [each.key for each in view.checkpoints()] == ["a", "c"]
    assert [each.key for each in view.damaged()] == ["b"]
    assert view.ancestors(CheckpointKey("c")) == []
    assert [each.key for each in view.descendants(CheckpointKey("a"))] == []
    with pytest.raises(CorruptCheckpoint, match="'b'"):
        view.ancestors(CheckpointKey("b"))
    with pytest.raises(CorruptCheckpoint, match="'b'"):
        view.descendants(CheckpointKey("b"))


def test_a_damaged_checkpoint_that_is_replaced_by_a_copy_is_back(local: Any) -> None:
    local.put("a")
    file = local.folder.parent / "store" / name_of(parse_checkpoint_key("a"))
    content = file.read_bytes()
    damage(local, "a")
    assert local.keys() == []
    copy = file.with_name("copy%")
    copy.write_bytes(content)
    copy.rename(file)
    assert local.keys() == ["a"]
    assert local.index.look().damaged() == []


def test_what_a_newer_version_wrote_is_named_as_that(local: Any) -> None:
    local.put("a")
    file = local.folder.parent / "store" / name_of(parse_checkpoint_key("a"))
    damage(local, "a", file.read_bytes().replace(rb"\"version\":1", rb"\"version\":9"))
    view = local.index.look()
    assert view.checkpoints() == []
    assert isinstance(view.damaged()[0].error, UnsupportedFormat)
    with pytest.raises(UnsupportedFormat, match="version 9"):
        view.ancestors(CheckpointKey("a"))


def test_a_damaged_tombstone_buries_all_the_same(local: Any) -> None:
    local.put("a")
    local.put("b", parents=["a"])
    local.put("c", parents=["b"])
    local.keys()
    stone = local.folder.parent / "store" / tombstone_name_of(parse_checkpoint_key("b"))
    stone.write_bytes(b"{")
    view = local.index.look()
    assert [each.key for each in view.checkpoints()] == ["a", "c"]
    assert [each.key for each in view.damaged()] == ["b"]
    # What was known before it was dropped is known still.
    assert [each.key for each in view.ancestors(CheckpointKey("c"))] == ["a"]


def test_files_of_strangers_are_passed_over(local: Any) -> None:
    local.put("a")
    shard = local.folder.parent / "store" / SHARDS[0]
    for name in ("not-here", "%zz", "x%drop", "%drop", "b%dropx"):
        (shard / name).write_bytes(b"")
    view = local.index.look()
    assert [each.key for each in view.checkpoints()] == ["a"]
    assert view.damaged() == []


def test_a_place_that_does_not_answer_is_no_damage(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.put("a")
    site.keys()
    path = site.index.path
    number = path.stat().st_ino

    def unavailable(_: str) -> list[str]:
        raise StoreUnavailable("gone fishing")

    with monkeypatch.context() as patch:
        patch.setattr(site.backend, "names", unavailable)
        with pytest.raises(StoreUnavailable, match="gone fishing"):
            site.index.look()
    assert site.keys() == ["a"]
    assert (site.index.path, path.stat().st_ino) == (path, number)


def test_who_looked_earlier_and_writes_later_undoes_nothing(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has listed a live checkpoint; before it writes, that is dropped and another look has seen so."""
    site.put("a")
    other = site.new_index()
    from heredity.store.index import refreshing

    read_all = refreshing._read_all

    def slow(*arguments: Any) -> list[Row]:
        found = read_all(*arguments)
        monkeypatch.setattr(refreshing, "_read_all", read_all)
        site.drop("a")
        site.put("b")
        assert [each.key for each in other.look().checkpoints()] == ["b"]
        return found

    monkeypatch.setattr(refreshing, "_read_all", slow)
    assert [each.key for each in site.index.look().checkpoints()] == ["b"]


def test_what_is_new_during_a_listing_is_not_taken_for_vanished(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.put("a")
    site.keys()
    other = site.new_index()
    names = site.backend.names

    def slow(directory: str) -> list[str]:
        found: list[str] = names(directory)
        monkeypatch.setattr(site.backend, "names", names)
        site.put("b")
        assert [each.key for each in other.look().checkpoints()] == ["a", "b"]
        return found

    monkeypatch.setattr(site.backend, "names", slow)
    assert [each.key for each in site.index.look().checkpoints()] == ["a", "b"]


def test_a_slow_place_is_asked_many_things_at_once(tmp_path: Path) -> None:
    import threading
    from dataclasses import replace

    from heredity.store import Backend

    class Slow(LocalBackend):
        def __init__(self, root: Path) -> None:
            super().__init__(root)
            self.capabilities = replace(self.capabilities, first_pause_seconds=0.1)
            self.together = threading.Barrier(4, timeout=60)

        def version_of(self, directory: str) -> str | None:
            if directory != SHARDS[0] and directory in SHARDS[1:253]:
                self.together.wait()  # 252 of them, four at a time
            return super().version_of(directory)

    backend: Backend = Slow(tmp_path / "store")
    from heredity.store.files.layout import DIRECTORIES
    from heredity.store.files.reader import Reader
    from heredity.store.index import Index

    backend.make_directories(DIRECTORIES)
    before = threading.active_count()
    index = Index(Reader(backend, store_id="s", verify="first"), folder=tmp_path / "index")
    assert index.look().checkpoints() == []
    assert threading.active_count() == before
    assert index.path.exists()
