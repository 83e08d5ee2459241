"""What every Executor must do, as a suite of tests.

Derive a test class from it and give it your executor::

class TestMyExecutor(ExecutorSuite):
    def make_executor(self, function, *, time_limit_seconds=None, resources=None):
        return MyExecutor(function, ...)
"""
# ruff: noqa: S101  # a suite asserts

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heredity.engine.executors import Executor, Resources
from heredity.engine.function import FunctionReference
from heredity.errors import ConfigError
from heredity.experiment import events as happened
from heredity.ids import CheckpointKey, TrialId
from heredity.testing.executor_suite.drive import Drive, is_alive

PROGRAMS = "heredity.testing.executor_suite.programs"
SCRIPTED = FunctionReference(PROGRAMS, "scripted")

MakeDrive = Callable[..., Drive]


class ExecutorSuite(ABC):
    """The contract of `Executor`, as tests. What its capabilities exclude is skipped."""

    @abstractmethod
    def make_executor(
        self,
        function: FunctionReference,
        *,
        time_limit_seconds: float | None = None,
        resources: Resources | None = None,
    ) -> Executor:
        """Return an executor that is not open. One without limits is given none."""

    @pytest.fixture
    def make_drive(self, tmp_path: Path) -> Iterator[MakeDrive]:
        """Open an executor before a drive of its own, and close it after the test."""
        drives: list[Drive] = []

        def make(
            *,
            should_stop: Callable[[happened.AttemptEvent], bool] = lambda _: False,
            **limits: Any,  # noqa: ANN401  # as `make_executor` takes them
        ) -> Drive:
            executor = self.make_executor(SCRIPTED, **limits)
            drives.append(Drive(executor, tmp_path, should_stop=should_stop))
            return drives[-1]

        yield make
        for drive in drives:
            drive.executor.close()

    @pytest.fixture
    def drive(self, make_drive: MakeDrive) -> Drive:
        """A drive without limits."""
        return make_drive()

    @pytest.fixture
    def isolating(self) -> None:
        """Skip what only an executor with processes of their own can do."""
        self._need(self.make_executor(SCRIPTED).capabilities.isolates, "it isolates nothing")

    def _need(self, can: bool, reason: str) -> None:  # noqa: FBT001  # what it can
        if not can:
            pytest.skip(reason)

    # --- events --------------------------------------------------------------------------------------------

    def test_events_come_in_order_and_the_last_one_comes_last(self, drive: Drive) -> None:
        """Reports, checkpoint, end."""
        drive.run("a", "report_thrice")
        names = [type(event).__name__ for event in drive["a"]]
        assert names == [*["TrialReported"] * 3, "CheckpointSaved", "TrialCompleted"]
        assert [event.step for event in drive["a"] if isinstance(event, happened.TrialReported)] == [1, 2, 3]

    def test_what_was_measured_arrives(self, drive: Drive) -> None:
        """Score, metrics, and what was used."""
        end = drive.run("a", "report_thrice")
        assert isinstance(end, happened.TrialCompleted)
        assert end.score == 0.75
        assert {"seconds", "cpu_seconds", "peak_memory_bytes", "host"} <= end.resources.keys()
        first = drive["a"][0]
        assert isinstance(first, happened.TrialReported)
        assert first.metrics == {"loss": 0.75}

    def test_large_reports_and_many_arrive_whole(self, drive: Drive) -> None:
        """Nothing is cut or left out."""
        drive.run("a", "report_much")
        reports = [event for event in drive["a"] if isinstance(event, happened.TrialReported)]
        assert len(reports[0].metrics) == 10_000
        assert [report.step for report in reports] == list(range(101))

    def test_what_is_reported_after_the_end_is_not_heard(self, drive: Drive) -> None:
        """A thread of the user's may go on."""
        drive.run("a", "report_after_end")
        drive.run("b", "report_thrice")
        assert [type(event).__name__ for event in drive["a"]] == ["TrialCompleted"]

    def test_a_failure_has_its_traceback_and_harms_no_other(self, drive: Drive) -> None:
        """With the line that raised."""
        drive.start("bad", "crash")
        drive.start("good", "report_thrice")
        end = drive.end_of("bad")
        assert isinstance(end, happened.TrialFailed)
        assert "RuntimeError: the learning rate of bad is cursed" in end.error
        assert "programs.py" in end.error
        assert isinstance(drive.end_of("good"), happened.TrialCompleted)

    def test_leaving_python_is_a_failure(self, drive: Drive) -> None:
        """Also with a good word."""
        end = drive.run("a", "exit_in_python")
        assert isinstance(end, happened.TrialFailed)
        assert "SystemExit: goodbye" in end.error

    # --- what it is told -----------------------------------------------------------------------------------

    def test_a_watched_trial_hears_whether_to_stop_before_its_report_returns(
        self, make_drive: MakeDrive
    ) -> None:
        """It ends with the very report that showed it."""
        drive = make_drive(should_stop=lambda e: isinstance(e, happened.TrialReported) and e.step == 3)
        end = drive.run("a", "report_until_told", is_watched=True)
        assert isinstance(end, happened.TrialStoppedEarly)
        assert end.score == 3.0

    def test_an_order_arrives_as_it_is(self, drive: Drive) -> None:
        """Values keep their types, and texts their characters."""
        value = {"width": 3, "rate": 1e-5, "deep": [1, [2.5, None, True]], "name": "größe\n"}
        drive.run("a", "repeat_order", x=value, max_steps=7, info={"rung": 2}, seed=2**62, attempt=3)
        told = json.loads(drive.file("a.json").read_text())
        assert told["parameters"] == {"does": "repeat_order", "x": value}
        assert (told["max_steps"], told["info"], told["seed"], told["attempt"]) == (7, {"rung": 2}, 2**62, 3)

    def test_the_seed_alone_decides_what_is_drawn(self, drive: Drive) -> None:
        """Whatever ran before in the same place."""
        ends = [drive.run(name, "draw", seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
        scores = [end.score for end in ends if isinstance(end, happened.TrialCompleted)]
        assert scores[0] == scores[1] != scores[2]

    def test_an_attempt_goes_on_from_what_a_lost_one_has_saved(self, drive: Drive) -> None:
        """The order names the checkpoints; the weights come from the store."""
        drive.store.put(CheckpointKey("suite/a@1.step-2"), _linear(), metadata={"steps": 2})
        drive.run("a", "train_in_steps", attempt=2, resume_from=[CheckpointKey("suite/a@1.step-2")])
        resumed = drive["a"][0]
        assert isinstance(resumed, happened.TrialResumed)
        assert (resumed.step, resumed.is_own) == (2, True)
        steps = [event.step for event in drive["a"] if isinstance(event, happened.TrialReported)]
        assert steps == [3, 4]

    def test_parents_are_found_in_the_store(self, drive: Drive) -> None:
        """Only their names go through the executor."""
        drive.run("father", "report_thrice")
        drive.run("child", "repeat_order", parents={TrialId("father"): CheckpointKey("suite/father@1")})
        assert json.loads(drive.file("child.json").read_text())["parents"] == {"father": "suite/father@1"}

    # --- processes of their own ----------------------------------------------------------------------------

    @pytest.mark.usefixtures("isolating")
    @pytest.mark.parametrize(
        ("does", "reason"),
        [("kill_itself", "SIGKILL"), ("segfault", "SIGSEGV"), ("leave", "exit code 7")],
    )
    def test_a_worker_that_vanishes_is_reported(self, drive: Drive, does: str, reason: str) -> None:
        """With what is known of its death, and once."""
        end = drive.run("a", does)
        assert isinstance(end, happened.TrialFailed)
        assert reason in end.error
        assert len(drive["a"]) == 1

    @pytest.mark.usefixtures("isolating")
    def test_a_stop_in_order_lets_the_trial_clean_up(self, drive: Drive) -> None:
        """It is lost, by no fault of its own."""
        drive.start("a", "clean_up")
        drive.file("a.started")
        drive.executor.stop(TrialId("a"), 1, at_once=False)
        end = drive.end_of("a")
        assert isinstance(end, happened.TrialLost)
        assert not end.counts
        assert drive.file("a.cleaned").exists()

    @pytest.mark.usefixtures("isolating")
    def test_a_stop_at_once_ends_even_who_will_not_hear(self, drive: Drive) -> None:
        """After a stop in order that was ignored."""
        drive.start("a", "ignore_everything")
        drive.file("a.started")
        drive.executor.stop(TrialId("a"), 1, at_once=False)
        drive.executor.stop(TrialId("a"), 1, at_once=True)
        end = drive.end_of("a")
        assert isinstance(end, happened.TrialLost)
        assert not end.counts

    @pytest.mark.usefixtures("isolating")
    def test_output_goes_into_the_log_whatever_it_is(self, drive: Drive) -> None:
        """Bytes of all values, of both streams, and of a failure its traceback."""
        drive.run("a", "print_binary")
        assert bytes(range(256)) in drive.log("a")
        assert b"an error" in drive.log("a")
        drive.run("b", "crash")
        assert b"about to crash" in drive.log("b")
        assert b"is cursed" in drive.log("b")

    @pytest.mark.usefixtures("isolating")
    def test_what_a_trial_has_forked_ends_with_it_and_delays_nobody(self, drive: Drive) -> None:
        """A data loader may not outlive its trial."""
        drive.run("a", "fork_and_return")
        pid = int(drive.file("a.forked").read_text())
        drive.wait_until(lambda: not is_alive(pid))

    @pytest.mark.usefixtures("isolating")
    def test_closing_ends_all(self, drive: Drive) -> None:
        """No process is left behind."""
        drive.start("a", "hang")
        pid = int(drive.file("a.started").read_text())
        drive.executor.close()
        _gone(pid)

    def test_attempts_run_side_by_side(self, drive: Drive) -> None:
        """Each of the two waits for the other."""
        self._need(drive.executor.capabilities.runs_side_by_side, "one runs after the other")
        drive.start("a", "meet", other="b")
        drive.start("b", "meet", other="a")
        assert isinstance(drive.end_of("a"), happened.TrialCompleted)
        assert isinstance(drive.end_of("b"), happened.TrialCompleted)

    def test_a_stop_of_an_unknown_attempt_does_nothing(self, drive: Drive) -> None:
        """It may have ended a moment ago."""
        drive.executor.stop(TrialId("a"), 1, at_once=True)
        drive.run("a", "report_thrice")
        drive.executor.stop(TrialId("a"), 1, at_once=True)
        drive.executor.wait(0.1)
        assert isinstance(drive["a"][-1], happened.TrialCompleted)

    # --- limits --------------------------------------------------------------------------------------------

    def test_a_time_limit_ends_an_attempt_and_shows_where_it_hung(self, make_drive: MakeDrive) -> None:
        """It has failed, with every thread's stack."""
        self._need("time" in self.make_executor(SCRIPTED).capabilities.limits, "it keeps no time limit")
        end = make_drive(time_limit_seconds=1.0).run("a", "hang")
        assert isinstance(end, happened.TrialFailed)
        assert "TimeLimitExceeded" in end.error
        assert "in hang" in end.error

    def test_a_memory_limit_counts_what_was_forked(self, make_drive: MakeDrive) -> None:
        """It has failed; the message names the limit."""
        self._need("memory" in self.make_executor(SCRIPTED).capabilities.limits, "it keeps no memory limit")
        drive = make_drive(resources=Resources(memory_limit_bytes=256 * 2**20))
        end = drive.run("a", "hold_memory", num_bytes=400 * 2**20)
        assert isinstance(end, happened.TrialFailed)
        assert "MemoryLimitExceeded" in end.error
        assert str(256 * 2**20) in end.error

    def test_a_log_that_grows_too_long_loses_its_middle(self, make_drive: MakeDrive) -> None:
        """Its beginning and its end stay, and a line says what is missing."""
        self._need("log" in self.make_executor(SCRIPTED).capabilities.limits, "it keeps no limit of logs")
        drive = make_drive(resources=Resources(log_limit_bytes=100_000))
        assert isinstance(drive.run("a", "flood_log", num_lines=3_000), happened.TrialCompleted)
        drive.wait_until(lambda: len(drive.log("a")) <= 100_000)
        assert drive.log("a").startswith(b"the first line\n")
        assert drive.log("a").endswith(b"the last line\n")
        assert b"bytes were cut out here" in drive.log("a")

    # --- opening -------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ["scraped", "PROGRAMS"])
    def test_a_function_that_cannot_be_used_is_refused(self, name: str) -> None:
        """Before anything is started."""
        executor = self.make_executor(FunctionReference("heredity.testing.executor_suite.suite", name))
        with pytest.raises(ConfigError, match=name):
            executor.open(lambda _: False)
        executor.close()


def _linear() -> dict[str, Any]:
    """The weights of the network that `train_in_steps` trains."""
    from torch import nn  # noqa: PLC0415  # for this one test

    return dict(nn.Linear(2, 1).state_dict())


def _gone(pid: int) -> None:
    give_up_at = time.monotonic() + 30
    while is_alive(pid):
        assert time.monotonic() < give_up_at, f"process {pid} is left behind"
        time.sleep(0.02)
