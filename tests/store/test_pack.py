"""The file of a save: readable by the safetensors library, and every kind of damage is a typed error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heredity.encoding import encode
from heredity.errors import CorruptCheckpoint, UnsupportedFormat
from heredity.ids import parse_checkpoint_key
from heredity.store import MemoryBackend, Store, open_store
from heredity.store.files.layout import name_of
from heredity.store.files.safetensors_format import METADATA, decode_object, encode_header
from heredity.store.tensors import TensorData

Header = dict[str, Any]


@pytest.fixture
def file(root: Path) -> Path:
    """The file of a checkpoint named father."""
    open_store(root).put("father", {"w": np.arange(6.0), "b": np.arange(3)}, graph={"nodes": [1]}, score=0.5)
    return root / name_of(parse_checkpoint_key("father"))


def rewrite(file: Path, content: bytes) -> None:
    file.chmod(0o644)
    file.write_bytes(content)


def change_header(file: Path, change: Callable[[Header], object]) -> None:
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    rewrite(file, len(text).to_bytes(8, "little") + text + content[8 + length :])


def change_manifest(file: Path, change: Callable[[Header], object]) -> None:
    def change_inside(header: Header) -> None:
        manifest = json.loads(header["__metadata__"]["heredity"])
        change(manifest)
        header["__metadata__"]["heredity"] = json.dumps(manifest)

    change_header(file, change_inside)


def test_the_safetensors_library_reads_it(file: Path) -> None:
    found = safetensors.numpy.load_file(file)
    assert sorted(map(len, found.values())) == [3, 6, len('{"nodes":[1]}')]
    assert all(name.startswith("x3:") for name in found)


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["U8", "F16", "F64"])),
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=3)),
)
def test_a_header_is_canonical_json_whatever_the_names(
    dtypes: dict[str, str], metadata: dict[str, str]
) -> None:
    forms = {name: TensorData(dtype, (0, 3), b"") for name, dtype in dtypes.items()}
    header, order = encode_header(metadata, forms, where="x")
    value = decode_object(header[8:])
    assert encode(value) == header[8:].rstrip(b" ")
    assert {*value} - {METADATA} == {*order} - {METADATA}


def test_its_bytes_are_aligned_for_mapping(root: Path) -> None:
    tensors = {
        str(i): np.zeros(i, dtype=kind) for i, kind in enumerate(["u1", "f8", "f2", "c8", "i4"], start=1)
    }
    loaded = open_store(root).put("a", tensors).tensors()
    assert all(array.flags.aligned for array in loaded.values())


def test_lineage_stands_first(file: Path) -> None:
    content = file.read_bytes()
    positions = [
        content.index(f'\\"{name}\\"'.encode()) for name in ("key", "parents", "score", "metadata", "tensors")
    ]
    assert positions == sorted(positions)
    assert positions[0] < 100


@pytest.mark.parametrize("length", [0, 7, 8, 100, -1])
def test_a_truncated_file_is_corrupt(file: Path, root: Path, length: int) -> None:
    rewrite(file, file.read_bytes()[:length])
    with pytest.raises(CorruptCheckpoint, match="'father'"):
        open_store(root)["father"]


def test_bytes_behind_the_end_are_corrupt(file: Path, root: Path) -> None:
    rewrite(file, file.read_bytes() + b"x")
    with pytest.raises(CorruptCheckpoint, match="end at byte"):
        open_store(root)["father"]


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 100_000_001, 10_000])
def test_an_enormous_header_is_never_read(file: Path, root: Path, length: int) -> None:
    rewrite(file, length.to_bytes(8, "little") + file.read_bytes()[8:])
    with pytest.raises(CorruptCheckpoint, match="does not fit"):
        open_store(root)["father"]


@pytest.mark.parametrize(
    "text", [b"[]", b"{", b"nul\xff", b'{"a":1,"a":1}', b"[" * 100_000, b"{}", b'{"__metadata__":{}}']
)
def test_a_header_that_is_something_else_is_corrupt(file: Path, root: Path, text: bytes) -> None:
    rewrite(file, len(text).to_bytes(8, "little") + text)
    with pytest.raises(CorruptCheckpoint):
        open_store(root)["father"]


def _tensors(header: Header) -> list[Header]:
    return sorted(
        (header[name] for name in header if name != "__metadata__"), key=lambda each: each["data_offsets"]
    )


HEADER_DAMAGE: list[Callable[[Header], object]] = [
    lambda header: _tensors(header)[1].update(data_offsets=_tensors(header)[0]["data_offsets"]),
    lambda header: _tensors(header)[0].update(data_offsets=[-8, 40]),
    lambda header: _tensors(header)[0].update(data_offsets=[0, 2**70]),
    lambda header: _tensors(header)[0].update(data_offsets=[48, 0]),
    lambda header: _tensors(header)[0].update(dtype="F99"),
    lambda header: _tensors(header)[0].update(dtype="U64"),
    lambda header: _tensors(header)[0].update(shape=[3, 2]),
    lambda header: _tensors(header)[0].update(shape=[6.0]),
    lambda header: _tensors(header)[0].update(shape=[True]),
    lambda header: _tensors(header)[0].pop("shape"),
    lambda header: header.update(extra={"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}),
]


@pytest.mark.parametrize("change", HEADER_DAMAGE, ids=map(str, range(len(HEADER_DAMAGE))))
def test_a_header_that_contradicts_itself_is_corrupt(
    file: Path, root: Path, change: Callable[[Header], object]
) -> None:
    change_header(file, change)
    with pytest.raises(CorruptCheckpoint):
        open_store(root)["father"]


MANIFEST_DAMAGE: list[Callable[[Header], object]] = [
    lambda manifest: manifest.update(version=0),
    lambda manifest: manifest.update(version="1"),
    lambda manifest: manifest.update(version=True),
    lambda manifest: manifest.update(key="mother"),
    lambda manifest: manifest.pop("nonce"),
    lambda manifest: manifest.update(parents="father"),
    lambda manifest: manifest.update(parents=["../father"]),
    lambda manifest: manifest.update(parents=[7]),
    lambda manifest: manifest.update(score="good"),
    lambda manifest: manifest.update(score=True),
    lambda manifest: manifest.update(score=10**400),
    lambda manifest: manifest.update(created="9999-12-31T23:59:59-23:00"),
    lambda manifest: manifest.pop("score"),
    lambda manifest: manifest.update(created="yesterday"),
    lambda manifest: manifest.update(created="2026-01-01T00:00:00"),
    lambda manifest: manifest.update(metadata=[]),
    lambda manifest: manifest.update(owners=[]),
    lambda manifest: manifest.update(tensors=[]),
    lambda manifest: manifest["tensors"].update(w=None),
    lambda manifest: manifest["tensors"].update(w=["md5", "F64", [6], 0]),
    lambda manifest: manifest["tensors"]["w"].__setitem__(1, "F99"),
    lambda manifest: manifest["tensors"]["w"].__setitem__(2, [3, 2]),
    lambda manifest: manifest["tensors"]["w"].__setitem__(3, -1),
    lambda manifest: manifest["tensors"].pop("w"),
    lambda manifest: manifest.update(graph=manifest["tensors"]["w"]),
]


@pytest.mark.parametrize("change", MANIFEST_DAMAGE, ids=map(str, range(len(MANIFEST_DAMAGE))))
def test_a_manifest_that_cannot_be_is_corrupt(
    file: Path, root: Path, change: Callable[[Header], object]
) -> None:
    change_manifest(file, change)
    with pytest.raises(CorruptCheckpoint, match="'father'"):
        open_store(root)["father"]


def test_a_newer_manifest_is_refused_with_both_versions(file: Path, root: Path) -> None:
    change_manifest(file, lambda manifest: manifest.update(version=7))
    with pytest.raises(UnsupportedFormat, match=r"version 7.*version 1"):
        open_store(root)["father"]


def test_a_whole_number_is_a_score_and_unknown_fields_are_left_out(file: Path, root: Path) -> None:
    change_manifest(file, lambda manifest: manifest.update(score=1, later={"more": True}))
    assert open_store(root)["father"].score == 1.0


@pytest.fixture
def flipped(file: Path) -> Path:
    """The file with its last byte changed, which belongs to a tensor."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    rewrite(file, bytes(content))
    return file


def test_a_flipped_byte_is_found_on_loading(flipped: Path, root: Path) -> None:
    store = open_store(root)
    with pytest.raises(CorruptCheckpoint, match=r"'father'.*has digest x3:.*expected x3:"):
        _everything(store)


def _everything(store: Store) -> None:
    for checkpoint in store.checkpoints():
        checkpoint.read()
        assert checkpoint.graph is None or checkpoint.graph


def test_a_flipped_byte_is_not_looked_for_by_those_who_said_never(flipped: Path, root: Path) -> None:
    open_store(root, verify="never")["father"].read()


def test_the_first_load_verifies_and_the_second_trusts_it(file: Path, root: Path) -> None:
    first, always = open_store(root), open_store(root, verify="always")
    for store in (first, always):
        store["father"].read()
    content = bytearray(file.read_bytes())
    content[-40:] = bytes(40)
    rewrite(file, bytes(content))
    first["father"].read()
    with pytest.raises(CorruptCheckpoint):
        _everything(always)


def test_a_file_cut_after_its_header_was_read_does_not_kill_the_process(file: Path, root: Path) -> None:
    checkpoint = open_store(root)["father"]
    rewrite(file, file.read_bytes()[:-8])
    with pytest.raises(CorruptCheckpoint, match="are left"):
        checkpoint.read()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_damage_is_a_typed_error_or_changes_nothing(
    intact: bytes, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(intact)
    for position, value in changes:
        content[position % len(content)] = value
    backend = MemoryBackend(url="memory://damaged")
    backend.put_once(name_of(parse_checkpoint_key("father")), [content])
    try:
        _everything(Store(backend, store_id="x"))
    except (CorruptCheckpoint, UnsupportedFormat):
        assert content != intact


@pytest.fixture
def intact(file: Path) -> bytes:
    """The file's bytes as they should be."""
    return file.read_bytes()
