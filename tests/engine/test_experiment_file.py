"""Experiment files: every fault is refused with its file, line, what was expected, what came, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from heredity.encoding import decode
from heredity.engine.files.experiment_file import load_experiment, load_snapshot
from heredity.errors import ConfigError

GOOD = """\
name: demo
function: train.py:train
seed: 0
concurrency: 2
space:
  width: {int: [1, 64]}
  rate: {float: [0.001, 1], log: true}
  kind: {choice: [conv, mlp]}
strategy:
  kind: given
  parameters: {kind: conv, rate: 0.1}
  trials:
    father: {parameters: {width: 8}}
    child:
      parents: father
      parameters: {width: 16}
"""


def load(tmp_path: Path, text: str) -> object:
    file = tmp_path / "experiment.yml"
    file.write_text(text)
    return load_experiment(file)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "experiment.yml"
    file.write_text(GOOD)
    experiment = load_experiment(file)
    assert experiment.name == "demo"
    assert experiment.budget.concurrency == 2
    first, second = experiment.strategy.ask(), experiment.strategy.ask()
    assert first.parameters == {"kind": "conv", "rate": 0.1, "width": 8}  # type: ignore[union-attr]
    assert second.parents == ("father",)  # type: ignore[union-attr]


def test_a_command_is_run_in_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("here")
    file = tmp_path / "experiment.yml"
    file.write_text(
        changed("function: train.py:train", "command: [test, '{width}', -gt, '0', -a, -f, data.txt]")
    )
    experiment = load_experiment(file)
    experiment.directory, experiment.executor = tmp_path / "run", "inline"
    state = experiment.run()
    assert {record.error for record in state.trials.values()} == {""}
    again = load_snapshot(tmp_path / "run")
    again.executor = "inline"
    assert again.resume().trials == state.trials


def test_numbers_and_truth_values_are_read_as_yaml_1_2_does(tmp_path: Path) -> None:
    text = (
        GOOD.partition("space:")[0]
        + """strategy:
  kind: given
  trials:
    a: {parameters: {a: 1e-3, b: 1E6, c: .5, d: -2.5e+3, e: 010, f: no, g: true, h: 12, i: +7, j: 1_000}}
"""
    )
    parameters = load(tmp_path, text).strategy.ask().parameters  # type: ignore[attr-defined]
    assert parameters == {
        "a": 1e-3, "b": 1e6, "c": 0.5, "d": -2500.0, "e": "010", "f": "no", "g": True, "h": 12, "i": 7,
        "j": "1_000",
    }  # fmt: skip


FAULTS = {
    "unknown key": (changed("concurrency", "concurency"), 4, "did you mean 'concurrency'?"),
    "unknown key deep inside": (changed("parents: father", "parent: father"), 15, "did you mean 'parents'?"),
    "unknown key, nothing near": (changed("seed: 0", "seed: 0\nzebra: 1"), 4, "known keys are name"),
    "wrong type": (changed("concurrency: 2", "concurrency: two"), 4, "expected an integer, got 'two'"),
    "a float for an integer": (changed("seed: 0", "seed: 0.5"), 3, "seed: expected an integer"),
    "out of range": (changed("concurrency: 2", "concurrency: 0"), 4, "greater than or equal to 1, got 0"),
    "missing key": (changed("seed: 0\n", ""), 1, "seed: missing"),
    "no trials": (GOOD.partition("    father")[0].rstrip() + " {}\n", 12, "at least one entry, got {}"),
    "unknown kind of strategy": (changed("kind: given", "kind: genetic"), 10, "got 'genetic'"),
    "unknown dimension": (changed("{int: [1, 64]}", "{integer: [1, 64]}"), 6, "unknown key 'integer'"),
    "two kinds of dimension": (changed("{int: [1, 64]}", "{int: [1, 64], choice: [1]}"), 6, "exactly one of"),
    "empty interval": (changed("[1, 64]", "[64, 1]"), 6, "low <= high"),
    "a constraint": (
        changed("space:\n", "space:\n  constraints:\n  - width <\n"), 7, "space.constraints.0: 'width <'",
    ),
    "a broken constraint": (
        changed("space:\n", "space:\n  constraints: [width < 16]\n"), 17, "child': expected width < 16",
    ),
    "a parameter of the wrong type": (changed("width: 16", "width: wide"), 16, "expected an integer from"),
    "a parameter out of the space": (changed("width: 16", "width: 65"), 16, "got 65"),
    "a parameter not in the space": (changed("width: 16", "widht: 16"), 16, "did you mean 'width'?"),
    "a missing parameter": (changed("{width: 8}", "{}"), 13, "width: missing"),
    "a shared parameter of the wrong type": (changed("rate: 0.1", "rate: fast"), 11, "expected a number"),
    "a cycle among parents": (
        changed("{parameters: {width: 8}}", "{parameters: {width: 8}, parents: child}"), 12, "form a cycle",
    ),
    "a parent that does not exist": (changed("parents: father", "parents: fahter"), 15, "mean 'father'"),
    "a bad trial id": (changed("    father:", "    fa/ther:"), 13, "expected 1 to 64 letters"),
    "a bad name": (changed("name: demo", "name: ../demo"), 1, "expected 1 to 64 letters"),
    "a bad function": (changed("train.py:train", "train.py"), 2, "expected 'file.py:function'"),
    "a command and a function": (changed("seed: 0", "seed: 0\ncommand: 'true'"), 1, "got both"),
    "no command and no function": (changed("function: train.py:train\n", ""), 1, "or 'command', got neither"),
    "a command with a number": (
        changed("function: train.py:train", "command: [echo, 3]"), 2, "got 3; put it in quotes",
    ),
    "a place for nothing": (
        changed("function: train.py:train", "command: echo {widht}"), 2, "did you mean 'width'?",
    ),
    "no such program": (changed("function: train.py:train", "command: ecko x"), 2, "no program 'ecko'"),
    "half a command": (changed("function: train.py:train", "command: echo 'x"), 2, "No closing quotation"),
    "a key twice": (changed("seed: 0", "seed: 0\nseed: 1"), 4, "stands here and on line 3"),
    "no mapping": ("- a\n- b\n", 1, "expected a mapping"),
    "a key that is no text": (changed("seed: 0", "seed: 0\n12: 3"), 4, "expected a text as key"),
    "not a number": (
        changed("rate: 0.1", "rate: .nan").replace("float: [0.001, 1], log: true", "choice: [1]"),
        13, "Use numbers",
    ),
    "a parent twice": (changed("parents: father", "parents: [father, father]"), 15, "named twice"),
    "nothing where a mapping belongs": (changed("    father: {parameters: {width: 8}}", "    father:"), 13,
        "expected a mapping"),
    "a tab": (changed("  kind: given", "\tkind: given"), 10, "Indent with blanks"),
    "a date": (changed("width: 16", "width: 2026-11-24"), 16, "'2026-11-24'"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert f"experiment.yml:{line}: " in str(caught.value)
    assert message in str(caught.value)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    text = changed("seed: 0", "seed: zero").replace("concurrency: 2", "concurrency: two")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert ":3: seed" in str(caught.value)
    assert ":4: concurrency" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [", "not YAML"),
        (b"\xff\xfe", "UTF-8"),
        (b"a: !!python/object:os.system {}", "expected a number"),
    ],
)
def test_what_is_no_yaml_is_refused_and_nothing_in_it_is_executed(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "experiment.yml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_experiment(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_experiment(tmp_path / "nowhere.yml")


def test_relative_names_start_at_the_file(tmp_path: Path) -> None:
    experiment = load(tmp_path, changed("seed: 0", "seed: 0\nstore: weights"))
    assert experiment.store == str(tmp_path / "weights")  # type: ignore[attr-defined]


def test_the_snapshot_has_no_absolute_path_and_can_be_moved(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "train.py").write_text("def train(trial): return 1.0\n")
    file = whole / "experiment.yml"
    file.write_text(GOOD)
    experiment = load_experiment(file)
    experiment.directory, experiment.executor = whole / "run", "inline"
    experiment.run()
    snapshot = decode((whole / "run/experiment.json").read_bytes())
    assert snapshot["folder"] == ".."  # type: ignore[call-overload, index]
    whole.rename(tmp_path / "moved")
    again = load_snapshot(tmp_path / "moved/run")
    again.executor = "inline"
    assert again.resume().is_over


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot be read"), (b"{", "damaged"), (b'{"version":9}', "of version 1")]
)
def test_a_snapshot_that_cannot_be_read_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "experiment.json").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_snapshot(tmp_path)
