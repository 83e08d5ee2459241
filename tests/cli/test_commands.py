"""The commands as a user types them: what they print, and the exit codes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from heredity.cli import main as cli
from heredity.errors import InputError
from heredity.store import open_store

FILE = """
name: tiny
function: train.py:train
seed: 0
concurrency: 1
executor: inline
strategy:
  kind: given
  scratch_twins: true
  trials:
    father: {parameters: {start: 0.5}}
    child: {parents: father, parameters: {start: 0.9}}
"""

TRAIN = """
import numpy as np

def train(trial):
    trial.report(trial.parameters["start"] if trial.parents else 0.1, step=0)
    for step in range(trial.parameters.get("reports", 0)):
        trial.report(0.5, step=step)
    trial.report(0.95, step=10)
    trial.save_tensors({"shared": np.arange(4.0), "own": np.full(3, len(trial.parents), dtype=np.float32)})
    if trial.parameters.get("crash"):
        raise RuntimeError("no luck")
    return 0.95
"""


def run(*arguments: str, code: int = 0) -> str:
    """Run a command in a process of its own; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "heredity.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which an experiment has run as ``run``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "experiment.yml").write_text(FILE)
    run("run", "experiment.yml", "--directory", "run")
    return tmp_path


def test_every_command_says_in_the_list_what_it_says_itself() -> None:
    for name, (_, text) in cli._COMMANDS.items():
        command = cli.heredity.get_command(click.Context(cli.heredity), name)
        assert command is not None
        assert (command.help or "").partition("\n")[0] == text


def test_help_takes_under_a_third_of_a_second_of_cpu_and_loads_no_torch() -> None:
    code = (
        "import sys, time, heredity.cli.main as m\n"
        "try: m.heredity.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'numpy', 'rich', 'pydantic', 'yaml') if name in sys.modules], "
        "time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, seconds = done.stdout.splitlines()[-1].rsplit(" ", 1)
    assert loaded == "[]"
    assert float(seconds) < 0.3


@pytest.mark.parametrize("command", ["ls", "tree", "show"])
def test_looking_loads_no_torch(finished: Path, command: str) -> None:
    arguments = [command, "run", *(["father"] if command == "show" else [])]
    code = f"import sys, heredity.cli.main as m; m.heredity.main({arguments!r}, standalone_mode=False); "
    done = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_run_shows_lineage_and_says_where_things_lie(finished: Path) -> None:
    output = run("run", "experiment.yml", "--directory", "second")
    for text in (
        "father: completed",
        "Lineage",
        "twin of child",
        "second/store",
        " show second father",
    ):
        assert text in output


def test_children_that_took_over_no_weights_are_named(finished: Path) -> None:
    output = run("run", "experiment.yml", "--directory", "second")
    assert "Took over no weights (they never called trial.inherit): child\n" in output


def test_the_default_directory_has_the_next_free_number(finished: Path) -> None:
    run("run", "experiment.yml")
    run("run", "experiment.yml")
    assert sorted(path.name for path in (finished / "runs/tiny").iterdir()) == ["001", "002"]


def test_ls_lists_trials_and_checkpoints(finished: Path) -> None:
    trials = run("ls", "run")
    assert "child.scratch" in trials
    assert "completed" in trials
    checkpoints = run("ls", "run/store")
    assert "tiny/father@1" in checkpoints
    assert "0.95" in checkpoints
    assert "tiny/child@1" not in run("ls", "run/store", "--prefix", "tiny/father")


def test_json_carries_the_same_facts(finished: Path) -> None:
    trials = json.loads(run("ls", "run", "--json"))
    assert [trial["trial"] for trial in trials] == ["father", "child", "child.scratch"]
    assert trials[1]["reports"] == [[0, 0.9], [10, 0.95]]
    checkpoints = json.loads(run("ls", "run/store", "--json"))
    assert {c["key"] for c in checkpoints} == {"tiny/father@1", "tiny/child@1", "tiny/child.scratch@1"}
    shown = json.loads(run("show", "run/store", "tiny/child@1", "--json"))
    assert shown["tensors"]["shared"]["owner"] == "tiny/father@1"
    assert json.loads(run("tree", "run", "--json"))[1] == ["child", ["father"]]
    assert ["tiny/child@1", ["tiny/father@1"]] in json.loads(run("tree", "run/store", "--json"))
    assert json.loads(run("verify", "run", "--json")) == {"checkpoints": 3, "problems": []}
    report = json.loads(run("run", "experiment.yml", "--directory", "third", "--json"))
    assert report["outcomes"][0]["twin_score"] == 0.95


def test_show_tells_all_of_a_trial_and_of_a_checkpoint(finished: Path) -> None:
    trial = run("show", "run", "child")
    for text in ("start=0.9", "tiny/child@1", "father", "0.95", "10"):
        assert text in trial
    checkpoint = run("show", "run/store", "tiny/child@1")
    for text in ("tiny/father@1", "shared", "F64", "itself", "trial=child"):
        assert text in checkpoint


def test_tree_draws_who_inherited_from_whom(finished: Path) -> None:
    lines = run("tree", "run").splitlines()
    assert lines[1].startswith("├── father")
    assert lines[2].startswith("│   └── child")
    lines = run("tree", "run/store").splitlines()
    assert any("└── tiny/child@1" in line for line in lines)


def test_diff_says_what_is_shared_changed_and_new(finished: Path) -> None:
    output = run("diff", "run", "tiny/father@1", "tiny/child@1")
    assert "1 shared" in output
    assert "1 changed" in output
    totals = json.loads(run("diff", "run/store", "tiny/father@1", "tiny/child@1", "--json"))["totals"]
    assert totals == {"shared": 1, "changed": 1, "reshaped": 0, "new": 0, "gone": 0}


def test_trials_stand_for_their_checkpoints(finished: Path) -> None:
    assert "1 shared" in run("diff", "run", "father", "child")
    assert "1 checkpoints, all whole" in run("verify", "run", "child")


def test_nothing_is_cut_off_in_a_pipe(finished: Path) -> None:
    """Where the reader is a program, keys and numbers are whole, however long."""
    long = "x" * 60
    (finished / "experiment.yml").write_text(FILE.replace("father", long))
    run("run", "experiment.yml", "--directory", "long")
    assert f"tiny/{long}@1" in run("ls", "long/store")
    assert f"tiny/{long}@1" in run("diff", "long", long, "child")


def test_names_that_look_like_markup_are_shown_as_they_are(tmp_path: Path) -> None:
    open_store(tmp_path / "store").put("[bold]x[/bold]", {"[red]w": np.zeros(2)})
    assert "[bold]x[/bold]" in run("ls", str(tmp_path / "store"))
    assert "[red]w" in run("show", str(tmp_path / "store"), "[bold]x[/bold]")


def test_experiments_below_a_directory_are_named(finished: Path) -> None:
    run("run", "experiment.yml")
    assert "Experiments below it: runs/tiny/001" in run("ls", "runs", code=2)


def test_an_experiment_wants_a_directory_of_its_own(finished: Path) -> None:
    run("run", "experiment.yml")
    assert "is not empty" in run("run", "experiment.yml", "--directory", "runs/tiny", code=2)


def test_a_reason_stands_below_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    programs = Path(__file__).parents[1] / "engine/programs"
    (tmp_path / "experiment.yml").write_text(
        FILE.replace("train.py:train", f"{programs}/heirs.py:heir")
        .replace("start: 0.5", "width: 4, graph: false")
        .replace("start: 0.9", "width: 4")
    )
    output = run("run", "experiment.yml", "--directory", "run")
    assert "child: tensors are matched by name only: tiny/father@1 was saved without its graph" in output


def test_verify_finds_damage_and_exits_with_one(finished: Path) -> None:
    assert "3 checkpoints, all whole" in run("verify", "run")
    victim = next(path for path in (finished / "run/store/t").rglob("*father*"))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(content)
    assert "tiny/father@1" in run("verify", "run", code=1)


def test_failed_trials_exit_with_one_and_are_named(finished: Path) -> None:
    (finished / "experiment.yml").write_text(FILE.replace("start: 0.5", "start: 0.5, crash: true"))
    output = run("run", "experiment.yml", "--directory", "bad", code=1)
    assert "father failed: RuntimeError: no luck" in output
    assert "child failed: its parent father failed: RuntimeError: no luck" in output
    assert "failed: father, child; see `heredity show " in output


MISTAKES = {
    "no file": (["run", "nowhere.yml"], "nowhere.yml: cannot be read"),
    "unknown command": (["rum", "experiment.yml"], "There is no command 'rum'"),
    "unknown option": (["ls", "run", "--jason"], "--jason"),
    "no experiment": (["resume", "."], "cannot be read"),
    "no place": (["ls", "nowhere"], "no such directory"),
    "no store": (["ls", "photos"], "photos"),
    "no trial": (["show", "run", "nobody"], "The trials are father, child"),
    "no checkpoint": (["show", "run/store", "tiny/fathr@1"], "tiny/father@1"),
    "bad key": (["show", "run/store", "../../etc"], "a part between slashes"),
    "a run in a used directory": (["run", "experiment.yml", "--directory", "run"], "heredity resume"),
    "a store of a newer format": (["ls", "newer"], "newer"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_users_mistake_exits_with_two_and_says_what_to_do(
    finished: Path, arguments: list[str], message: str
) -> None:
    (finished / "photos").mkdir()
    (finished / "photos/cat.jpg").write_bytes(b"meow")
    (finished / "newer").mkdir()
    text = (finished / "run/store/format.json").read_text()
    assert '"version":1' in text.replace(" ", "") or '"format":1' in text.replace(" ", "")
    (finished / "newer/format.json").write_text(text.replace(":1,", ":99,").replace(":1}", ":99}"))
    before = sorted(str(path) for path in finished.rglob("*"))
    output = run(*arguments, code=2)
    assert message in output
    assert "Traceback" not in output
    assert sorted(str(path) for path in finished.rglob("*")) == before


def test_a_directory_that_cannot_be_made_is_refused(finished: Path) -> None:
    """Root may write into read-only folders; a folder below a file can be made by nobody."""
    output = run("run", "experiment.yml", "--directory", "train.py/run", code=2)
    assert "cannot be made" in output


def test_a_read_only_place_is_refused_before_a_trial_starts(finished: Path) -> None:
    if os.geteuid() != 0:
        (finished / "locked").mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
        run("run", "experiment.yml", "--directory", "locked/run", code=2)
        return
    (finished / "locked").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "locked"], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        assert "Read-only file system" in run("run", "experiment.yml", "--directory", "locked/run", code=2)
    finally:
        subprocess.run(["umount", "locked"], check=True)


def test_a_full_disk_ends_in_order_and_says_so(finished: Path) -> None:
    """The journal is on a disk of 1 MB that something else has filled but for a few blocks."""
    (finished / "full").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "full"], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let this user mount a tmpfs")
    try:
        (finished / "experiment.yml").write_text(
            FILE.replace("0.5", "0.5, reports: 500") + "store: elsewhere\n"
        )
        (finished / "full/ballast").write_bytes(bytes(56 * 1024))
        output = run("run", "experiment.yml", "--directory", "full/run", code=1)
        assert "father: started" in output
        assert "No space left" in output
        assert "Traceback" not in output
    finally:
        subprocess.run(["umount", "full"], check=True)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.heredity, arguments)


def test_a_typed_error_reaches_callers_of_the_group() -> None:
    assert isinstance(invoke("ls", "/nowhere").exception, InputError)
