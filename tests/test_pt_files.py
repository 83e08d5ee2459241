"""Checkpoints as files of `torch.save`: bit by bit both ways, and nothing of a file is run."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from heredity.checkpoints import export_pt, read_pt
from heredity.errors import CorruptData, HeredityError, InputError, InvalidTensor
from heredity.store import Store, TensorData, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a file of torch's lies, or will."""
    return tmp_path / "weights.pt"


STATE = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).state_dict()


def test_what_goes_out_comes_back_bit_by_bit(store: Store, file: Path) -> None:
    raw = torch.arange(256, dtype=torch.uint8)
    kinds = [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu, torch.complex64]
    tensors: dict[str, object] = {str(kind): raw.view(kind) for kind in kinds}
    tensors |= {"one": np.float32(1.5), "none": np.zeros((0, 2)), "tied": raw, "tied too": raw}
    checkpoint = store.put("a", tensors)
    assert export_pt(checkpoint, file) == file
    again = store.put("again", read_pt(file))
    assert {name: entry.digest for name, entry in again.manifest.tensors.items()} == {
        name: entry.digest for name, entry in checkpoint.manifest.tensors.items()
    }


def test_torch_loads_it_into_a_module(store: Store, file: Path) -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(3, 4), nn.Linear(3, 4)
    export_pt(store.put("a", first.state_dict()), file)
    second.load_state_dict(torch.load(file))
    assert torch.equal(first.weight, second.weight)


def test_a_file_that_is_there_is_replaced_only_when_asked(store: Store, file: Path) -> None:
    file.write_text("mine")
    checkpoint = store.put("a", {"w": np.ones(3)})
    with pytest.raises(InputError, match="is there already"):
        export_pt(checkpoint, file)
    assert file.read_text() == "mine"
    export_pt(checkpoint, file, replace=True)
    assert list(read_pt(file)) == ["w"]
    assert sorted(path.name for path in file.parent.iterdir()) == ["store", "weights.pt"]


def test_its_bytes_are_counted_as_they_are_written(store: Store, file: Path) -> None:
    counted: list[int] = []
    export_pt(store.put("a", {"w": np.ones(10_000)}), file, on_bytes=counted.append)
    assert sum(counted) == file.stat().st_size


def test_a_dtype_that_torch_lacks_is_refused_before_anything_is_written(store: Store, file: Path) -> None:
    with pytest.raises(InvalidTensor, match="F4"):
        export_pt(store.put("a", {"w": TensorData("F4", (2,), b"1")}), file)
    assert not file.exists()


@pytest.mark.parametrize(
    "content", [STATE, {"state_dict": STATE}, {"model": STATE}], ids=["plain", "state_dict", "model"]
)
def test_a_state_dict_is_found(file: Path, content: object) -> None:
    torch.save(content, file)
    found = read_pt(file)
    assert list(found) == list(STATE)
    assert all(torch.equal(found[name], value) for name, value in STATE.items())


REFUSED: dict[str, tuple[object, str]] = {
    "optimizer beside": (
        {"model": STATE, "optimizer": {"lr": 1}, "epoch": 3},
        r"'optimizer' is of type dict.*entry='model'",
    ),
    "two of them": ({"model": STATE, "state_dict": STATE}, r"'state_dict' and 'model' may both be meant"),
    "tensor beside": ({"model": STATE, "mean": torch.ones(1)}, r"'mean' stands beside 'model'"),
    "a number among them": ({**STATE, "epoch": 3}, r"'epoch' is of type int"),
    "a text inside": ({"model": {**STATE, "note": "x"}}, r"entry 'model': its entry 'note' is of type str"),
    "a number as name": ({1: torch.ones(1)}, r"entry 1 has no text as its name"),
    "another name": ({"net": STATE}, r"'net' is of type OrderedDict.*entry='net'"),
    "a tensor": (torch.ones(3), "found Tensor"),
    "a list": ([torch.ones(3)], "found list"),
    "a module": (nn.Linear(2, 2), r"more than plain tensors, such as torch\.nn\.modules\.linear\.Linear"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_one_state_dict_is_refused_by_what_it_is(file: Path, kind: str) -> None:
    content, reason = REFUSED[kind]
    torch.save(content, file)
    with pytest.raises(InputError, match=rf"weights\.pt.*{reason}"):
        read_pt(file)


def test_an_entry_can_be_named(file: Path) -> None:
    torch.save({"net": STATE, "optimizer": {"lr": 0.1}, "epoch": 3}, file)
    assert list(read_pt(file, entry="net")) == list(STATE)
    with pytest.raises(InputError, match="no entry 'nets'; it has 'net', 'optimizer', 'epoch'"):
        read_pt(file, entry="nets")
    with pytest.raises(InputError, match="entry 'epoch': expected a state dict, found int"):
        read_pt(file, entry="epoch")


class Trap:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_nothing_of_a_file_is_run(file: Path, tmp_path: Path) -> None:
    torch.save({"w": torch.ones(3), "trap": Trap(tmp_path / "sprung")}, file)
    with pytest.raises(InputError, match=r"mkdir; nothing of it was run"):
        read_pt(file)
    assert not (tmp_path / "sprung").exists()


def test_a_file_of_before_1_6_is_refused_with_a_way_out(file: Path) -> None:
    torch.save(STATE, file, _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match=r"before 1\.6"):
        read_pt(file)


def test_a_program_is_refused(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/constants.pkl", b"")
    with pytest.raises(InputError, match="TorchScript"):
        read_pt(file)


@pytest.mark.parametrize("name", ["absent.pt", "folder.pt", "a.bin"])
def test_what_is_no_such_file_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(InputError, match=name):
        read_pt(tmp_path / name)


def test_a_flipped_byte_in_a_tensor_is_found(file: Path) -> None:
    """torch itself does not look at the checksums of what it maps."""
    torch.save({"w": torch.zeros(1000)}, file)
    content = bytearray(file.read_bytes())
    content[content.index(bytes(2000)) + 1000] = 1
    file.write_bytes(content)
    assert torch.load(file, mmap=True)["w"].sum() != 0
    with pytest.raises(CorruptData, match=r"data/0' is not what its checksum says"):
        read_pt(file)


def test_any_damage_is_a_typed_error_or_changes_nothing(file: Path) -> None:
    torch.save(STATE, file)
    intact = file.read_bytes()
    random = Random(0)
    num_found = 0
    for _ in range(300):
        content = bytearray(
            intact[: random.choice((len(intact), len(intact), random.randrange(len(intact))))]
        )
        for _ in range(random.choice((1, 3))):
            content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        file.write_bytes(content)
        try:
            found = read_pt(file)
            assert all(torch.equal(found[name], value) for name, value in STATE.items())
        except HeredityError as error:
            assert str(file) in error.message  # noqa: PT017  # most of them raise
            num_found += 1
    assert num_found > 150


MEMORY = """
import resource, sys
from heredity.checkpoints import export_pt
from heredity.store import open_store
store = open_store(sys.argv[1], create=False)
store["a"]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
export_pt(store["a"], sys.argv[2])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_an_export_takes_little_more_than_the_checkpoint(store: Store, file: Path) -> None:
    size = 8 * 16 * 2**20
    store.put("a", {str(i): np.full(2**22, i, dtype=np.float32) for i in range(8)})
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(file.parent / "store"), str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 1.1 * size
