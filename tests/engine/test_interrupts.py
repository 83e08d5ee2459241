"""Ctrl-C, SIGTERM and kill -9: what runs ends in order, nothing is lost, and the experiment goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heredity.experiment import events as happened
from heredity.journal import read_state, replay
from heredity.store import open_store
from heredity.testing.experiments import trial_named, trial_states

PROGRAMS = Path(__file__).parent / "programs"
EXAMPLES = Path(__file__).parents[2] / "examples"

FILE = """
name: interrupted
function: {programs}/trials.py:scripted
seed: 0
concurrency: 2
strategy:
  kind: given
  trials:
    one: {{parameters: {{does: {does}, seconds: {seconds}}}}}
    two: {{parameters: {{does: {does}, seconds: {seconds}}}}}
    three: {{parents: one, parameters: {{does: {does}, seconds: {seconds}}}}}
"""


def heredity(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "heredity.cli", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start(tmp_path: Path, does: str, *, seconds: float = 60) -> subprocess.Popen[str]:
    (tmp_path / "experiment.yml").write_text(FILE.format(programs=PROGRAMS, does=does, seconds=seconds))
    return heredity("run", "experiment.yml", "--directory", "run", cwd=tmp_path)


def wait_for(*paths: Path) -> None:
    deadline = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline, f"{paths} did not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_interrupt_lets_trials_clean_up_and_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = start(tmp_path, "clean_up")
    wait_for(tmp_path / "run/one.started", tmp_path / "run/two.started")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "heredity resume" in errors
    assert (tmp_path / "run/one.cleaned").exists()
    assert (tmp_path / "run/two.cleaned").exists()
    state = read_state(tmp_path / "run/journal.jsonl")
    assert trial_states(state) == {"one": "queued", "two": "queued"}
    assert trial_named(state, "one").num_losses == 0  # the user's interrupt uses up no retry


def test_two_interrupts_end_all_at_once_whatever_the_trials_swallow(tmp_path: Path) -> None:
    process = start(tmp_path, "swallow_exceptions")
    wait_for(tmp_path / "run/one.started", tmp_path / "run/two.started")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - begin < 5


def test_an_interrupted_experiment_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path, "sleep", seconds=0.5)
    wait_for(tmp_path / "run/journal.jsonl")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    process = heredity("ls", "run", cwd=tmp_path)
    output, _ = process.communicate(timeout=60)
    assert "no driver runs here; go on with" in output
    process = heredity("resume", "run", cwd=tmp_path)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "resumed: 0 trials have ended" in output
    state = read_state(tmp_path / "run/journal.jsonl")
    assert trial_states(state) == {"one": "completed", "two": "completed", "three": "completed"}


def test_workers_die_with_their_driver(tmp_path: Path) -> None:
    process = start(tmp_path, "hang")
    wait_for(tmp_path / "run/logs/one@1.log", tmp_path / "run/logs/two@1.log")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while workers := processes_that_run(str(tmp_path)):
        assert time.monotonic() < deadline, f"still alive: {workers}"
        time.sleep(0.05)


def processes_that_run(text: str) -> list[str]:
    """Processes that have a file below this folder open as their output."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if str(link.readlink()).startswith(text):
                found.append(link.parts[2])
        except OSError:
            continue  # it has ended meanwhile
    return found


def test_a_driver_that_lives_keeps_a_second_one_out(tmp_path: Path) -> None:
    process = start(tmp_path, "hang")
    wait_for(tmp_path / "run/logs/one@1.log")
    looking = heredity("ls", "run", cwd=tmp_path)
    assert "no driver" not in looking.communicate(timeout=60)[0]
    second = heredity("resume", "run", cwd=tmp_path)
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "being written by another process" in errors
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def kill_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)


def check_nothing_lost_or_done_twice(directory: Path, num_trials: int) -> None:
    events = list(replay(directory / "journal.jsonl"))
    completed = [event.trial for event in events if isinstance(event, happened.TrialCompleted)]
    assert len(completed) == len(set(completed)) == num_trials
    acknowledged = {event.key for event in events if isinstance(event, happened.CheckpointSaved)}
    store = open_store(str(directory / "store"), create=False)
    assert acknowledged <= {checkpoint.key for checkpoint in store.checkpoints()}
    assert store.verify() == []


def test_a_run_that_was_killed_before_its_journal_began_may_begin_anew(tmp_path: Path) -> None:
    open_store(tmp_path / "run/store")
    (tmp_path / "run/experiment.json").write_text("{}")
    (tmp_path / "run/.journal.jsonl.123").write_bytes(b"")
    process = start(tmp_path, "father", seconds=0)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    check_nothing_lost_or_done_twice(tmp_path / "run", 3)


def test_kill_minus_nine_at_random_moments_of_quick_trials_loses_nothing(tmp_path: Path) -> None:
    rng = random.Random(20261124)
    process = start(tmp_path, "father", seconds=0)
    for _ in range(6):
        time.sleep(rng.uniform(0.2, 0.9))
        if process.poll() is not None:
            break
        kill_group(process)
        if not (tmp_path / "run/journal.jsonl").exists():
            process = start(tmp_path, "father", seconds=0)
        else:
            process = heredity("resume", "run", cwd=tmp_path)
    process.communicate(timeout=60)
    assert process.returncode == 0
    check_nothing_lost_or_done_twice(tmp_path / "run", 3)


@pytest.mark.slow
def test_kill_minus_nine_at_random_moments_of_the_demo(tmp_path: Path) -> None:
    """Each time the whole process group is killed and the experiment resumed, it completes.

    A few moments; HEREDITY_TEST_MOMENTS asks for more of them.
    """
    seed = int(os.environ.get("HEREDITY_TEST_SEED", "20261124"))
    print(f"seed {seed}")
    rng = random.Random(seed)
    file = small_demo(tmp_path)
    for moment in range(int(os.environ.get("HEREDITY_TEST_MOMENTS", "3"))):
        directory = tmp_path / f"run-{moment}"
        process = heredity("run", str(file), "--directory", str(directory), cwd=tmp_path)
        wait_for(directory / "journal.jsonl")
        time.sleep(rng.uniform(0, 9))
        kill_group(process)
        process = heredity("resume", str(directory), cwd=tmp_path)
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, f"moment {moment}: {output}{errors}"
        check_nothing_lost_or_done_twice(directory, 7)


def small_demo(tmp_path: Path) -> Path:
    """The demo with fewer epochs: the moments fall on the same events, the waiting is shorter."""
    folder = EXAMPLES / "father_and_children"
    text = (folder / "experiment.yml").read_text()
    text = text.replace("train.py:train", f"{folder}/train.py:train").replace("epochs: 6", "epochs: 2")
    assert "    epochs: 2\n" in text
    text = text.replace("    epochs: 2\n", "    epochs: 1\n")
    file = tmp_path / "demo.yml"
    file.write_text(text)
    return file
