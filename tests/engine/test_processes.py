"""Trials in processes: each ends alone, and its end is reported with its reason."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import heredity as hd
from heredity.engine.function import FunctionReference
from heredity.errors import ConfigError
from heredity.journal import read_state
from heredity.testing.experiments import trial_named
from heredity.testing.experiments import trial_states as states

PROGRAMS = Path(__file__).parent / "programs"

MakeExperiment = Callable[..., hd.Experiment]


def test_children_wait_for_their_father_and_read_what_he_saved(make_experiment: MakeExperiment) -> None:
    state = make_experiment(
        {"father": "father", "one": ("child", ["father"]), "two": ("child", ["father"])}
    ).run()
    assert states(state) == {"father": "completed", "one": "completed", "two": "completed"}
    assert trial_named(state, "one").score == 1.0
    assert trial_named(state, "one").started_at >= trial_named(state, "father").ended_at  # type: ignore[operator]


def test_a_module_is_imported_once_for_all_trials_even_if_it_needs_the_package(tmp_path: Path) -> None:
    """In a process of its own: the server that trials are forked from knows the first experiment's module."""
    (tmp_path / "experiment.yml").write_text(
        f"name: test\nfunction: {PROGRAMS / 'uses_the_engine.py'}:train\nseed: 0\n"
        "concurrency: 1\nmax_trials: 2\n"
        "space: {rate: {float: [0, 1]}}\nstrategy: random_search\n"
    )
    command = [sys.executable, "-m", "heredity.cli", "run", "experiment.yml", "--directory", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    trials = read_state(tmp_path / "run/journal.jsonl").trials.values()
    assert [trial.score for trial in trials] == [1.0, 1.0]


def test_a_crash_is_reported_with_its_traceback_and_log_and_takes_nobody_with_it(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    state = make_experiment({"bad": "crash", "good": "return_nothing"}).run()
    assert states(state) == {"bad": "failed", "good": "completed"}
    assert "RuntimeError: the learning rate is cursed" in trial_named(state, "bad").error
    assert "trials.py" in trial_named(state, "bad").error
    assert "about to crash" in (tmp_path / "run/logs/bad@1.log").read_text()


def test_a_hang_ends_at_the_time_limit_and_shows_where_it_hung(make_experiment: MakeExperiment) -> None:
    begin = time.monotonic()
    state = make_experiment({"slow": "hang", "good": "return_nothing"}, time_limit_seconds=0.5).run()
    assert states(state) == {"slow": "failed", "good": "completed"}
    assert "TimeLimitExceeded: still running after 0.5 seconds" in trial_named(state, "slow").error
    assert "in hang" in trial_named(state, "slow").error  # the stack that faulthandler wrote
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("kill_itself", "killed by SIGKILL (out of memory?)"),
        ("segfault", "killed by SIGSEGV"),
        ("leave", "exit code 7"),
        ("exit_in_python", "SystemExit: goodbye"),
        ("return_text", "expected a number, got str 'very good'"),
        ("return_nan", "expected a finite number, got nan"),
        ("save_twice", "with other content"),
        ("odd_name", "caf\\udce9.txt"),
        ("big_log", "after two megabytes"),
    ],
)
def test_every_bad_end_has_its_reason(make_experiment: MakeExperiment, does: str, reason: str) -> None:
    state = make_experiment({"bad": does, "good": "return_nothing"}).run()
    assert states(state) == {"bad": "failed", "good": "completed"}
    assert reason in trial_named(state, "bad").error
    assert len(trial_named(state, "bad").error) <= 20_000


def test_a_trial_that_returns_nothing_has_its_last_report_as_score(make_experiment: MakeExperiment) -> None:
    state = make_experiment({"a": "return_nothing"}).run()
    assert trial_named(state, "a").score == 0.75
    assert [(report.step, report.value) for report in trial_named(state, "a").reports] == [
        (1, 0.25),
        (2, 0.75),
    ]


def test_what_is_reported_after_the_end_changes_nothing(make_experiment: MakeExperiment) -> None:
    state = make_experiment({"a": "report_after_end"}).run()
    assert states(state) == {"a": "completed"}
    assert trial_named(state, "a").reports == []


def test_reports_of_several_threads_all_arrive_whole(make_experiment: MakeExperiment) -> None:
    state = make_experiment({"a": "report_from_threads"}).run()
    assert states(state) == {"a": "completed"}
    assert len(trial_named(state, "a").reports) == 800


def test_binary_output_goes_into_the_log(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    assert states(make_experiment({"a": "print_binary"}).run()) == {"a": "completed"}
    assert bytes(range(256)) in (tmp_path / "run/logs/a@1.log").read_bytes()


def test_a_forked_grandchild_delays_nobody_and_dies_with_the_trial(make_experiment: MakeExperiment) -> None:
    begin = time.monotonic()
    assert states(make_experiment({"a": "fork_a_child"}).run()) == {"a": "completed"}
    assert time.monotonic() - begin < 15


def test_the_time_limit_ends_grandchildren_too(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    state = make_experiment({"a": "fork_and_hang"}, time_limit_seconds=0.5).run()
    assert states(state) == {"a": "failed"}
    pid = int((tmp_path / "run/grandchild").read_text())
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline, "the grandchild outlives the trial"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def test_a_tagged_save_comes_before_the_last_one(make_experiment: MakeExperiment) -> None:
    state = make_experiment({"a": "save_tagged"}).run()
    assert trial_named(state, "a").checkpoints == ("test/a@1.early", "test/a@1")


def test_workers_use_one_intra_op_thread(make_experiment: MakeExperiment) -> None:
    assert trial_named(make_experiment({"a": "write_threads"}).run(), "a").score == 1.0


def test_one_seed_gives_one_sequence_on_every_executor(make_experiment: MakeExperiment) -> None:
    scores = []
    for executor, seed in (("processes", 0), ("inline", 0), ("processes", 1)):
        state = make_experiment(
            {"a": "random_numbers", "b": "random_numbers"},
            executor=executor,
            seed=seed,
            directory=f"{executor}-{seed}",
        ).run()
        scores.append([trial_named(state, name).score for name in ("a", "b")])
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]
    assert scores[0][0] != scores[0][1]


@pytest.mark.parametrize("executor", ["processes", "inline"])
@pytest.mark.parametrize(
    ("module", "name", "message"),
    [
        ("trials", "trane", "there is no 'trane' in trials"),
        ("nowhere", "train", "there is no file"),
        ("broken", "train", r"its module cannot be imported\.\n.*\n  File \".*/broken.py\", line 1"),
        ("trials", "PROGRAM", "there is no 'PROGRAM'"),
        ("wrong", "two_arguments", "expected a function of one argument"),
        ("wrong", "NUMBER", "expected a function of one argument"),
    ],
)
def test_a_function_that_cannot_be_used_is_refused_before_anything_is_written(
    make_experiment: MakeExperiment, tmp_path: Path, executor: str, module: str, name: str, message: str
) -> None:
    experiment = make_experiment({"a": "crash"}, executor=executor)
    (tmp_path / "broken.py").write_text("raise OSError('no such luck')\n")
    (tmp_path / "wrong.py").write_text("NUMBER = 3\ndef two_arguments(trial, data): ...\n")
    folder = tmp_path if module != "trials" else Path(__file__).parent / "programs"

    experiment.train = FunctionReference(module, name, folder=str(folder))
    with pytest.raises(ConfigError, match=message):
        experiment.run()
    assert not (tmp_path / "run").exists()
