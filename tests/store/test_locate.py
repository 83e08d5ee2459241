"""A store is opened where there is one, made where there is room, and nothing else is ever touched."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from heredity.errors import CorruptData, InputError, StoreLocationError, StoreUnavailable, UnsupportedFormat
from heredity.store import open_store


@pytest.mark.parametrize("form", ["{}", "file://{}", "file://localhost{}"])
def test_a_directory_is_found_by_path_and_by_url(tmp_path: Path, form: str) -> None:
    root = tmp_path / "a" / "store"
    store = open_store(form.format(root))
    store.put("x", {})
    assert "x" in open_store(root)
    assert "x" in open_store(store.url, create=False)


def test_blanks_and_tildes_are_part_of_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store("~/my weights").url == f"file://{tmp_path}/my%20weights"
    assert "x" not in open_store(f"file://{tmp_path}/my%20weights", create=False)


def test_nothing_in_a_path_is_dropped(tmp_path: Path) -> None:
    for name in ("run#1", "run?2", "a&b=c", "[x"):
        open_store(f"file://{tmp_path}/{name}")
        assert (tmp_path / name).is_dir()


def test_a_url_in_the_form_of_a_path_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("s3://bucket/x", "file:///x", "memory://x"):
        with pytest.raises(StoreLocationError, match="as text"):
            open_store(Path(url))
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_survives_a_change_of_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("weights")
    monkeypatch.chdir("/")
    store.put("x", {})
    assert "x" in open_store(tmp_path / "weights")


def test_a_name_in_memory_is_one_store() -> None:
    open_store("memory://one").put("x", {})
    assert "x" in open_store("memory://one", create=False)
    assert "x" not in open_store("memory://two")


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "gs:///x",
        "http://host/x",
        "file://host/x",
        "memory://",
        "memory://absent-x",
        "",
        "\0",
    ],
)
def test_a_place_that_cannot_be_is_refused_with_what_could_be(url: str) -> None:
    with pytest.raises(StoreLocationError) as caught:
        open_store(url, create=False)
    assert caught.value.hint or "needs a name" in caught.value.message


def test_options_are_for_object_stores(tmp_path: Path) -> None:
    for url in (tmp_path, "memory://optional"):
        with pytest.raises(InputError, match="options are for object stores"):
            open_store(url, options={})


def test_an_absent_place_is_not_made_unless_wanted(tmp_path: Path) -> None:
    with pytest.raises(StoreLocationError, match="no store here"):
        open_store(tmp_path / "absent", create=False)
    assert not (tmp_path / "absent").exists()


def test_a_directory_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreLocationError, match=r"not a store.*thesis\.tex"):
        open_store(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_path_that_no_system_allows_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="too long"):
        open_store(tmp_path / ("x" * 300))


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreLocationError, match="is a file"):
        open_store(tmp_path / "file")


def test_an_unfinished_store_is_finished(root: Path) -> None:
    (root / "tmp").mkdir(parents=True)
    (root / "t" / "00").mkdir(parents=True)
    open_store(root).put("x", {})
    assert len(list((root / "t").iterdir())) == 256


def test_checkpoints_without_a_format_are_not_adopted(root: Path) -> None:
    open_store(root).put("x", {})
    (root / "format.json").unlink()
    with pytest.raises(StoreLocationError, match="1 checkpoints but no format"):
        open_store(root)


def test_a_copy_without_empty_directories_is_made_whole(root: Path) -> None:
    open_store(root).put("x", {})
    for folder in (root / "tmp", *(root / "t").iterdir()):
        if not any(folder.iterdir()):
            folder.rmdir()
    store = open_store(root)
    assert "y" not in store
    store.put("y", {}, parents=["x"])


def test_many_may_make_the_same_store_at_once(root: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: open_store(root), range(8)))
    assert len({store.store_id for store in stores}) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format":"heredity-store","version":1}', "[" * 100_000]
)
def test_a_damaged_format_is_told(root: Path, text: str) -> None:
    open_store(root)
    (root / "format.json").chmod(0o644)
    (root / "format.json").write_text(text)
    with pytest.raises(CorruptData, match=r"format\.json"):
        open_store(root)


def test_a_newer_format_is_refused_with_both_versions(root: Path) -> None:
    open_store(root)
    (root / "format.json").chmod(0o644)
    (root / "format.json").write_text(json.dumps({"format": "heredity-store", "version": 2}))
    (root / "t" / "00").rmdir()
    with pytest.raises(UnsupportedFormat, match=r"version 2.*reads 1"):
        open_store(root)
    assert not (root / "t" / "00").exists()


def test_an_unknown_way_of_verifying_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="'sometimes'"):
        open_store(root, verify="sometimes")  # type: ignore[arg-type]  # that is the test


def test_a_read_only_store_can_be_read(tmp_path: Path, root: Path) -> None:
    open_store(root).put("x", {})
    mount = tmp_path / "mount"
    mount.mkdir()
    bind = ["mount", "--bind", "-o", "ro", str(root), str(mount)]
    done = subprocess.run(bind, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting needs root: {done.stderr.strip()}")
    try:
        store = open_store(mount)
        assert store["x"].tensors() == {}
        with pytest.raises(StoreLocationError, match="Read-only"):
            store.put("y", {})
        with pytest.raises(StoreLocationError, match="Read-only"):
            open_store(mount / "t" / "00" / "new")
    finally:
        subprocess.run(["umount", "--lazy", str(mount)], check=True)
