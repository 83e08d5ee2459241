"""`heredity export` and `heredity import` as a user types them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from click.testing import CliRunner, Result

from heredity.cli import main as cli
from heredity.errors import CorruptData, InputError
from heredity.store import open_store


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store in which a father lies."""
    monkeypatch.chdir(tmp_path)
    open_store("weights").put("father", {"w": np.arange(6.0), "b": np.ones(3, dtype=np.float16)}, score=0.5)
    return "weights"


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli.heredity, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def failure(*arguments: str) -> Result:
    return CliRunner().invoke(cli.heredity, arguments)


@pytest.mark.parametrize("file", ["out.safetensors", "out.pt", "out.pth"])
def test_a_checkpoint_goes_out_and_comes_back(place: str, file: str) -> None:
    assert f"father → {file} (" in run("export", place, "father", "--to", file)
    output = run("import", place, "again", file, "--parent", "father", "--score", "0.75")
    assert f"{file} → again (54 B, of which " in output
    store = open_store(place)
    assert store["again"].manifest.tensors["w"].digest == store["father"].manifest.tensors["w"].digest
    assert (store["again"].parents, store["again"].score) == (("father",), 0.75)


def test_json_says_the_same(place: str) -> None:
    assert json.loads(run("export", place, "father", "--to", "out.safetensors", "--json")) == {
        "key": "father",
        "file": "out.safetensors",
        "num_tensors": 2,
        "size_bytes": Path("out.safetensors").stat().st_size,
    }
    shown = json.loads(run("import", place, "again", "out.safetensors", "--json"))
    assert (shown["key"], shown["num_tensors"], shown["size_bytes"]) == ("again", 2, 54)


def test_facts_are_json_where_they_can_be(place: str) -> None:
    run("export", place, "father", "--to", "out.safetensors")
    facts = ["epoch=3", "note=a good one", 'version="1.10"', "url=a=b", "none=null"]
    run("import", place, "again", "out.safetensors", *(part for fact in facts for part in ("--meta", fact)))
    assert open_store(place)["again"].metadata == {
        "epoch": 3, "note": "a good one", "version": "1.10", "url": "a=b", "none": None
    }  # fmt: skip


@pytest.mark.parametrize("meta", [["x"], ["=1"], ["a=1", "a=2"]])
def test_a_fact_without_a_name_of_its_own_is_refused(place: str, meta: list[str]) -> None:
    run("export", place, "father", "--to", "out.safetensors")
    arguments = [part for fact in meta for part in ("--meta", fact)]
    assert isinstance(failure("import", place, "a", "out.safetensors", *arguments).exception, InputError)


def test_what_another_program_wrote_comes_in(place: str) -> None:
    safetensors.numpy.save_file({"x": np.arange(3)}, "other.safetensors")
    torch.save({"model": {"x": torch.ones(2)}, "optimizer": {}}, "other.pt")
    run("import", place, "a", "other.safetensors")
    run("import", place, "b", "other.pt", "--entry", "model")
    store = open_store(place)
    assert store["a"].tensors()["x"].tolist() == [0, 1, 2]
    assert store["b"].tensors()["x"].tolist() == [1.0, 1.0]


def test_a_file_is_replaced_only_by_force(place: str) -> None:
    Path("out.safetensors").write_text("mine")
    error = failure("export", place, "father", "--to", "out.safetensors").exception
    assert isinstance(error, InputError)
    assert "--force" in error.hint
    run("export", place, "father", "--to", "out.safetensors", "--force")
    assert list(safetensors.numpy.load_file("out.safetensors")) == ["w", "b"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "weights", "father", "--to", "out.bin"],
        ["export", "weights", "mother", "--to", "out.pt"],
        ["import", "weights", "a", "absent.safetensors"],
        ["import", "weights", "a", "absent.onnx"],
        ["import", "weights", "a", "bad.safetensors", "--entry", "model"],
        ["import", "nowhere", "a", "bad.safetensors"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_named(arguments: list[str]) -> None:
    assert isinstance(failure(*arguments).exception, InputError)


def test_a_damaged_file_ends_with_1_and_says_which(place: str) -> None:
    Path("bad.safetensors").write_bytes(b"not a header")
    error = failure("import", place, "a", "bad.safetensors").exception
    assert isinstance(error, CorruptData)
    assert error.message.startswith("bad.safetensors: ")
    assert "a" not in open_store(place)


def test_safetensors_need_no_torch(place: str) -> None:
    code = (
        "import sys, heredity.cli.main as m\n"
        "for line in ('export weights father --to out.safetensors', 'import weights a out.safetensors'):\n"
        "    m.heredity.main(line.split(), standalone_mode=False)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


FILE = """
name: tiny
function: train.py:train
seed: 0
concurrency: 1
executor: inline
strategy: {kind: given, trials: {first: {parameters: {}}}}
"""

TRAIN = """
import numpy as np

def train(trial):
    trial.save_tensors({"w": np.arange(4.0)})
    return 0.5
"""


def test_a_trial_stands_for_its_checkpoint() -> None:
    Path("train.py").write_text(TRAIN)
    Path("experiment.yml").write_text(FILE)
    program = [sys.executable, "-m", "heredity.cli", "run", "experiment.yml", "--directory", "run"]
    subprocess.run(program, check=True, capture_output=True)
    assert "tiny/first@1 → out.safetensors" in run("export", "run", "first", "--to", "out.safetensors")
    run("import", "run", "heir", "out.safetensors", "--parent", "first")
    assert open_store("run/store")["heir"].parents == ("tiny/first@1",)


def test_a_long_export_shows_at_a_terminal_how_far_it_is(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = _on_a_terminal(
        "import heredity.cli.weights.exchange as e; e._SHOWN_FROM_BYTES = 0; "
        "import heredity.cli.main as m; "
        "m.heredity.main('export weights father --to out.safetensors'.split(), standalone_mode=False); "
        "m.heredity.main('import weights a out.safetensors'.split(), standalone_mode=False)"
    )
    assert "writing out.safetensors" in shown
    assert "reading out.safetensors" in shown


def _on_a_terminal(code: str) -> str:
    """What a program shows whose standard error is a terminal."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=theirs,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # as a terminal says that its other end is closed
            break
        shown += piece
    os.close(ours)
    assert program.wait() == 0, shown
    return shown.decode()
