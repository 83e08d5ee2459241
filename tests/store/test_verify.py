"""Verification finds every damage, names it once for each checkpoint it concerns, and trusts no memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heredity.errors import CheckpointNotFound
from heredity.ids import parse_checkpoint_key
from heredity.store import Store, open_store
from heredity.store.files.layout import name_of

WEIGHT = np.arange(5000, dtype=np.float32)


@pytest.fixture
def family(root: Path) -> Store:
    """A father, and a child that shares one tensor and the graph with him."""
    store = open_store(root)
    store.put("father", {"x": WEIGHT, "y": WEIGHT + 1}, graph={"n": 1})
    store.put("child", {"x": WEIGHT, "y": WEIGHT + 2}, graph={"n": 1}, parents=["father"])
    store["father"].read()
    return store


def test_a_ref_that_leads_nowhere_is_a_problem(family: Store, root: Path) -> None:
    family.refs.set("best", "child")
    family.refs.set("first", "father")
    assert family.verify() == []
    file_of(root, "child").unlink()
    (root / "refs/first/000000000001").chmod(0o644)
    (root / "refs/first/000000000001").write_bytes(b"{")
    problems = {problem.key: problem.what for problem in open_store(root).verify()}
    assert "'child', which is not there" in problems["ref best"]
    assert "damaged" in problems["ref first"]


def file_of(root: Path, key: str) -> Path:
    file = root / name_of(parse_checkpoint_key(key))
    file.chmod(0o644)
    return file


def flip(file: Path, position: int) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)


def test_a_whole_store_has_no_problems(family: Store) -> None:
    assert family.verify() == []
    assert family.verify("child") == []
    assert family.verify(family["father"]) == []


def test_damage_to_an_owner_concerns_its_heirs(family: Store, root: Path) -> None:
    digest = family["father"].manifest.tensors["x"].digest
    slot = family["father"]._pack().slots[digest]
    flip(file_of(root, "father"), slot.start)
    problems = family.verify()
    assert [(problem.key, problem.tensor) for problem in problems] == [("child", "x"), ("father", "x")]
    assert "has digest" in problems[0].what
    assert [problem.key for problem in family.verify("child")] == ["child"]


def test_a_damaged_graph_is_a_problem(family: Store, root: Path) -> None:
    flip(file_of(root, "father"), -1)  # the narrowest dtype lies last
    assert ("father", "(graph)") in [(problem.key, problem.tensor) for problem in family.verify()]


def test_a_damaged_header_is_a_problem_of_the_whole_checkpoint(family: Store, root: Path) -> None:
    flip(file_of(root, "father"), 8)
    problems = {(problem.key, problem.tensor) for problem in family.verify()}
    assert problems == {("father", None), ("child", "x"), ("child", "(graph)")}


def test_a_missing_parent_and_owner_are_problems(family: Store, root: Path) -> None:
    file_of(root, "father").unlink()
    problems = {(problem.key, problem.tensor) for problem in family.verify()}
    assert problems == {("child", None), ("child", "x"), ("child", "(graph)")}


@pytest.mark.parametrize("name", ["%", "stranger", "%2E%2E", "%FF"])
def test_a_file_that_is_no_checkpoint_is_a_problem(family: Store, root: Path, name: str) -> None:
    (root / "t" / "00" / name).write_bytes(b"")
    assert [problem.key for problem in family.verify()] == [f"t/00/{name}"]
    assert len(family.checkpoints()) == 2


def test_a_checkpoint_that_is_not_there_cannot_be_verified(store: Store) -> None:
    with pytest.raises(CheckpointNotFound):
        store.verify("absent")
