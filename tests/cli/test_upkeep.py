"""`heredity drop`, `collect`, `mirror` and `refs` as a user types them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from heredity.cli import main as cli
from heredity.cli.weights.upkeep import DURATION
from heredity.errors import CheckpointDropped, CheckpointNotFound, InputError
from heredity.ids import parse_checkpoint_key
from heredity.store import Store, open_store
from heredity.store.files.layout import name_of

WEIGHT = np.arange(5000, dtype=np.float32)


@pytest.fixture
def store(root: Path) -> Store:
    """A father and his child, who shares a tensor with him."""
    store = open_store(root)
    store.put("father", {"x": WEIGHT, "y": WEIGHT + 1})
    store.put("child", {"x": WEIGHT, "y": WEIGHT + 2}, parents=["father"])
    return store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "store"


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli.heredity, arguments, standalone_mode=False)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code
    return done.output


def test_dropping_says_what_comes_next(store: Store, root: Path) -> None:
    text = run("drop", str(root), "father", "child", "--reason", "too weak")
    assert text == f"2 dropped; `heredity collect {root}` frees what nobody needs\n"
    with pytest.raises(CheckpointDropped, match="too weak"):
        store["child"]


def test_sizes_say_what_dropping_frees(store: Store, root: Path) -> None:
    """A father's file stays for his child's sake; the child's own would go."""
    rows = {each["key"]: each for each in json.loads(run("ls", str(root), "--sizes", "--json"))}
    assert (rows["father"]["own_bytes"], rows["father"]["freed_bytes"]) == (2 * WEIGHT.nbytes, 0)
    assert (rows["child"]["own_bytes"], rows["child"]["shared_bytes"]) == (WEIGHT.nbytes, WEIGHT.nbytes)
    store.drop("child")
    assert store.collect(grace=timedelta(0)).size_bytes == rows["child"]["freed_bytes"]
    assert "1 checkpoints, 40.0 kB when loaded, 40.0 kB in files of their own" in run(
        "ls", str(root), "--sizes"
    )


def test_a_list_says_what_it_leaves_out(store: Store, root: Path) -> None:
    file = root / name_of(parse_checkpoint_key("child"))
    file.chmod(0o644)
    file.write_bytes(b"damaged!")
    for arguments in (["ls", str(root)], ["ls", str(root), "--sizes"]):
        assert "1 not listed, since they cannot be read: child" in run(*arguments)


def test_dropping_what_is_not_there_is_a_mistake(store: Store, root: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="Similar names are 'father'"):
        run("drop", str(root), "fathr")
    with pytest.raises(click.UsageError):
        run("drop", str(root))


def test_of_several_keys_all_are_dropped_or_none(store: Store, root: Path) -> None:
    store.refs.set("best", "child")
    for bad in ("nope", "child"):
        with pytest.raises(InputError):
            run("drop", str(root), "father", bad)
    assert list(store) == ["child", "father"]
    assert run("drop", str(root), "father", "father").startswith("1 dropped")
    with pytest.raises(CheckpointDropped):
        run("drop", str(root), "father")


def test_a_dry_run_says_what_a_collection_does(store: Store, root: Path) -> None:
    store.drop("child")
    plan = json.loads(run("collect", str(root), "--grace", "0", "--dry-run", "--json"))
    assert "child" not in store
    done = json.loads(run("collect", str(root), "--grace", "0", "--json"))
    assert (plan["dry_run"], done["dry_run"]) == (True, False)
    assert plan["freed"] == done["freed"]
    assert [each["key"] for each in done["freed"]] == ["child"]


def test_a_collection_says_what_it_keeps_and_why(store: Store, root: Path) -> None:
    store.drop("father")
    text = run("collect", str(root), "--grace", "0s")
    assert "0 files, 0 B freed" in text
    assert "1 dropped, but kept: needed by other checkpoints" in text
    store.drop("child")
    assert "2 dropped, but kept: dropped less than the grace ago" in run("collect", str(root))
    assert "2 files" in run("collect", str(root), "--grace", "0", "--dry-run")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1.5h", 5400), ("7d", 604800)])
def test_a_grace_is_a_length_of_time(text: str, seconds: float) -> None:
    assert DURATION.convert(text, None, None) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["24", "-1h", "soon", "1w"])
def test_a_grace_without_a_unit_is_a_mistake(store: Store, root: Path, text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected 90s"):
        run("collect", str(root), f"--grace={text}")


def test_a_mirror_is_made_and_kept_up(store: Store, root: Path, tmp_path: Path) -> None:
    target = str(tmp_path / "mirror")
    assert run("mirror", str(root), target) == "2 copied, 0 were there already\n"
    store.refs.set("best", "child")
    assert "refs moved: best" in run("mirror", str(root), target)
    assert json.loads(run("mirror", str(root), target, "--json")) == {
        "copied": [],
        "num_present": 2,
        "refs": [],
        "skipped": {},
    }


def test_a_mirror_that_had_to_leave_something_out_exits_with_one(
    store: Store, root: Path, tmp_path: Path
) -> None:
    target = tmp_path / "mirror"
    open_store(target).put("father", {"other": WEIGHT})
    text = run("mirror", str(root), str(target), code=1)
    assert "left out" in text
    assert "father" in text


def test_refs_are_listed_moved_and_deleted(store: Store, root: Path) -> None:
    assert json.loads(run("refs", str(root), "best", "father", "--json")) == [
        {"name": "best", "key": "father", "number": 1}
    ]
    assert "child" in run("refs", str(root), "best", "child")
    with pytest.raises(InputError, match="'best' points to it"):
        run("drop", str(root), "child")
    assert json.loads(run("refs", str(root), "best", "--delete", "--json")) == []


@pytest.mark.parametrize("arguments", [["best"], ["best", "father", "--delete"], ["--delete"]])
def test_half_a_command_about_refs_is_a_mistake(store: Store, root: Path, arguments: list[str]) -> None:
    with pytest.raises(click.UsageError):
        run("refs", str(root), *arguments)
