"""The sdist holds all that its tests and its documentation need."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tests.distribution.conftest import ROOT

pytestmark = pytest.mark.distribution

FOLDERS = (".ci", "benchmarks", "changes", "docs", "examples", "src", "tests")
LEFT_OUT = {"__pycache__", "runs"}


@pytest.fixture(scope="module")
def sdist(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (archive,) = built.glob("*.tar.gz")
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    (found,) = folder.iterdir()
    return found


def test_every_file_is_there(sdist: Path) -> None:
    wanted = {
        path.relative_to(ROOT)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not LEFT_OUT & {*path.parts} and not path.suffix.startswith(".egg")
    }
    assert {path for path in wanted if not (sdist / path).is_file()} == set()


def test_tests_of_it_run_on_it(sdist: Path) -> None:
    names = [
        "tests/test_ids.py",
        "tests/test_errors.py",
        "tests/test_old_journals.py",
        "tests/space/test_space.py",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names]
    done = subprocess.run(
        command,
        cwd=sdist,
        env={"PYTHONPATH": str(sdist / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
