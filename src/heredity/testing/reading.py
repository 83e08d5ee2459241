"""Reads a file in all ways that there are, for fuzzing: as a checkpoint of a store, and as a plain file."""

from __future__ import annotations

import numpy as np

from heredity.encoding import Json, encode
from heredity.errors import CorruptData, HeredityError
from heredity.ids import CheckpointKey
from heredity.store import Blob, MemoryBackend, Store, TensorData
from heredity.store.files.layout import name_of
from heredity.store.files.safetensors_format import encode_header, read_header

KEY = CheckpointKey("father")
_MOTHER = CheckpointKey("mother")


def seeds() -> list[bytes]:
    """Whole files to begin with: a plain one, and three checkpoints: one alone, an empty one, an heir."""
    shared = np.arange(600.0)
    alone = {"w": shared, "b": np.arange(3, dtype=np.int16), "z": np.zeros((0, 3)), "s": np.float32(1.5)}
    facts: dict[str, Json] = {"note": "é", "list": [1, {"a": None}]}
    plain = {dtype: TensorData(dtype, (2, 4), bytes(range(size))) for dtype, size in _SIZES.items()}
    header, order = encode_header({"format": "pt", "note": "é"}, plain, where="a plain file")
    files = [header + b"".join(plain[name].data for name in order)]
    for tensors, parents, metadata in ((alone, [], facts), ({}, [], None), (alone, [_MOTHER], None)):
        backend = _beside_mother()
        store = Store(backend, store_id="seeds")
        graph = {"nodes": [1, 2]} if tensors else None
        store.put(
            KEY, tensors, parents=parents, score=0.5 if parents else None, metadata=metadata, graph=graph
        )
        files.append(_content(backend))
    return files


_SIZES = {
    "F64": 64,
    "C64": 64,
    "I32": 32,
    "BF16": 16,
    "F16": 16,
    "U8": 8,
    "BOOL": 8,
    "F8_E4M3": 8,
    "F6_E2M3": 6,
    "F4": 4,
}


def _beside_mother() -> MemoryBackend:
    backend = MemoryBackend(url="memory://fuzz")
    Store(backend, store_id="seeds").put(_MOTHER, {"w": np.arange(600.0)})
    return backend


def _content(backend: MemoryBackend) -> bytes:
    blob = backend.open(name_of(KEY))
    assert blob is not None  # noqa: S101  # it has just been put
    with blob:
        return blob.read(0, blob.size)


def read_everything(content: bytes) -> int:
    """Read a file as whatever it may be; errors of this package are caught, and others are bugs.

    Returns:
        In how many ways it could be read whole.
    """
    backend = _beside_mother()
    backend.put_once(name_of(KEY), [content])
    return _read_as_checkpoint(backend) + _read_as_plain_file(backend)


def _read_as_checkpoint(backend: MemoryBackend) -> int:
    store = Store(backend, store_id="fuzz")
    problems = [problem for problem in store.verify() if problem.key == KEY]
    for problem in problems:
        problem.what.encode("utf-8")
    try:
        checkpoint = store[KEY]
        facts = [checkpoint.parents, checkpoint.score, checkpoint.created.isoformat(), checkpoint.metadata]
        encode([*facts, list(checkpoint.tensor_names), checkpoint.size_bytes, checkpoint.own_bytes])
        store.ancestors(KEY)
        store.checkpoints()
        encode(checkpoint.graph)
        checkpoint.tensors()
    except HeredityError as error:
        str(error).encode("utf-8")
        return 0
    return not problems


def _read_as_plain_file(backend: MemoryBackend) -> int:
    blob = backend.open(name_of(KEY))
    assert blob is not None  # noqa: S101  # it has been put
    try:
        with blob:
            _check(blob)
    except CorruptData as error:
        str(error).encode("utf-8")
        return 0
    return 1


def _check(blob: Blob) -> None:
    header = read_header(blob, corrupt=CorruptData)
    views = blob.read_ranges([(slot.start, slot.stop) for slot in header.slots.values()])
    for slot, view in zip(header.slots.values(), views, strict=True):
        TensorData(slot.dtype, slot.shape, view).digest()
    encode([dict(header.metadata), list(header.slots)])
