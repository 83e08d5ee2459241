"""What ends the example of weight sharing: the exit code, the message, the states, at once, nothing left."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from heredity.experiment import ExperimentState
from heredity.experiment import events as happened
from heredity.journal import read_state, replay

Example = Callable[..., Path]

LONGEST_SECONDS = 5.0
"""Between a cause and the experiment's end."""


@dataclass
class Run:
    """`heredity run` of a config file, in a directory beside it."""

    config: Path
    name: str = "run"

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "heredity.cli", "run", "config.yml", "--directory", self.name],
            cwd=self.config.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> tuple[int, str]:
        """Wait for it; its exit code, and what it said."""
        _, said = self.process.communicate(timeout=120)
        self.ended_at = time.time()
        return self.process.returncode, said

    @property
    def journal(self) -> Path:
        return self.config.parent / self.name / "journal.jsonl"

    @property
    def state(self) -> ExperimentState:
        return read_state(self.journal)

    def states(self) -> list[str]:
        return [record.state.value for record in self.state.trials.values()]

    def seconds_since(self, kind: type[happened.Event]) -> float:
        """Between the first event of a kind and the end."""
        return self.ended_at - next(event.at for event in replay(self.journal) if isinstance(event, kind))

    def results(self) -> list[dict[str, str]]:
        """What trials have reported so far."""
        files = sorted((self.config.parent / self.name).glob("nni/*/.nni/metrics"))
        return [json.loads(line)["value"] for file in files for line in file.read_text().splitlines()]

    def left_over(self) -> list[str]:
        """The processes that still work in the config file's folder."""
        found = []
        for link in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if link.readlink() == self.config.parent:
                    found.append((link.parent / "cmdline").read_text())
            except OSError:
                continue  # it has ended meanwhile
        return found


def with_father(config: Path, does: str) -> Path:
    """Let the father do something else than to train."""
    main = config.parent / "main.py"
    main.write_text(main.read_text().replace("-> None:\n    folder =", f"-> None:\n    {does}\n    folder ="))
    return config


@pytest.mark.parametrize(
    ("does", "error"),
    [
        ("raise RuntimeError('no more')", "exit code 1.*RuntimeError: no more"),
        ("os.kill(os.getpid(), 9)", "(was killed by SIGKILL|exit code 137)"),
    ],
)
def test_a_father_that_fails_ends_the_experiment_with_his_name(
    example: Example, does: str, error: str
) -> None:
    run = Run(with_father(example(), does))
    code, said = run.end()
    assert code == 2, said
    assert "Failed: 00000; what waits for such a trial's result waits for ever." in said
    assert "generate_parameters(1) stands here" in said
    assert run.states() == ["failed"]
    (record,) = run.state.trials.values()
    assert re.search(f"(?s){error}", record.error), record.error
    assert run.seconds_since(happened.TrialFailed) < LONGEST_SECONDS
    assert run.left_over() == []


@pytest.mark.slow
@pytest.mark.parametrize("first", ["pass", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_a_father_that_hangs_fails_at_his_time_and_ends_the_experiment(example: Example, first: str) -> None:
    """Also if he does not listen to signals."""
    run = Run(with_father(example(maxTrialDuration="1s"), f"{first}; time.sleep(1000)"))
    code, said = run.end()
    assert code == 2, said
    assert "Failed: 00000; what waits for such a trial's result waits for ever." in said
    (record,) = run.state.trials.values()
    assert "TimeLimitExceeded: still running after 1 seconds" in record.error
    assert run.seconds_since(happened.TrialStarted) < 1 + LONGEST_SECONDS
    assert run.left_over() == []


@pytest.mark.slow
def test_a_file_that_is_damaged_before_the_children_read_it_ends_the_experiment(example: Example) -> None:
    """The tuner finds it out, and raises while it holds the lock that its other calls need."""
    run = Run(example(seconds=0.7, maxTrialNum=6))
    deadline = time.monotonic() + 60
    while not run.results() and time.monotonic() < deadline:
        time.sleep(0.02)
    (father,) = run.results()
    with Path(father["path"]).open("r+b") as file:
        file.write(bytes([file.read(1)[0] ^ 1]))
        file.seek(0)
        file.write(os.urandom(64))
    code, said = run.end()
    assert code == 2, said
    assert "ValueError: Trial" in said
    assert "has read other weights than its father wrote." in said
    assert run.states()[0] == "completed"
    wrong = next(event for event in replay(run.journal) if _has_ended(event, other_than="00000"))
    assert run.ended_at - wrong.at < LONGEST_SECONDS
    assert run.left_over() == []


def _has_ended(event: happened.Event, *, other_than: str) -> bool:
    return isinstance(event, happened.TrialCompleted) and event.trial != other_than


@pytest.mark.slow
def test_two_experiments_of_one_file_on_one_share_do_not_meet(example: Example) -> None:
    config = example(seconds=0.2, maxTrialNum=5)
    runs = [Run(config, "first"), Run(config, "second")]
    for run in runs:
        code, said = run.end()
        assert code == 0, said
        assert run.states() == ["completed"] * 5
    first, second = ({result["checksum"] for result in run.results()} for run in runs)
    assert (len(first), len(second)) == (1, 1)
    assert first != second
