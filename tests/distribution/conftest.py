"""What is handed out, built once, and environments in which nothing else of ours is."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Environment:
    """A virtual environment, and programs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run one of its programs, which must end with this exit code."""
        program, *arguments = words
        done = subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "OMP_NUM_THREADS": "1"},
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done

    def python(self, program: str, *, cwd: Path) -> str:
        """Run a program of Python's; what it prints."""
        return self.run("python", "-c", program, cwd=cwd).stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    """The wheel."""
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def without_torch(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel with what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("without-torch") / "env"
    venv.create(folder, with_pip=False)
    # pip of the outer environment, since installing another one takes as long as all the rest.
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), str(wheel)], check=True)
    return Environment(folder)


@pytest.fixture(scope="session")
def with_torch(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel, beside the torch that the outer environment has: as for who has a torch already."""
    folder = tmp_path_factory.mktemp("with-torch") / "env"
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (outer,) = {path for path in map(Path, sys.path) if (path / "torch").is_dir()}
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    (packages / "outer.pth").write_text(f"{outer}\n")
    return Environment(folder)
