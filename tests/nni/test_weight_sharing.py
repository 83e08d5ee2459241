"""The oldest example of weight sharing, with NNI's names only: one father, and children that wait for him."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.nni import repetitions

from heredity.encoding import Json
from heredity.errors import InputError
from heredity.experiment import TrialResult, TrialState
from heredity.nni import load_nni_experiment
from heredity.nni.tuner import TunerRules, TunerStrategy, load_tuner
from heredity.nni.tuner.threads import InThreads
from heredity.strategies import Proposal

Example = Callable[..., Path]


def _checksums(directory: Path) -> list[str]:
    files = sorted(directory.glob("nni/*/.nni/metrics"))
    return [json.loads(line)["value"]["checksum"] for file in files for line in file.read_text().splitlines()]


MANY = pytest.param(10, 50, marks=pytest.mark.slow)


@pytest.mark.parametrize(("concurrency", "num_trials"), [(1, 4), (3, 10), MANY])
def test_one_father_and_all_children_have_his_weights(
    example: Example, tmp_path: Path, concurrency: int, num_trials: int
) -> None:
    config = example(trialConcurrency=concurrency, maxTrialNum=num_trials)
    experiment = load_nni_experiment(config).experiment
    experiment.directory = tmp_path / "run"
    trials = experiment.run().trials.values()
    assert {trial.state for trial in trials} == {TrialState.COMPLETED}
    checksums = _checksums(tmp_path / "run")
    assert len(checksums) == num_trials
    assert len(set(checksums)) == 1
    assert [trial.parameters["id"] for trial in trials if "prev_path" not in trial.parameters] == [0]


class Simulated:
    """What the example's trials would have reported."""

    def latest(self, trial: str) -> int:
        return 1

    def final(self, trial: str, attempt: int) -> list[Json]:
        return []

    def results(self, result: TrialResult) -> list[Json]:
        return [{"checksum": "equal", "path": "model.dat"}]


def _simulated(*, slots: int, trials: int, random: Random) -> list[Proposal]:
    """The example's tuner, with trials that end at once and in any order."""
    tuner = load_tuner("simple_tuner", "SimpleTuner", folder=repetitions.EXAMPLE, arguments={}, seed=0)
    rules = TunerRules(concurrency=slots, max_trials=trials)
    strategy = TunerStrategy(InThreads(tuner), rules=rules, results=Simulated())
    running: list[Proposal] = []
    proposals: list[Proposal] = []
    while running or len(proposals) < trials:
        while len(running) < slots and len(proposals) < trials:
            answer = strategy.ask()
            if not isinstance(answer, Proposal):
                break
            running.append(answer)
            proposals.append(answer)
        if running:
            ended = running.pop(random.randrange(len(running)))
            strategy.tell(TrialResult(ended.trial_id, {}, (), TrialState.COMPLETED, None, None, 0))
    return proposals


SIZES = [
    pytest.param(slots, trials, marks=[pytest.mark.slow] if trials > 10 else [])
    for slots, trials in repetitions.SIZES
]


@pytest.mark.parametrize(("slots", "trials"), SIZES)
def test_no_number_of_slots_and_trials_brings_it_to_a_standstill(slots: int, trials: int) -> None:
    """Twenty times in a row, in one process: without the starts of programs, which take most of the time."""
    for seed in range(20):
        proposals = _simulated(slots=slots, trials=trials, random=Random(seed))
        assert len({proposal.trial_id for proposal in proposals}) == trials
        assert [
            proposal.parameters["id"] for proposal in proposals if "prev_path" not in proposal.parameters
        ] == [0]


@pytest.mark.slow
def test_it_takes_little_longer_than_the_trials_do(tmp_path: Path) -> None:
    """By the command, with the files as they are. `make weight-sharing` runs all numbers, twenty times."""
    outcome = repetitions.run(tmp_path, slots=3, trials=10, training_seconds=4)
    print(outcome)
    assert not outcome.problem
    assert outcome.is_in_time


def test_the_first_id_can_be_another_one(example: Example, tmp_path: Path) -> None:
    """The oldest version of the example took 0 for no father at all."""
    loaded = load_nni_experiment(example(maxTrialNum=3), first_parameter_id=1)
    loaded.experiment.directory = tmp_path / "run"
    trials = loaded.experiment.run().trials
    assert {trial.parameters["id"] for trial in trials.values()} == {1, 2, 3}
    assert {trial.parameters["prev_id"] for trial in trials.values()} == {0, 1}


def test_if_the_father_fails_the_experiment_ends_and_names_him(example: Example, tmp_path: Path) -> None:
    config = example(trialConcurrency=3)
    main = config.parent / "main.py"
    main.write_text(
        main.read_text().replace("-> None:\n    folder", "-> None:\n    raise SystemExit(3)\n    folder")
    )
    experiment = load_nni_experiment(config).experiment
    experiment.directory = tmp_path / "run"
    with pytest.raises(InputError, match=r"Failed: 00000; .*(?s:.*)father_has_ended.wait") as raised:
        experiment.run()
    assert "generate_parameters(1) stands here" in str(raised.value)


def test_a_child_that_reads_other_weights_ends_the_experiment(example: Example, tmp_path: Path) -> None:
    """Its tuner raises while it holds its lock; no later result is waited for."""
    config = example(maxTrialNum=4)
    main = config.parent / "main.py"
    main.write_text(
        main.read_text().replace("path.read_bytes()", "str(number and path).encode() + os.urandom(9)")
    )
    experiment = load_nni_experiment(config).experiment
    experiment.directory = tmp_path / "run"
    with pytest.raises(InputError, match=r"raised ValueError: Trial \d has read other weights"):
        experiment.run()


def _heredity(*words: object) -> list[str]:
    return [sys.executable, "-m", "heredity.cli", *map(str, words)]


def test_after_a_kill_the_ids_go_on_and_the_father_stays(example: Example, tmp_path: Path) -> None:
    config, run = example(seconds=0.1, trialConcurrency=2, maxTrialNum=5), tmp_path / "run"
    driver = subprocess.Popen(
        _heredity("run", config, "--directory", run),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while len(_checksums(run)) < 2 and time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            driver.wait(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    resumed = subprocess.run(_heredity("resume", run, "--json"), capture_output=True, text=True, check=True)
    trials = json.loads(resumed.stdout)["trials"]
    assert sorted(trial["parameters"]["id"] for trial in trials) == [*range(5)]
    assert sum("prev_path" not in trial["parameters"] for trial in trials) == 1
    assert len(set(_checksums(run))) == 1
