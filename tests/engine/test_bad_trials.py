"""What becomes of a trial function that returns, saves, reports or dies in ways that it should not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import heredity as hd
from heredity.errors import ConfigError, RetryableError, StoreUnavailable
from heredity.experiment import ExperimentState
from heredity.experiment import events as happened
from heredity.journal import read_state, replay
from heredity.testing.experiments import trial_named, trial_states

PROGRAMS = Path(__file__).parent / "programs"
MakeExperiment = Callable[..., hd.Experiment]
BOTH: dict[str, Any] = {"score": "maximize", "size": "minimize"}


def run(
    make: MakeExperiment, does: str, *, objectives: Any = None, executor: str = "inline"
) -> ExperimentState:
    experiment = make({"a": does}, executor=executor, concurrency=1)
    experiment.objectives = objectives
    return experiment.run()


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("return_nan", "expected a finite number, got nan"),
        ("return_infinity", "expected a finite number, got inf"),
        ("return_text", "expected a number, got str 'very good'"),
        ("return_list", "expected a number, got list"),
        ("return_other", "expected a value for 'score', got loss, size"),
        ("save_twice", "KeyTaken"),
        ("exit_in_python", "SystemExit: goodbye"),
    ],
)
def test_a_wrong_end_fails_the_trial_with_the_reason(
    make_experiment: MakeExperiment, does: str, message: str
) -> None:
    record = trial_named(run(make_experiment, does), "a")
    assert record.state.value == "failed"
    assert message in record.error


@pytest.mark.parametrize("does", ["return_half", "return_nothing", "sleep"])
def test_an_objective_that_is_missing_fails_the_trial_by_its_name(
    make_experiment: MakeExperiment, does: str
) -> None:
    experiment = make_experiment({"a": does}, executor="inline", parameters={"seconds": 0})
    experiment.objectives = BOTH
    error = trial_named(experiment.run(), "a").error
    assert "expected a value for the objective 'size', got none" in error
    assert "Return a mapping, such as {'score': ..., 'size': ...}" in error


def test_all_objectives_are_kept_and_told(make_experiment: MakeExperiment) -> None:
    record = trial_named(run(make_experiment, "return_both", objectives=BOTH), "a")
    assert (record.score, record.metrics) == (0.5, {"size": 3.0, "loss": 0.1})


def test_a_mapping_will_do_where_there_is_one_objective(make_experiment: MakeExperiment) -> None:
    assert trial_named(run(make_experiment, "return_half"), "a").score == 0.5


def test_an_objective_has_a_direction(make_experiment: MakeExperiment) -> None:
    with pytest.raises(ConfigError, match="objectives: size: expected one of maximize, minimize, got 'less'"):
        run(make_experiment, "return_both", objectives={"score": "maximize", "size": "less"})


def test_a_function_that_returns_nothing_has_its_last_report_as_score(
    make_experiment: MakeExperiment,
) -> None:
    assert trial_named(run(make_experiment, "return_nothing"), "a").score == 0.75


def test_what_a_trial_used_is_recorded(make_experiment: MakeExperiment) -> None:
    resources = trial_named(run(make_experiment, "return_nothing"), "a").resources
    assert set(resources) == {"seconds", "cpu_seconds", "peak_memory_bytes", "host"}


@pytest.mark.parametrize(
    ("does", "score"), [("report_after_end", 1.0), ("fork_a_child", 2.0), ("print_binary", 1.0)]
)
def test_what_a_trial_does_beside_its_work_does_no_harm(
    make_experiment: MakeExperiment, does: str, score: float
) -> None:
    record = trial_named(run(make_experiment, does, executor="processes"), "a")
    assert (record.state.value, record.score, record.num_late_events) == ("completed", score, 0)


@pytest.mark.parametrize(("does", "name"), [("kill_itself", "SIGKILL"), ("end_by_term", "SIGABRT")])
def test_a_signal_fails_the_trial_by_its_name(make_experiment: MakeExperiment, does: str, name: str) -> None:
    record = trial_named(run(make_experiment, does, executor="processes"), "a")
    assert f"WorkerDied: killed by {name}" in record.error


# --- a store that does not answer --------------------------------------------------------------------------


def test_a_trial_that_cannot_reach_the_store_is_tried_again(make_experiment: MakeExperiment) -> None:
    record = trial_named(run(make_experiment, "lose_the_store_once"), "a")
    assert (record.state.value, record.attempt, record.num_losses) == ("completed", 2, 1)


def test_a_trial_that_never_reaches_it_fails_when_its_retries_are_used_up(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    record = trial_named(run(make_experiment, "lose_the_store"), "a")
    assert record.error == (
        "lost 3 times, the last time because StoreUnavailable: the bucket does not answer"
    )
    losses = [e for e in replay(tmp_path / "run/journal.jsonl") if isinstance(e, happened.TrialLost)]
    assert len(losses) == 3


def test_an_experiment_ends_before_all_its_trials_are_lost(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(
        {f"t{n}": "lose_the_store" for n in range(9)}, executor="inline", concurrency=1
    )
    with pytest.raises(
        RetryableError, match="6 attempts were lost, one after the other, the last one because"
    ):
        experiment.run()
    states = trial_states(read_state(Path("run/journal.jsonl")))
    assert "failed" not in states.values()


def test_without_its_store_an_experiment_ends_and_goes_on_when_it_is_back(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    experiment = make_experiment({"a": "remove_the_store"}, executor="inline", concurrency=1)
    with pytest.raises(StoreUnavailable, match=r"(?s)its store .* does not answer.*heredity resume"):
        experiment.run()
    assert trial_states(read_state(tmp_path / "run/journal.jsonl")) == {"a": "lost"}
    (tmp_path / "run/elsewhere").rename(tmp_path / "run/store")
    experiment = make_experiment({"a": "remove_the_store"}, executor="inline", concurrency=1)
    experiment.train = lambda _: 1.0
    assert trial_states(experiment.resume()) == {"a": "completed"}


def test_the_command_line_says_that_the_store_is_gone_and_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "experiment.yml").write_text(
        f"name: gone\nfunction: {PROGRAMS}/trials.py:remove_the_store\nseed: 0\nconcurrency: 1\n"
        "strategy: {kind: given, trials: {a: {}}}\n"
    )
    command = [sys.executable, "-m", "heredity.cli", "run", "experiment.yml", "--directory", "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "its store" in done.stderr
    assert "go on with `heredity resume`" in done.stderr
    assert trial_states(read_state(tmp_path / "run/journal.jsonl")) == {"a": "lost"}
