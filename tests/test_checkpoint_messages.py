"""What cannot be saved, loaded or read from a file of torch's is said in full, with what to do."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from heredity.checkpoints import TORCH, load, read_pt, save_module
from heredity.errors import CorruptData, HeredityError, InputError, InvalidTensor, TransferRefused
from heredity.store import Store, TensorData, open_store

STATE = {"w": torch.ones(3)}
ALONE = "Save a state dict alone: torch.save(model.state_dict(), path)."
DENSE = "Convert it to a dense tensor of numbers."


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a file of torch's will lie."""
    return tmp_path / "weights.pt"


def message_of(call: Callable[[], object]) -> tuple[type[HeredityError], str]:
    with pytest.raises(HeredityError) as caught:
        call()
    return caught.type, str(caught.value)


CONTENT: Mapping[str, object] = {
    "its entry 'optimizer' is of type dict, no tensor. Say which entry is the state dict, as in "
    "entry='model'; the others are then left out.": {"model": STATE, "optimizer": {"lr": 1}},
    "'state_dict' and 'model' may both be meant. Say which entry is the state dict, as in "
    "entry='state_dict'; the others are then left out.": {"model": STATE, "state_dict": STATE},
    "its entry 'mean' stands beside 'model'. Say which entry is the state dict, as in entry='model'; the "
    "others are then left out.": {"model": STATE, "mean": torch.ones(1)},
    f"its entry 'epoch' is of type int, no tensor. {ALONE}": {**STATE, "epoch": 3},
    "its entry 'net' is of type dict, no tensor. Say which entry is the state dict, as in entry='net'.": {
        "net": STATE
    },
    f"its entry 1 has no text as its name. {ALONE}": {1: torch.ones(1)},
    "expected a state dict, found list.": [torch.ones(3)],
    "holds more than plain tensors, such as torch.nn.modules.linear.Linear; nothing of it was run. "
    f"{ALONE}": nn.Linear(2, 2),
}


@pytest.mark.parametrize("message", CONTENT)
def test_what_is_no_state_dict_is_said_to_be_what_it_is(file: Path, message: str) -> None:
    torch.save(CONTENT[message], file)
    assert message_of(lambda: read_pt(file)) == (InputError, f"{file}: {message}")


def test_what_stands_within_an_entry_is_named(file: Path) -> None:
    torch.save({"model": {**STATE, "note": "x"}}, file)
    assert message_of(lambda: read_pt(file)) == (
        InputError,
        (
            f"{file}, entry 'model': its entry 'note' is of type str, no tensor. "
            "Remove it, and save the rest again."
        ),
    )


def test_an_entry_that_is_not_there_is_refused_with_those_that_are(file: Path) -> None:
    torch.save({"net": STATE, "epoch": 3}, file)
    assert message_of(lambda: read_pt(file, entry="nets")) == (
        InputError,
        f"{file}: has no entry 'nets'; it has 'net', 'epoch'.",
    )


def of_before_1_6(file: Path) -> None:
    torch.save(STATE, file, _use_new_zipfile_serialization=False)


def a_program(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/constants.pkl", b"")


def compressed(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickle.dumps({}))


def no_archive_of_torch(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/note", b"")


def with_a_broken_directory(file: Path) -> None:
    torch.save(STATE, file)
    content = bytearray(file.read_bytes())
    content[content.rindex(b"PK\x01\x02")] = 0
    file.write_bytes(content)


FILES: Mapping[str, tuple[Callable[[Path], None], type[HeredityError], str]] = {
    "of before torch 1.6": (
        of_before_1_6,
        InputError,
        (
            "is no archive of torch.save, or its end is missing. A file that a torch before 1.6 wrote: load "
            "it there and save it again."
        ),
    ),
    "a program": (
        a_program,
        InputError,
        f"is a TorchScript program, which is more than tensors. {ALONE}",
    ),
    "compressed": (
        compressed,
        CorruptData,
        (
            "its part 'x/data.pkl' is not what its checksum says, or is compressed. The file is damaged; "
            "get it anew."
        ),
    ),
    "of another program": (no_archive_of_torch, CorruptData, "torch cannot read it: "),
    "a broken directory": (with_a_broken_directory, CorruptData, "its archive is damaged: "),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_read_is_said_to_be_what_it_is(file: Path, kind: str) -> None:
    make, error, message = FILES[kind]
    make(file)
    found, text = message_of(lambda: read_pt(file))
    assert found is error
    assert text.startswith(f"{file}: {message}")
    assert message.endswith(": ") or text == f"{file}: {message}"


def test_a_file_has_the_name_of_one(tmp_path: Path) -> None:
    assert message_of(lambda: read_pt(tmp_path / "a.bin")) == (
        InputError,
        f"{tmp_path}/a.bin: expected the name of a .pt or .pth file.",
    )


def freed() -> torch.Tensor:
    tensor = torch.ones(3)
    tensor.untyped_storage().resize_(0)
    return tensor


TENSORS: Mapping[str, Callable[[], object]] = {
    "A Tensor that has the layout torch.sparse_coo cannot be stored.": lambda: torch.ones(3).to_sparse(),
    "A Tensor that has the dtype torch.qint8 cannot be stored.": lambda: torch.quantize_per_tensor(
        torch.ones(3), 0.1, 0, torch.qint8
    ),
    "A Tensor that is on the meta device and has no values cannot be stored.": lambda: torch.ones(
        3, device="meta"
    ),
    "A Tensor that has no memory of its own: it is freed, wraps others, or is within a transform such as "
    "vmap cannot be stored.": freed,
    "A UninitializedParameter that has no shape yet cannot be stored.": lambda: nn.LazyLinear(3).weight,
}


@pytest.mark.parametrize("message", TENSORS)
@pytest.mark.filterwarnings("ignore:.*quantize.*deprecated")
def test_a_tensor_that_cannot_be_stored_says_why(store: Store, message: str) -> None:
    found = message_of(lambda: store.put("a", {"w": TENSORS[message]()}))
    assert found[0] is InvalidTensor
    assert message in found[1]
    assert found[1].endswith(DENSE)


def test_what_is_no_module_is_refused(store: Store) -> None:
    wrong: Any = STATE
    assert message_of(lambda: save_module(store, wrong, key="a")) == (
        InvalidTensor,
        "expected a torch module, got dict. A state dict goes into the store by `store.put(key, tensors)`.",
    )


class Noting(nn.Linear):
    """Has extra state that is no tensor."""

    def get_extra_state(self) -> str:
        return "a note"

    def set_extra_state(self, state: str) -> None:
        del state


def test_extra_state_belongs_into_the_metadata(store: Store) -> None:
    assert message_of(lambda: save_module(store, Noting(2, 2), key="a")) == (
        InvalidTensor,
        (
            "_extra_state: expected a tensor in the state dict, got str. Keep a submodule's extra state in "
            "the checkpoint's metadata."
        ),
    )


def test_another_architecture_is_not_loaded(store: Store) -> None:
    checkpoint = save_module(store, nn.Sequential(nn.Linear(2, 2)), key="a")
    wider = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, affine=False))
    kind, message = message_of(lambda: load(wider, checkpoint))
    first, *problems, hint = message.splitlines()
    assert kind is TransferRefused
    assert first == "a: not of this module's architecture:"
    assert "0.bias: the module has F32 [3], the checkpoint F32 [2]." in problems
    assert hint == "Use `heredity.inherit`, which takes other architectures."


def test_a_dtype_that_torch_lacks_has_bytes_still() -> None:
    assert message_of(lambda: TORCH.from_tensor_data(TensorData("F4", (2,), b"\x00"))) == (
        InvalidTensor,
        "torch has no dtype for F4. Take the raw bytes with `read()`.",
    )
