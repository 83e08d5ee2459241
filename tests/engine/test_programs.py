"""Trials that are programs: how they are started, what they may say, and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import heredity as hd
from heredity.engine.executors import ExecutorName
from heredity.engine.programs.messages import event_of, order_from_json, order_to_json
from heredity.engine.programs.program import filled
from heredity.engine.trials import TrialOrder
from heredity.errors import ConfigError, ProgramFailed
from heredity.experiment import ExperimentState
from heredity.experiment import events as happened
from heredity.ids import CheckpointKey, ExperimentId, TrialId
from heredity.strategies import Given, GivenTrial
from heredity.testing.experiments import trial_named, trial_states

PROGRAMS = Path(__file__).parent / "programs"
PROGRAM = [sys.executable, str(PROGRAMS / "program.py")]


class Impatient:
    """Stops every trial at its second report."""

    def should_stop(self, progress: Any) -> str:
        return "enough" if progress.step >= 2 else ""

    def tell(self, result: Any) -> None: ...


def run(
    command: str | Sequence[str],
    *trials: GivenTrial,
    executor: ExecutorName = "inline",
    time_limit_seconds: float | None = None,
    **settings: Any,
) -> ExperimentState:
    return hd.Experiment(
        train=hd.Program(command),
        name="programs",
        strategy=Given(trials or [GivenTrial(TrialId("a"), {"x": 3})]),
        seed=0,
        budget=hd.Budget(concurrency=1, time_limit_seconds=time_limit_seconds),
        executor=executor,
        directory="run",
        **settings,
    ).run()


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_program_gets_its_hyperparameters_and_finishes_with_a_score(executor: ExecutorName) -> None:
    state = run([*PROGRAM, "square", "{x}"], executor=executor)
    assert trial_named(state, "a").score == 9.0


def test_a_programs_last_report_is_its_score() -> None:
    record = trial_named(run([*PROGRAM, "reports", "0.25", "0.5"]), "a")
    assert [(report.step, report.value) for report in record.reports] == [(1, 0.25), (2, 0.5)]
    assert record.reports[0].metrics == {"twice": 0.5}
    assert record.score == 0.5


def test_a_program_that_says_nothing_completes_without_a_score() -> None:
    state = run("true")
    assert trial_states(state) == {"a": "completed"}
    assert trial_named(state, "a").score is None


def test_a_program_finishes_with_several_objectives() -> None:
    record = trial_named(
        run([*PROGRAM, "objectives"], objectives={"score": "maximize", "size": "minimize"}), "a"
    )
    assert (record.score, record.metrics) == (0.5, {"size": 3.0})


def test_a_shell_may_report_by_lines() -> None:
    """Any language can: the answers come back on the same descriptor."""
    script = """
        for value in 0.25 0.75; do
            echo "{\\"event\\": \\"TrialReported\\", \\"value\\": $value}" >&3
            read -r answer <&3
            echo "answer: $answer"
        done
        grep -q '"x":3' "$HEREDITY_TRIAL"
    """
    record = trial_named(run(["sh", "-c", script.replace("{", "{{").replace("}", "}}")]), "a")
    assert record.error == ""
    assert [report.value for report in record.reports] == [0.25, 0.75]


def test_a_program_that_never_reads_its_answers_is_heard_all_the_same() -> None:
    script = (
        """i=0; while [ $i -lt 40000 ]; do echo '{"event":"TrialReported","value":1}'; i=$((i+1)); done"""
    )
    script = f"({script}) >&3"
    record = trial_named(run(["sh", "-c", script.replace("{", "{{").replace("}", "}}")]), "a")
    assert len(record.reports) == 40_000


def test_the_command_line_reports(tmp_path: Path) -> None:
    report = f"{sys.executable} -m heredity.cli report"
    script = f"{report} 0.5 --step 4 && {report} 0.75"
    record = trial_named(run(["sh", "-c", script]), "a")
    assert [(report.step, report.value) for report in record.reports] == [(4, 0.5), (5, 0.75)]


def test_weights_pass_from_program_to_program() -> None:
    state = run(
        [*PROGRAM, "saves"],
        GivenTrial(TrialId("father"), {}),
        GivenTrial(TrialId("child"), {}, (TrialId("father"),)),
    )
    assert trial_named(state, "child").score == 2.0
    assert hd.open_store("run/store")["programs/child@1"].parents == ("programs/father@1",)


def test_a_program_sees_all_of_its_trial_and_nothing_of_the_worker() -> None:
    state = run([*PROGRAM, "shows"], executor="processes")
    facts = json.loads(Path("run/facts").read_text())
    assert facts["parameters"] == {"x": 3}
    assert facts["folder"] == str(Path.cwd())
    assert not facts["preload"]
    assert trial_named(state, "a").resources["cpu_seconds"] > 0.01  # type: ignore[operator]  # a number
    assert not list(Path("run/logs").glob("*.json"))


# --- stops ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_program_that_heeds_its_stop_ends_in_its_own_way(executor: ExecutorName) -> None:
    record = trial_named(run([*PROGRAM, "heeds"], executor=executor, stopper=Impatient()), "a")
    assert (record.state.value, len(record.reports), record.stop_reason) == ("stopped_early", 2, "enough")
    assert record.checkpoint == "programs/a@1"


def test_a_program_that_ignores_its_stop_is_ended_at_its_next_report() -> None:
    record = trial_named(run([*PROGRAM, "ignores"], stopper=Impatient()), "a")
    assert (record.state.value, len(record.reports), record.score) == ("stopped_early", 2, 0.0)


def test_a_program_in_another_language_that_ignores_its_stop_is_ended() -> None:
    script = """while echo '{{"event":"TrialReported","value":1}}' >&3; do sleep 0.01; done"""
    record = trial_named(run(["sh", "-c", script], stopper=Impatient()), "a")
    assert record.state.value == "stopped_early"


# --- bad ends ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sh", "-c", "echo no data >&2; exit 3"], "exit code 3"),
        (["sh", "-c", "kill -SEGV $$"], "was killed by SIGSEGV"),
        ([*PROGRAM, "dance"], "exit code 1"),
        ([*PROGRAM, "nan"], "exit code 1"),
        (["sh", "-c", "echo hello >&3; sleep 9"], "The program sent 'hello'"),
        (["sh", "-c", "echo [] >&3"], "expected an object, got list"),
        (["sh", "-c", 'echo \'{{"event":"TrialStarted"}}\' >&3'], "sends no TrialStarted"),
        (["sh", "-c", 'echo \'{{"event":"TrialDied"}}\' >&3'], "unknown event 'TrialDied'"),
        (["sh", "-c", 'echo \'{{"event":"TrialReported","value":"x"}}\' >&3'], "got 'x'"),
        (["{x}"], "3: cannot be started"),
        (["echo", "{y}"], "no hyperparameter 'y'; the trial has x"),
    ],
)
def test_what_a_program_does_wrong_fails_its_trial_with_the_reason(command: list[str], message: str) -> None:
    record = trial_named(run(command), "a")
    assert record.state.value == "failed"
    assert message in record.error


@pytest.mark.parametrize(
    "command",
    [[*PROGRAM, "loses_the_store"], ["sh", "-c", "grep -q 'attempt.:2' $HEREDITY_TRIAL || exit 75"]],
)
def test_a_program_that_asks_to_be_tried_again_is_lost_not_failed(command: list[str]) -> None:
    record = trial_named(run(command), "a")
    assert (record.state.value, record.attempt, record.num_losses) == ("completed", 2, 1)


def test_a_failed_programs_last_words_are_in_its_error() -> None:
    record = trial_named(run([*PROGRAM, "dance"], executor="processes"), "a")
    assert "what is dance?" in record.error
    assert record.error.startswith("ProgramFailed: ")


def test_at_the_time_limit_a_program_and_what_it_has_started_are_gone() -> None:
    record = trial_named(run([*PROGRAM, "hangs"], executor="processes", time_limit_seconds=4), "a")
    assert "TimeLimitExceeded" in record.error
    pids = json.loads(Path("run/pids").read_text())
    until = time.monotonic() + 10  # a killed process is gone when the kernel has come to it
    while any(map(_runs, pids)):
        assert time.monotonic() < until
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_what_a_program_starts_itself_has_no_channel() -> None:
    run([*PROGRAM, "grandchild"])
    assert "this process has no channel to its trial's worker" in Path("run/told").read_text()


# --- before anything starts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-program --x", "there is no program 'no-such-program'"),
        ("echo 'half", "No closing quotation"),
        ("", "expected a program and its arguments, got nothing"),
        ([], "expected a program and its arguments, got nothing"),
        ("echo {", "'{' in '{' is no place"),
        ("echo {a b}", "'{' in '{a' is no place"),
        ("echo '{a b}'", "'{a b}' in '{a b}' is no place"),
    ],
)
def test_a_command_that_cannot_be_is_refused(command: str | list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        run(command)
    assert not Path("run").exists()


def test_a_folder_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        hd.Program("true", folder="nowhere").reference()


def test_hyperparameters_are_filled_in_as_texts_or_json() -> None:
    parameters: dict[str, Any] = {"a": "b c", "n": 1e-3, "t": True, "l": [1, {"k": None}]}
    words = ["{a}", "--n={n}", "{t}{t}", "{l}", "{{a}}"]
    assert filled(words, parameters) == ["b c", "--n=0.001", "truetrue", '[1,{"k":null}]', "{a}"]


def test_a_function_finds_its_trial_too_and_others_find_none() -> None:
    """Also from a thread of its own."""
    assert hd.current_trial() is None
    found = []

    def train(trial: hd.Trial) -> float:
        found.append(hd.current_trial() is trial)
        return 1.0

    hd.Experiment(
        train=train,
        name="function",
        strategy=Given([GivenTrial(TrialId("a"), {})]),
        seed=0,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        directory="run",
    ).run()
    assert found == [True]
    assert hd.current_trial() is None


def test_a_program_may_run_alone() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEREDITY_")}
    done = subprocess.run([*PROGRAM, "alone"], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "alone: True\n"


# --- messages ---------------------------------------------------------------------------------------------

ORDER = TrialOrder(
    experiment=ExperimentId("e"),
    trial=TrialId("a"),
    attempt=2,
    parameters={"x": [1, 2]},
    parents={TrialId("z"): CheckpointKey("e/z@1"), TrialId("b"): None},
    seed=1,
    directory="/d",
    store_url="/s",
    min_coverage=0.1,
    further_objectives=("size",),
    resume_from=(CheckpointKey("e/a@1"),),
)


def test_an_order_is_read_as_it_was_written_its_parents_in_their_order() -> None:
    again = order_from_json(json.loads(json.dumps(order_to_json(ORDER))))
    assert again == ORDER
    assert list(again.parents) == ["z", "b"]


@pytest.mark.parametrize("value", [None, [], {}, {"version": 2}])
def test_an_order_of_another_version_is_refused(value: object) -> None:
    with pytest.raises(ProgramFailed, match="expected a trial of version 1"):
        order_from_json(value)


def test_what_the_worker_knows_itself_may_be_left_out_of_a_message() -> None:
    event = event_of(b'{"event":"TrialReported","value":1}', ORDER, next_step=5)
    assert isinstance(event, happened.TrialReported)
    assert (event.trial, event.attempt, event.step) == ("a", 2, 5)


def test_a_message_in_another_trials_name_is_refused() -> None:
    with pytest.raises(ProgramFailed, match="this is a, attempt 2"):
        event_of(b'{"event":"TrialReported","value":1,"attempt":1}', ORDER, next_step=5)
