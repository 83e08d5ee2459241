"""`heredity inherit --plan`, and what `show`, `ls` and `tree` say of how a checkpoint began."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from torch import nn

import heredity as hd
from heredity.cli import main as cli
from heredity.errors import CheckpointNotFound, CorruptCheckpoint, UntraceableModule
from heredity.store import open_store


def _network(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a father, a wider child that has inherited, a narrow stranger, and bare weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inherit") / "weights"
    store, rows = open_store(path), torch.randn(4, 3)
    father = hd.save(store, _network(8), key="father", score=0.5, example_inputs=rows)
    child = _network(12)
    inheritance = hd.inherit(child, father)
    hd.save(store, child, key="child", example_inputs=rows, inherited=inheritance, metadata={"note": "a"})
    hd.save(store, _network(6), key="narrow", example_inputs=rows)
    hd.save(store, _network(8), key="bare")
    store.put("odd", {}, metadata={"inheritance": {"store": "s", "plan": "#"}})
    return str(path)


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli.heredity, arguments, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def failure(*arguments: str) -> Result:
    return CliRunner().invoke(cli.heredity, arguments)


def test_the_plan_of_two_stored_networks_is_shown_with_its_certificate(place: str) -> None:
    output = run("inherit", "--plan", place, "father", "child")
    assert "exact, in eval mode and, dropout aside, in train mode" in output
    assert "gather [8 of 8, 4 fresh] [:]" in output


def test_json_is_the_plan_as_it_is_stored(place: str) -> None:
    shown = json.loads(run("inherit", "--plan", place, "father", "child", "--json"))
    assert shown["plan"]["certificate"]["is_exact"] is True
    assert shown["plan"] == json.loads(run("show", place, "child", "--json"))["plan"]


def test_all_has_a_row_for_each_tensor(place: str) -> None:
    rows = run("inherit", "--plan", place, "father", "child", "--all")
    assert all(name in rows for name in _network(1).state_dict())


def test_whether_it_is_exact_can_be_asked_by_the_exit_code(place: str) -> None:
    run("inherit", "--plan", "--exact", place, "father", "child")
    run("inherit", "--plan", place, "father", "narrow")
    run("inherit", "--plan", "--exact", place, "father", "narrow", code=1)


def test_what_is_missing_is_named(place: str) -> None:
    assert isinstance(failure("inherit", "--plan", place, "nobody", "child").exception, CheckpointNotFound)
    for pair in (("bare", "child"), ("child", "bare")):
        done = failure("inherit", "--plan", place, *pair)
        assert isinstance(done.exception, UntraceableModule)
        assert done.exception.message == "bare was saved without its graph."
    done = failure("inherit", place, "father", "child")
    assert done.exit_code == 2
    assert "say --plan" in done.output


def test_show_prints_how_a_checkpoint_began(place: str) -> None:
    output = run("show", place, "child")
    for part in ("exact", " from father, by best_effort", "gather [8 of 8, 4 fresh] [:]", "note=a"):
        assert part in output
    assert "eJ" not in output.partition("tensor")[0]  # the packed plan is not among the metadata
    assert re.search("inherited +–", run("show", place, "father"))


def test_a_list_leaves_the_packed_plan_out(place: str) -> None:
    checkpoints = {each["key"]: each for each in json.loads(run("ls", place, "--json"))}
    entry = checkpoints["child"]["metadata"]["inheritance"]
    assert entry["parent"] == "father"
    assert "plan" not in entry


def test_the_tree_says_how_much_came_over(place: str) -> None:
    line = next(line for line in run("tree", place).splitlines() if "child" in line)
    assert "inherited exact 6" in line


def test_a_damaged_plan_is_an_error_that_names_the_checkpoint(place: str) -> None:
    done = failure("show", place, "odd")
    assert isinstance(done.exception, CorruptCheckpoint)
    assert "'odd'" in done.exception.message


def test_showing_how_it_began_needs_no_torch(place: str) -> None:
    code = (
        f"import sys, heredity.cli.main as m; m.heredity.main({['show', place, 'child']!r}, "
        "standalone_mode=False); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert Path(place).is_dir()
