"""The rules of the house that no linter knows: sizes, names, first lines, and one door per dependency."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "heredity"
FILES = sorted(SOURCE.rglob("*.py"))
FOLDERS = sorted({file.parent for file in FILES})
# Over 300 lines a file should be split when it is next touched. ruff counts the statements of functions.
MAX_LINES = 400
MAX_FILES = 12

# A name that fits everything says nothing.
EMPTY_NAMES = {
    *(
        "base_utils",
        "common",
        "core",
        "helper",
        "helpers",
        "lib",
        "main_utils",
        "manager",
        "managers",
        "misc",
    ),
    *("new", "old", "shared", "stuff", "tools", "util", "utils", "v2", "various"),
}

# One door per dependency: replacing it changes one file, or one room (a name that ends with a slash).
DOORS: dict[str, set[str]] = {
    "click": {"cli/"},
    "graphviz": {"oneshot/differentiable/pictures/cells.py"},
    "jax": {"integrations/jax.py", "jax_arrays.py"},
    "matplotlib": {"dashboard/pictures/images.py", "oneshot/differentiable/pictures/weights.py"},
    "ml_dtypes": {"store/tensors.py"},
    "mlflow": {"mirrors/mlflow.py"},
    "obstore": {"store/backends/objects/library.py"},
    "keras": {"integrations/keras/"},
    "lightning": {"integrations/lightning.py"},
    "optuna": {"integrations/optuna.py", "strategies/optuna_sampler/library.py"},
    "pyarrow": {"mirrors/parquet_files.py"},
    "pydantic": {"engine/files/"},
    "pydantic_core": {"engine/files/"},
    "ray": {"engine/executors/on_ray/", "integrations/ray_tune.py"},
    "rich": {"cli/"},
    "sqlite3": {"engine/driving/shelf.py", "store/index/"},
    "syne_tune": {"integrations/syne_tune.py"},
    "tensorboard": {"mirrors/tensorboard.py"},
    "torch": {
        "checkpoints/",
        "inheritance/",
        "integrations/guests/ranks.py",
        "integrations/keras/modules.py",
        "oneshot/",
        "transfer/",
        "engine/trials/worker.py",
    },
    "transformers": {"integrations/transformers.py"},
    "wandb": {"mirrors/wandb.py"},
    "xxhash": {"store/tensors.py"},
    "yaml": {"engine/files/yaml_source.py"},
}
# Everybody may use numpy; testing/ may use what it checks with.
FREE = {"numpy"}


def _path(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"), str(file))


@cache
def _imported(file: Path) -> frozenset[str]:
    """Every module that a file loads, at its top or inside a function; not what only a type checker reads."""
    found: set[str] = set()
    for node in _nodes_that_run(_tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def _nodes_that_run(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        children: Iterable[ast.AST] = node.orelse
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from _nodes_that_run(child)


def _packages(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in _imported(file)}


def _is_inside(path: str, doors: set[str]) -> bool:
    return any(path.startswith(door) if door.endswith("/") else path == door for door in doors)


@pytest.mark.parametrize("file", FILES, ids=_path)
def test_a_file_is_short_enough_to_be_read_in_one_go(file: Path) -> None:
    num_lines = len(file.read_text("utf-8").splitlines())
    assert num_lines <= MAX_LINES, f"{_path(file)} has {num_lines} lines: split it"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(SOURCE.parent).as_posix())
def test_a_folder_has_few_enough_files_to_be_seen_at_once(folder: Path) -> None:
    names = [file.name for file in folder.glob("*.py")]
    assert len(names) <= MAX_FILES, f"{folder} has {len(names)} files: make a room inside it"


@pytest.mark.parametrize("file", FILES, ids=_path)
def test_a_file_begins_with_its_one_sentence(file: Path) -> None:
    docstring = ast.get_docstring(_tree(file))
    assert docstring, f"{_path(file)} does not say what it is"
    first = docstring.splitlines()[0]
    assert re.fullmatch(r"\S.*\.", first), f"{_path(file)}: the first line is no sentence: {first!r}"


@pytest.mark.parametrize("file", FILES, ids=_path)
def test_a_name_says_something(file: Path) -> None:
    names = {part.removesuffix(".py").strip("_") for part in _path(file).split("/")}
    if not _path(file).startswith("nni/shim/"):  # NNI's own names
        assert not names & EMPTY_NAMES


@pytest.mark.parametrize("file", FILES, ids=_path)
def test_no_module_is_marked_private_by_its_name(file: Path) -> None:
    """What a package does not list in `__all__` is private; underscores would say it twice."""
    assert not file.name.startswith("_") or file.name in {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("file", FILES, ids=_path)
def test_only_testing_imports_testing(file: Path) -> None:
    if not _path(file).startswith("testing/"):
        assert not {name for name in _imported(file) if name.startswith("heredity.testing")}


@pytest.mark.parametrize("file", FILES, ids=_path)
def test_only_the_edges_of_a_worker_a_mirror_and_a_tuner_catch_everything(file: Path) -> None:
    """Elsewhere a bug would look like a failure of the user's."""
    everything = {"Exception", "BaseException"}
    broad = [
        node.lineno
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} & everything)
        and not _reraises(node)
    ]
    edges = {"engine/trials/worker.py", "mirrors/mirroring.py", "nni/tuner/threads.py"}
    assert not broad or _path(file) in edges, f"{_path(file)}, lines {broad}"


def _reraises(handler: ast.ExceptHandler) -> bool:
    """Whether it tidies up and ends with a bare `raise`, which swallows nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("package", DOORS)
def test_a_dependency_has_one_door(package: str) -> None:
    users = {_path(file) for file in FILES if package in _packages(file)}
    strangers = {path for path in users if not _is_inside(path, DOORS[package] | {"testing/"})}
    assert not strangers, f"{package} may be imported by {sorted(DOORS[package])} only"


def test_every_dependency_has_its_door_in_the_table() -> None:
    used = {name for file in FILES for name in _packages(file) if not _path(file).startswith("testing/")}
    assert used - set(sys.stdlib_module_names) - {"heredity"} <= DOORS.keys() | FREE
