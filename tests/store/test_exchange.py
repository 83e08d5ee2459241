"""Checkpoints as `.safetensors` files: what goes out comes back, and half a file is never seen."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from heredity.errors import CorruptCheckpoint, CorruptData, InputError, StoreFull, StoreUnavailable
from heredity.store import Checkpoint, Store, TensorData, open_store
from heredity.store.exchange import export_safetensors, read_safetensors
from heredity.store.tensors import DTYPE_BITS


def names(folder: Path) -> list[str]:
    """What lies in a folder beside the store."""
    return sorted(path.name for path in folder.iterdir() if path.name != "store")


def fill(store: Store) -> Checkpoint:
    tensors: dict[str, object] = {
        dtype: TensorData(dtype, (8,), bytes(range(DTYPE_BITS[dtype])))
        for dtype in DTYPE_BITS
        if dtype != "BOOL"
    }
    store.put("mother", {"shared": np.arange(1000.0)})
    return store.put(
        "father",
        {
            **tensors,
            "shared": np.arange(1000.0),
            "tied": np.arange(1000.0),
            "none": np.zeros((0, 3)),
            "ä/b c": np.ones(()),
        },
        parents=["mother"],
        score=0.25,
    )


def test_what_goes_out_comes_back_bit_by_bit(store: Store, tmp_path: Path) -> None:
    father = fill(store)
    path = export_safetensors(father, tmp_path / "father.safetensors")
    again = store.put("again", read_safetensors(path))
    assert {name: entry.digest for name, entry in again.manifest.tensors.items()} == {
        name: entry.digest for name, entry in father.manifest.tensors.items()
    }


def test_the_library_reads_it_and_what_it_says(store: Store, tmp_path: Path) -> None:
    checkpoint = store.put(
        "a", {"w": np.arange(6.0).reshape(2, 3), "b": np.ones(3, dtype=np.float16)}, score=0.1
    )
    path = export_safetensors(checkpoint, tmp_path / "a.safetensors")
    found = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(found["w"], np.arange(6.0).reshape(2, 3))
    assert found["b"].dtype == np.float16
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata() == {
            "format": "pt", "heredity.key": "a", "heredity.parents": "[]", "heredity.score": "0.1"
        }  # fmt: skip


def test_what_the_library_writes_is_read(store: Store, tmp_path: Path) -> None:
    tensors = {
        "b": np.arange(3, dtype=np.int8),
        "a": np.arange(4.0),
        "empty": np.zeros((2, 0)),
        "one": np.array(1.5),
    }
    safetensors.numpy.save_file(tensors, tmp_path / "x.safetensors", metadata={"by": "the library"})
    loaded = store.put("a", read_safetensors(tmp_path / "x.safetensors")).tensors()
    for name, array in tensors.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)


def test_the_widest_dtype_comes_first_so_that_all_are_aligned(store: Store, tmp_path: Path) -> None:
    tensors = {"a": np.ones(3, dtype=np.uint8), "b": np.ones(3), "c": np.ones(3, dtype=np.float16)}
    content = export_safetensors(store.put("a", tensors), tmp_path / "a.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    starts = {name: row["data_offsets"][0] for name, row in header.items() if name != "__metadata__"}
    assert sorted(starts, key=lambda name: starts[name]) == ["b", "c", "a"]
    assert int.from_bytes(content[:8], "little") % 8 == 0


def test_the_file_is_the_users_own(store: Store, tmp_path: Path) -> None:
    path = export_safetensors(store.put("a", {}), tmp_path / "a.safetensors")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_file_that_is_there_is_replaced_only_when_asked(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("mine")
    checkpoint = store.put("a", {"w": np.ones(3)})
    with pytest.raises(InputError, match="is there already"):
        export_safetensors(checkpoint, path)
    assert path.read_text() == "mine"
    export_safetensors(checkpoint, path, replace=True)
    assert list(read_safetensors(path)) == ["w"]
    assert names(tmp_path) == ["a.safetensors"]


def test_a_link_keeps_pointing_to_the_file_that_is_replaced(store: Store, tmp_path: Path) -> None:
    (tmp_path / "real.safetensors").write_text("old")
    link = tmp_path / "link.safetensors"
    link.symlink_to("real.safetensors")
    export_safetensors(store.put("a", {"w": np.ones(3)}), link, replace=True)
    assert link.is_symlink()
    assert list(read_safetensors(tmp_path / "real.safetensors")) == ["w"]


def test_whoever_is_first_keeps_the_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    checkpoint = store.put("a", {"w": np.ones(3)})
    with pytest.raises(InputError, match="is there already"):
        export_safetensors(checkpoint, path, on_bytes=lambda _: path.write_text("the other's"))
    assert path.read_text() == "the other's"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "place", ["a.bin", "a", "no/such/a.safetensors", "pipe.safetensors", "folder.safetensors"]
)
@pytest.mark.parametrize("replace", [False, True])
def test_a_place_that_cannot_be_is_refused_with_its_name(
    store: Store, tmp_path: Path, place: str, replace: bool
) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(InputError, match=Path(place).name):
        export_safetensors(store.put("a", {}), tmp_path / place, replace=replace)
    assert stat.S_ISFIFO((tmp_path / "pipe.safetensors").stat().st_mode)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EIO, StoreUnavailable),
        (errno.EROFS, InputError),
    ],
)
@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_failing_disk_is_a_typed_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, kind: type[Exception]
) -> None:
    checkpoint = open_store("memory://failing").put("a", {"w": np.ones(3)})

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, fail)
        with pytest.raises(kind, match=r"a\.safetensors: writing failed"):
            export_safetensors(checkpoint, tmp_path / "a.safetensors")
    assert names(tmp_path) == []


def test_a_lost_reply_of_the_link_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def lie(*names: str) -> None:
        link(*names)
        raise FileExistsError(errno.EEXIST, "the repeated request came second")

    checkpoint = open_store("memory://lost").put("a", {"w": np.ones(3)})
    with monkeypatch.context() as lying:
        lying.setattr(os, "link", lie)
        path = export_safetensors(checkpoint, tmp_path / "a.safetensors")
    assert list(read_safetensors(path)) == ["w"]


@pytest.mark.parametrize("taken", [False, True])
def test_without_hard_links_a_name_is_still_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    path = tmp_path / "a.safetensors"

    def refuse(*_: object) -> None:
        if taken:
            path.write_text("the other's")
        raise PermissionError(errno.EPERM, "no hard links here")

    checkpoint = open_store("memory://links").put("a", {"w": np.ones(3)})
    with monkeypatch.context() as broken:
        broken.setattr(os, "link", refuse)
        if taken:
            with pytest.raises(InputError, match="is there already"):
                export_safetensors(checkpoint, path)
            assert path.read_text() == "the other's"
        else:
            export_safetensors(checkpoint, path)
            assert list(read_safetensors(path)) == ["w"]
    assert names(tmp_path) == ["a.safetensors"]


def test_a_damaged_checkpoint_leaves_no_file(root: Path, tmp_path: Path) -> None:
    open_store(root).put("a", {"w": np.arange(1000.0)})
    (file,) = (path for path in (root / "t").rglob("*") if path.is_file())
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(CorruptCheckpoint, match="has digest"):
        export_safetensors(open_store(root)["a"], tmp_path / "a.safetensors")
    assert names(tmp_path) == []


def test_a_tensor_that_is_called_as_the_formats_metadata_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"__metadata__.*\.pt"):
        export_safetensors(store.put("a", {"__metadata__": np.ones(1)}), tmp_path / "a.safetensors")


def header_of(text: str, *, data: bytes = b"") -> bytes:
    return len(text.encode()).to_bytes(8, "little") + text.encode() + data


DAMAGE = {
    "empty": b"",
    "short": b"1234567",
    "no header": (100).to_bytes(8, "little"),
    "enormous header": (2**63).to_bytes(8, "little") + bytes(100),
    "no JSON": header_of("{nul"),
    "a list": header_of("[]"),
    "a key twice": header_of('{"a":{},"a":{}}'),
    "metadata that is no text": header_of('{"__metadata__":{"a":1}}'),
    "metadata that is no object": header_of('{"__metadata__":[]}'),
    "an unknown dtype": header_of('{"a":{"dtype":"F1","shape":[1],"data_offsets":[0,1]}}', data=b"1"),
    "a shape of true": header_of('{"a":{"dtype":"U8","shape":[true],"data_offsets":[0,1]}}', data=b"1"),
    "an offset of false": header_of('{"a":{"dtype":"U8","shape":[1],"data_offsets":[false,1]}}', data=b"1"),
    "a hole": header_of('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', data=b"12"),
    "bytes behind the end": header_of('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', data=b"12"),
    "a missing byte": header_of('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', data=b"1"),
    "half a surrogate pair": header_of(r'{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "too many axes": header_of(
        f'{{"a":{{"dtype":"U8","shape":{[1] * 65},"data_offsets":[0,1]}}}}', data=b"1"
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_a_typed_error_that_names_the_file(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "strange.safetensors"
    path.write_bytes(DAMAGE[damage])
    with pytest.raises(CorruptData, match=r"strange\.safetensors: "):
        read_safetensors(path)


@pytest.mark.parametrize("name", ["absent.safetensors", "pipe.safetensors", "folder.safetensors", "a.pt"])
def test_what_is_no_such_file_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(InputError, match=name):
        read_safetensors(tmp_path / name)


MEMORY = """
import resource, sys
from heredity.store import open_store
from heredity.store.exchange import export_safetensors
store = open_store(sys.argv[1], create=False)
store["a"]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
export_safetensors(store["a"], sys.argv[2])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_an_export_holds_a_part_of_the_checkpoint_at_a_time(root: Path, tmp_path: Path) -> None:
    size = 16 * 16 * 2**20
    open_store(root).put("a", {str(i): np.full(2**22, i, dtype=np.float32) for i in range(16)})
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(root), str(tmp_path / "a.safetensors")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < size / 2
    assert (tmp_path / "a.safetensors").stat().st_size > size
