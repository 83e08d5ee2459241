"""What tests of NNI's border share: a process without `nni`, and the example with short trials."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "weight_sharing"


@pytest.fixture(autouse=True)
def no_nni(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take away what a loaded tuner leaves in this process."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {"nni", "simple_tuner", "tuner"}:
            del sys.modules[name]


@pytest.fixture
def example(tmp_path: Path) -> Callable[..., Path]:
    """Copy the example and change its config file; its trials take no time."""

    def copied(*, seconds: float = 0.01, **fields: object) -> Path:
        folder = tmp_path / "example"
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("shared", "__pycache__", ".gitignore"))
        config = folder / "config.yml"
        rows = [row for row in config.read_text().splitlines() if row.partition(":")[0] not in fields]
        # Through the command: the fork server of these tests has the environment of the first one.
        command = (
            f"env TRAINING_SECONDS={seconds} SHARED_DIRECTORY={tmp_path / 'shared'} {sys.executable} main.py"
        )
        text = "\n".join([*(f"{name}: {value}" for name, value in fields.items()), *rows]) + "\n"
        config.write_text(text.replace("python3 main.py", command))
        return config

    return copied


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """Write a tuner, a trial and a config file of version 2."""

    def written(*, tuner: str, trial: str, config: str = "") -> Path:
        (tmp_path / "tuner.py").write_text(tuner)
        (tmp_path / "trial.py").write_text(trial)
        path = tmp_path / "config.yml"
        path.write_text(
            "experimentName: small\n"
            f"trialCommand: {sys.executable} trial.py\n"
            "trialConcurrency: 2\n"
            "maxTrialNumber: 3\n"
            "tuner: {className: tuner.OwnTuner}\n"
            "trainingService: {platform: local}\n" + config
        )
        return path

    return written
