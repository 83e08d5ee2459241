"""The examples run, and their second trials inherit from the first ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import heredity as hd

EXAMPLES = Path(__file__).parents[2] / "examples/integrations"
LONGEST = 30
"""Lines, without those that are empty: two of them are ours."""


def run(name: str, *arguments: Path) -> None:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    # Not in the checkout: Syne Tune leaves a file where it is started.
    folder = arguments[0].parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def heirs(url: Path) -> list[str]:
    return [checkpoint.key for checkpoint in hd.open_store(url).checkpoints() if checkpoint.parents]


def test_optunas_trials_inherit(tmp_path: Path) -> None:
    run("optuna_digits.py", tmp_path / "store")
    assert len(heirs(tmp_path / "store")) == 3


@pytest.mark.integrations
def test_lightnings_wider_network_inherits(tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    run("lightning_digits.py", tmp_path / "store")
    assert heirs(tmp_path / "store") == ["lightning/Digits/width-24"]


@pytest.mark.integrations
def test_the_second_trial_of_a_search_with_transformers_inherits(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    run("transformers_bert.py", tmp_path / "store", tmp_path / "runs")
    assert heirs(tmp_path / "store") == ["transformers/signs/run-2"]


@pytest.mark.integrations
def test_adapters_of_more_rank_inherit(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    run("transformers_lora.py", tmp_path / "store", tmp_path / "runs")
    assert heirs(tmp_path / "store") == ["transformers/lora/r4"]


@pytest.mark.integrations
@pytest.mark.ray
def test_rays_losers_inherit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_ADDRESS", "local")  # whatever else runs on this machine
    run("ray_population.py", tmp_path / "store", tmp_path / "runs")
    assert heirs(tmp_path / "store")


@pytest.mark.integrations
def test_keras_wider_network_inherits(tmp_path: Path) -> None:
    pytest.importorskip("h5py")  # of Keras, which itself cannot be imported before its backend is set
    run("keras_digits.py", tmp_path / "store")
    assert heirs(tmp_path / "store") == ["keras/digits/width-24"]


@pytest.mark.integrations
def test_syne_tunes_losers_inherit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("syne_tune")
    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path / "syne"))
    run("syne_population.py", tmp_path / "store")
    assert heirs(tmp_path / "store")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.stem)
def test_an_example_is_short(file: Path) -> None:
    lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
    assert len(lines) <= LONGEST
