"""Checkpoints as the files of `torch.save`: out of a store; and read, without running what is in them."""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from heredity.errors import CorruptData, InputError
from heredity.store.exchange import open_file, typed_file_errors, written_aside

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from heredity.store import Checkpoint

PT_SUFFIXES = (".pt", ".pth")
"""How the names of files end that torch writes."""
# Where programs that save more than a state dict keep it.
_USUAL_ENTRIES = ("state_dict", "model")
# What torch.load and its unpickler raise for files that are damaged, as fuzzing them has shown.
_DAMAGE = (
    *(RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError),
    *(EOFError, struct.error, zlib.error, zipfile.BadZipFile),
)


def export_pt(
    checkpoint: Checkpoint,
    path: str | os.PathLike[str],
    *,
    replace: bool = False,
    on_bytes: Callable[[int], object] | None = None,
) -> Path:
    """Write a checkpoint as `torch.save` writes a state dict; arguments as of `export_safetensors`.

    The file appears when it is complete and on the disk. A content that has two names is written twice.

    Raises:
        InputError: The file's name does not end so, it is there already, or may not be written.
        InvalidTensor: torch has no such dtype.
        CorruptCheckpoint: A tensor is not what its digest says; nothing was left behind.
        StoreUnavailable: A disk is full or does not answer; nothing was left behind.
    """
    target = _pt_path(path)
    state = checkpoint.tensors(framework="torch")
    with written_aside(target, replace=replace, on_bytes=on_bytes) as sink:
        torch.save(state, sink)  # type: ignore[arg-type]  # it only writes and flushes
    return target


def read_pt(path: str | os.PathLike[str], *, entry: str | None = None) -> dict[str, torch.Tensor]:
    """Read a state dict that `torch.save` has written; what comes can be put into a store.

    Only tensors and plain containers are read, by torch's restricted unpickler: no code of the file's runs.

    Args:
        path: A file of `torch.save`, in its format since torch 1.6.
        entry: Which entry of the file is the state dict, if it holds more: the others are left alone. Without
            it the file must hold a state dict, or nothing but one under ``state_dict`` or ``model``.

    Raises:
        InputError: There is no such file, or it holds something else than one state dict.
        CorruptData: The file is damaged.
    """
    source = _pt_path(path)
    return _state_dict(_load_pt(source), entry=entry, where=str(source))


def _pt_path(path: str | os.PathLike[str]) -> Path:
    result = Path(path)
    if result.suffix not in PT_SUFFIXES:
        raise InputError(f"{result}: expected the name of a {' or '.join(PT_SUFFIXES)} file.")
    return result


def _load_pt(path: Path) -> object:
    open_file(path).close()
    with typed_file_errors(path, "reading"):
        _check_archive(path)
        try:
            loaded: object = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
        except pickle.UnpicklingError as error:
            raise InputError(
                f"{path}: holds more than plain tensors{_culprit(error)}; nothing of it was run.",
                hint="Save a state dict alone: torch.save(model.state_dict(), path).",
            ) from error
        except _DAMAGE as error:
            raise _corrupt(path, f"torch cannot read it: {_first_line(error)}") from error
    return loaded


def _culprit(error: pickle.UnpicklingError) -> str:
    """The class or the function that the file would have called, if torch's long message names one."""
    found = re.search(r"(?:GLOBAL|global:? |class )\s*([\w.]+\.\w+)", str(error))
    return f", such as {found[1]}" if found else ""


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _check_archive(path: Path) -> None:
    """For torch does not look at the checksums of what it maps."""
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"{path}: is no archive of torch.save, or its end is missing.",
            hint="A file that a torch before 1.6 wrote: load it there and save it again.",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            packed = [member.filename for member in members if member.compress_type != zipfile.ZIP_STORED]
            damaged = packed[0] if packed else archive.testzip()
    except _DAMAGE as error:
        raise _corrupt(path, f"its archive is damaged: {_first_line(error)}") from error
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise InputError(
            f"{path}: is a TorchScript program, which is more than tensors.",
            hint="Save a state dict alone: torch.save(model.state_dict(), path).",
        )
    if damaged is not None:
        raise _corrupt(path, f"its part {damaged[:100]!r} is not what its checksum says, or is compressed")


def _corrupt(path: Path, what: str) -> CorruptData:
    return CorruptData(f"{path}: {what}.", hint="The file is damaged; get it anew.")


def _state_dict(loaded: object, *, entry: str | None, where: str) -> dict[str, torch.Tensor]:
    found = _mapping(loaded, where=where)
    tensors = _tensors(found)
    if entry is None and len(tensors) == len(found):
        return tensors
    name = _only_entry(found, where=where) if entry is None else entry
    if name not in found:
        raise InputError(f"{where}: has no entry {name!r}; it has {', '.join(map(repr, found)):.200}.")
    inner = _mapping(found[name], where=f"{where}, entry {name!r}")
    tensors = _tensors(inner)
    if len(tensors) < len(inner):
        raise InputError(
            f"{where}, entry {name!r}: {_first_other(inner, ())}.", hint="Remove it, and save the rest again."
        )
    return tensors


def _mapping(value: object, *, where: str) -> Mapping[object, object]:
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: expected a state dict, found {type(value).__name__}.")
    return value


def _tensors(found: Mapping[object, object]) -> dict[str, torch.Tensor]:
    return {
        name: value
        for name, value in found.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }


def _only_entry(found: Mapping[object, object], *, where: str) -> str:
    """The entry that is the state dict beyond doubt: a usual one, and nothing beside it."""
    usual = [name for name in _USUAL_ENTRIES if isinstance(found.get(name), Mapping)]
    if len(usual) == 1 == len(found):
        return usual[0]
    if not usual:
        inner = next((name for name, value in found.items() if isinstance(value, Mapping)), None)
        raise InputError(
            f"{where}: {_first_other(found, usual)}.",
            hint="Save a state dict alone: torch.save(model.state_dict(), path)."
            if inner is None
            else f"Say which entry is the state dict, as in entry={inner!r:.100}.",
        )
    both = f"{' and '.join(map(repr, usual))} may both be meant"
    raise InputError(
        f"{where}: {both if len(usual) == 2 else _first_other(found, usual)}.",
        hint=f"Say which entry is the state dict, as in entry={usual[0]!r}; the others are then left out.",
    )


def _first_other(found: Mapping[object, object], usual: Sequence[str]) -> str:
    """What keeps a mapping from being a state dict."""
    others = [name for name in found if name not in usual]
    for name in others:
        if not isinstance(found[name], torch.Tensor):
            return f"its entry {name!r:.100} is of type {type(found[name]).__name__}, no tensor"
    if usual:
        return f"its entry {others[0]!r:.100} stands beside {usual[0]!r}"
    odd = next(name for name in others if not isinstance(name, str))
    return f"its entry {odd!r:.100} has no text as its name"
