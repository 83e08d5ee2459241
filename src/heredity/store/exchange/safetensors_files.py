"""Checkpoints as plain `.safetensors` files, which any program reads: out of a store, and into one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from heredity.encoding import encode
from heredity.errors import CorruptData, InputError
from heredity.store.exchange.outside import open_file, written_aside
from heredity.store.files.safetensors_format import METADATA, encode_header, read_header
from heredity.store.tensors import TensorData

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from heredity.store.checkpoint import Checkpoint

SUFFIX = ".safetensors"
# So much is read of a store at a time: enough for a disk to be fast, and little beside a model.
_BATCH_BYTES = 1 << 25


def export_safetensors(
    checkpoint: Checkpoint,
    path: str | os.PathLike[str],
    *,
    replace: bool = False,
    on_bytes: Callable[[int], object] | None = None,
) -> Path:
    """Write a checkpoint as a `.safetensors` file, its tensors under their own names.

    The file appears when it is complete and on the disk. Its metadata say ``format`` (``pt``, which other
    libraries ask for) and, from the store, ``heredity.key``, ``heredity.parents`` and ``heredity.score``, the
    latter two as JSON. A content that has two names is written twice: the format knows no sharing.

    Args:
        checkpoint: What to write; read piece by piece, each checked as the store was opened to do.
        path: Where to; its directory must be there.
        replace: Whether a file that is there gives way.
        on_bytes: Told how many bytes have been written, each time.

    Raises:
        InputError: The file's name does not end so, it is there already, or may not be written.
        CorruptCheckpoint: A tensor is not what its digest says; nothing was left behind.
        StoreUnavailable: A disk is full or does not answer; nothing was left behind.
    """
    target = _with_suffix(path)
    entries = checkpoint.manifest.tensors
    if METADATA in entries:
        raise InputError(
            f"{target}: a tensor is called {METADATA!r}, which names something else in this format.",
            hint="Export to .pt.",
        )
    metadata = {"format": "pt", "heredity.key": checkpoint.key}
    metadata["heredity.parents"] = encode(checkpoint.parents).decode("utf-8")
    if checkpoint.score is not None:
        metadata["heredity.score"] = encode(checkpoint.score).decode("utf-8")
    header, order = encode_header(metadata, entries, where=str(target))
    with written_aside(target, replace=replace, on_bytes=on_bytes) as sink:
        sink.write(header)
        for names in _batches(order, {name: entries[name].size_bytes for name in order}):
            for tensor in checkpoint.read(names).values():
                sink.write(tensor.data)
    return target


def _batches(names: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    batch: list[str] = []
    num_bytes = 0
    for name in names:
        if batch and num_bytes + sizes[name] > _BATCH_BYTES:
            yield batch
            batch, num_bytes = [], 0
        batch.append(name)
        num_bytes += sizes[name]
    if batch:
        yield batch


def read_safetensors(path: str | os.PathLike[str]) -> dict[str, TensorData]:
    """Read a `.safetensors` file: its header checked, its tensors mapped where that is safe, else copied.

    What comes can be put into a store: ``store.put(key, read_safetensors(path), parents=…)``. The file's own
    metadata are not taken over.

    Raises:
        InputError: There is no such file, or its name ends otherwise.
        CorruptData: The file is damaged, or something else than its name says.
        StoreUnavailable: The disk does not answer.
    """
    source = _with_suffix(path)
    with open_file(source) as blob:
        slots = read_header(blob, corrupt=partial(_corrupt, source)).slots
        views = blob.read_ranges([(slot.start, slot.stop) for slot in slots.values()])
        return {
            name: TensorData(slot.dtype, slot.shape, view)
            for (name, slot), view in zip(slots.items(), views, strict=True)
        }


def _with_suffix(path: str | os.PathLike[str]) -> Path:
    result = Path(path)
    if result.suffix != SUFFIX:
        raise InputError(f"{result}: expected the name of a {SUFFIX} file.")
    return result


def _corrupt(path: Path, what: str) -> CorruptData:
    return CorruptData(f"{path}: {what}.", hint="The file is damaged, or no safetensors file; get it anew.")
