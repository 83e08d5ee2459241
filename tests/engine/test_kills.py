"""kill -9 of the driver, of workers, and of all at random moments of an evolution: it ends undisturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from heredity.experiment import events as happened
from heredity.journal import read_state, replay
from heredity.store import open_store

PROGRAMS = Path(__file__).parent / "programs"
FILE = """
name: evolution
function: {programs}/trials.py:evolve
seed: 11
concurrency: {concurrency}
max_trials: {num_trials}
space:
  x: {{int: [0, 100]}}
  y: {{float: [0, 1]}}
strategy: {{kind: regularized_evolution, population_size: 10, sample_size: 4}}
"""

# HEREDITY_TEST_MOMENTS=20 makes it twenty kills of an evolution of two hundred trials.
NUM_KILLS = int(os.environ.get("HEREDITY_TEST_MOMENTS", "5"))
NUM_TRIALS = 10 * NUM_KILLS
SEED = int(os.environ.get("HEREDITY_TEST_SEED", "20261129"))


def heredity(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "heredity.cli", *arguments],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def workers_of(folder: Path) -> list[int]:
    """The processes whose output goes into a log below a folder."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if str(link.readlink()).startswith(str(folder)):
                found.append(int(link.parts[2]))
        except OSError:
            continue  # it has ended meanwhile
    return found


def kill(*pids: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it has ended meanwhile


def decided(journal: Path) -> list[object]:
    """What the strategy has decided and what came of it, without times, attempts and whatever was lost."""
    found: list[object] = []
    for event in replay(journal):
        if isinstance(event, happened.TrialProposed):
            found.append((event.trial, event.parameters, event.parents, event.info))
        elif isinstance(event, happened.TrialCompleted):
            found.append((event.trial, event.score))
    return found


def check_nothing_lost_or_done_twice(run: Path, *, num_trials: int) -> None:
    ends = (happened.TrialCompleted, happened.TrialStoppedEarly, happened.TrialFailed)
    events = list(replay(run / "journal.jsonl"))
    counted = Counter(event.trial for event in events if isinstance(event, ends))
    assert len(counted) == num_trials
    assert set(counted.values()) == {1}
    acknowledged = {event.key for event in events if isinstance(event, happened.CheckpointSaved)}
    store = open_store(run / "store", create=False)
    assert acknowledged <= {checkpoint.key for checkpoint in store.checkpoints()}
    state = read_state(run / "journal.jsonl")
    state.check_invariants()
    assert state.is_over


def start(folder: Path, *, num_trials: int, concurrency: int) -> subprocess.Popen[bytes]:
    if (folder / "run/journal.jsonl").exists():
        return heredity("resume", "run", cwd=folder)
    text = FILE.format(programs=PROGRAMS, num_trials=num_trials, concurrency=concurrency)
    (folder / "evolution.yml").write_text(text)
    return heredity("run", "evolution.yml", "--directory", "run", cwd=folder)


def num_ended(run: Path) -> int:
    path = run / "journal.jsonl"
    return path.read_bytes().count(b'"event":"TrialCompleted"') if path.exists() else 0


def run_with_kills(folder: Path, *, num_trials: int, concurrency: int, num_kills: int, what: str) -> None:
    """Run to the end, with kills after random numbers of completed trials, spread over the whole run."""
    folder.mkdir()
    rng = random.Random(f"{SEED} {what} {concurrency}")
    print(f"seed {SEED}")
    process = start(folder, num_trials=num_trials, concurrency=concurrency)
    for moment in sorted(rng.randrange(num_trials) for _ in range(num_kills)):
        while process.poll() is None and num_ended(folder / "run") < moment:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))
        if what != "driver":
            kill(*workers_of(folder / "run/logs"))
        if what != "workers":
            kill(process.pid)
            process.communicate(timeout=60)
            process = start(folder, num_trials=num_trials, concurrency=concurrency)
    _, errors = process.communicate(timeout=600)
    expected = {0, 1} if what == "workers" else {0}  # a trial whose worker was killed has failed
    assert process.returncode in expected, errors.decode()


def check_as_undisturbed(tmp_path: Path, what: str, *, num_trials: int, num_kills: int) -> None:
    kwargs = {"num_trials": num_trials, "concurrency": 1}
    run_with_kills(tmp_path / "calm", num_kills=0, what=what, **kwargs)
    run_with_kills(tmp_path / "wild", num_kills=num_kills, what=what, **kwargs)
    for name in ("calm", "wild"):
        check_nothing_lost_or_done_twice(tmp_path / name / "run", num_trials=num_trials)
    calm, wild = (decided(tmp_path / name / "run/journal.jsonl") for name in ("calm", "wild"))
    assert wild == calm


def test_a_killed_evolution_proposes_and_scores_as_an_undisturbed_one(tmp_path: Path) -> None:
    check_as_undisturbed(tmp_path, "both", num_trials=25, num_kills=3)


def test_a_killed_worker_fails_its_trial_and_no_other(tmp_path: Path) -> None:
    run_with_kills(tmp_path / "wild", num_trials=25, concurrency=2, num_kills=3, what="workers")
    check_nothing_lost_or_done_twice(tmp_path / "wild/run", num_trials=25)
    failed = [
        event
        for event in replay(tmp_path / "wild/run/journal.jsonl")
        if isinstance(event, happened.TrialFailed)
    ]
    assert all("killed by SIGKILL" in event.error for event in failed)
    assert len(failed) <= 6


@pytest.mark.slow
@pytest.mark.parametrize("what", ["driver", "both"])
def test_many_kills_of_an_evolution_leave_no_trace(tmp_path: Path, what: str) -> None:
    check_as_undisturbed(tmp_path, what, num_trials=NUM_TRIALS, num_kills=NUM_KILLS)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["driver", "workers", "both"])
def test_many_kills_of_an_evolution_in_two_places_lose_nothing(tmp_path: Path, what: str) -> None:
    """The order in which two trials end is not decided, so that other children follow; nothing is lost."""
    wild = tmp_path / "wild"
    run_with_kills(wild, num_trials=NUM_TRIALS, concurrency=2, num_kills=NUM_KILLS, what=what)
    check_nothing_lost_or_done_twice(wild / "run", num_trials=NUM_TRIALS)
