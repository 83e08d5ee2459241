"""A manifest carries the fingerprints of its model, or none."""

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
