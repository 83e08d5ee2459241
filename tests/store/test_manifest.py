"""A manifest carries its tensors, and the fingerprints of its model, or none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from heredity.errors import CorruptCheckpoint, InputError
from heredity.ids import parse_checkpoint_key
from heredity.store.files.fingerprints import Fingerprints
from heredity.store.files.lineage import Lineage
from heredity.store.files.manifest import Manifest

KEY = parse_checkpoint_key("father")
PRINTS = Fingerprints("0" * 16, ("a1" * 8, "b2" * 8))


def manifest(prints: Fingerprints | None) -> Manifest:
    lineage = Lineage(KEY, "n", (), 0.5, datetime(2026, 1, 1, tzinfo=UTC), {})
    return Manifest(lineage, None, {}, prints)


DIGEST = "x3:" + "0a" * 16
GOOD_ROW: list[Any] = [DIGEST, "F32", [2, 3], 0]
ODD_PARTS: list[tuple[int, list[Any]]] = [
    (0, [None, 1, "", "x3:", "x3:" + "G" * 32, DIGEST + "\n", [DIGEST]]),
    (1, [None, 1, "f32", "F32 ", ["F32"]]),
    (2, [None, 6, "23", {}, [2.0, 3], [True, 3], [-1, 3], ["2", 3], [[2], 3], [1] * 65]),
    (3, [None, -1, 1, True, 0.0, "0", [0]]),
]
ODD_ROWS: list[Any] = [
    *([*GOOD_ROW[:at], part, *GOOD_ROW[at + 1 :]] for at, parts in ODD_PARTS for part in parts),
    *(None, 1, "row", {}, [], GOOD_ROW[:3], [*GOOD_ROW, 0]),
]


def with_rows(rows: list[Any]) -> str:
    fields = json.loads(manifest(None).to_json())
    fields["owners"] = ["father"]
    fields["tensors"] = {f"t{number}": row for number, row in enumerate(rows)}
    return json.dumps(fields)


@pytest.mark.parametrize("row", ODD_ROWS, ids=repr)
@pytest.mark.parametrize("before", [0, 3])
def test_one_odd_row_among_good_ones_is_damage(row: Any, before: int) -> None:
    with pytest.raises(CorruptCheckpoint, match="father"):
        Manifest.from_json(with_rows([GOOD_ROW] * before + [row] + [GOOD_ROW] * (3 - before)), key=KEY)


def test_good_rows_are_read_as_written() -> None:
    read = Manifest.from_json(with_rows([GOOD_ROW] * 3), key=KEY)
    assert list(read.tensors.values()) == [(DIGEST, "F32", (2, 3), KEY)] * 3
    assert Manifest.from_json(read.to_json(), key=KEY) == read


@pytest.mark.parametrize("prints", [PRINTS, Fingerprints("f" * 16, ()), None])
def test_fingerprints_are_read_as_written(prints: Fingerprints | None) -> None:
    assert Manifest.from_json(manifest(prints).to_json(), key=KEY).fingerprints == prints


def test_a_manifest_may_have_none() -> None:
    assert b"prints" not in manifest(None).to_json()
    text = json.dumps({**json.loads(manifest(None).to_json()), "prints": None})
    assert Manifest.from_json(text, key=KEY).fingerprints is None


def test_fingerprints_are_no_content() -> None:
    assert manifest(PRINTS).says_the_same_as(manifest(None))


@pytest.mark.parametrize(
    "prints",
    [
        [],
        {},
        {"outline": "0" * 16},
        {"outline": "0" * 15, "layers": []},
        {"outline": "0" * 16, "layers": [1]},
    ],
)
def test_damaged_fingerprints_are_damage(prints: Any) -> None:
    text = json.dumps({**json.loads(manifest(None).to_json()), "prints": prints})
    with pytest.raises(CorruptCheckpoint, match="father"):
        Manifest.from_json(text, key=KEY)


@pytest.mark.parametrize("name", ["", "0" * 15, "0" * 17, "G" * 16, "0" * 15 + "\n"])
def test_no_other_text_is_a_fingerprint(name: str) -> None:
    with pytest.raises(InputError, match="16 hexadecimal digits"):
        Fingerprints("0" * 16, (name,))
