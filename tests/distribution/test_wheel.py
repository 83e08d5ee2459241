"""The wheel works where nothing of the repository is: without torch, and with it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tests.distribution.conftest import Environment

import heredity

pytestmark = pytest.mark.distribution

STORE = """\
import heredity as hd, numpy as np
store = hd.open_store("weights")
store.put("father", {"weight": np.ones((8, 8), dtype="f4")}, score=0.9)
store.put("child", {"weight": np.ones((8, 8), dtype="f4"), "bias": np.zeros(8)}, parents=["father"])
print(float(store["child"].tensors()["weight"].sum()))
"""

SEARCH = """\
import heredity as hd
from heredity.strategies import Given, GivenTrial

def train(trial: hd.Trial) -> float:
    trial.save_tensors({}, metadata={})
    return 0.5 if trial.parent is None else 0.75

hd.Experiment(
    train=train, name="family", seed=0, executor="inline", directory="family",
    strategy=Given([GivenTrial("father", {}), GivenTrial("child", {}, ("father",))]),
    budget=hd.Budget(concurrency=1),
).run()
"""

NEEDS_TORCH = """\
import heredity as hd
try:
    {statement}
except hd.errors.MissingPackage as error:
    print(isinstance(error, ImportError), error.hint)
"""

INHERIT = """\
import heredity as hd, torch
from torch import nn
def build(width): return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))
x = torch.randn(4, 3)
store = hd.open_store("memory://wheel")
hd.save(store, build(8), key="father", example_inputs=x)
print(hd.__file__, hd.inherit(build(12), store["father"], example_inputs=x).is_exact)
"""


@pytest.fixture
def store(without_torch: Environment, tmp_path: Path) -> Path:
    assert without_torch.python(STORE, cwd=tmp_path) == "64.0\n"
    return tmp_path


def test_it_has_the_version_of_the_package_and_says_that_it_is_typed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert {"heredity/py.typed", f"heredity-{heredity.__version__}.dist-info/METADATA"} <= {
            *archive.namelist()
        }


def test_the_command_says_its_version(without_torch: Environment, tmp_path: Path) -> None:
    said = without_torch.run("heredity", "--version", cwd=tmp_path).stdout
    assert said == f"heredity {heredity.__version__}\n"


def test_torch_does_not_come_with_it(without_torch: Environment, tmp_path: Path) -> None:
    program = "import importlib.util as util; print(util.find_spec('torch'))"
    assert without_torch.python(program, cwd=tmp_path) == "None\n"


@pytest.mark.parametrize(
    "words", ["ls", "ls --sizes", "tree", "verify", "show PLACE child", "diff PLACE father child"]
)
def test_a_store_is_looked_at_without_torch(words: str, store: Path, without_torch: Environment) -> None:
    command = words if "PLACE" in words else f"{words} PLACE"
    said = without_torch.run("heredity", *command.replace("PLACE", "weights").split(), cwd=store).stdout
    assert "child" in said or "all whole" in said


def test_a_checkpoint_leaves_a_store_without_torch(store: Path, without_torch: Environment) -> None:
    without_torch.run("heredity", "export", "weights", "child", "--to", "child.safetensors", cwd=store)
    without_torch.run("heredity", "import", "weights", "again", "child.safetensors", cwd=store)


def test_a_search_that_trains_without_torch_runs_without_it(
    without_torch: Environment, tmp_path: Path
) -> None:
    without_torch.python(SEARCH, cwd=tmp_path)
    assert "completed" in without_torch.run("heredity", "ls", "family", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    "statement", ["hd.inherit", "hd.save", "import heredity.oneshot", "import heredity.transfer.state"]
)
def test_what_needs_torch_says_what_to_install(
    statement: str, without_torch: Environment, tmp_path: Path
) -> None:
    said = without_torch.python(NEEDS_TORCH.format(statement=statement), cwd=tmp_path)
    assert said.startswith("True pip install 'heredity[torch]'")


@pytest.mark.parametrize("words", ["inherit weights father child --plan", "export weights child --to a.pt"])
def test_a_command_that_needs_torch_says_what_to_install(
    words: str, store: Path, without_torch: Environment
) -> None:
    said = without_torch.run("heredity", *words.split(), cwd=store, code=2).stderr
    assert "pip install 'heredity[torch]'" in said


def test_a_child_inherits_where_torch_is(with_torch: Environment, tmp_path: Path) -> None:
    place, verdict = with_torch.python(INHERIT, cwd=tmp_path).split()
    assert Path(place).is_relative_to(with_torch.folder)
    assert verdict == "True"
