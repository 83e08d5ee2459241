"""A stopper's word reaches the running trial, whatever it makes of it, and is the same after a resumption."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import heredity as hd
from heredity.experiment import TrialResult
from heredity.experiment import events as happened
from heredity.journal import read_state, replay
from heredity.strategies import Progress
from heredity.testing.experiments import trial_named, trial_states

MakeExperiment = Callable[..., hd.Experiment]


class Recording:
    """Stops whoever reports less than half at step 2; remembers all that it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, float] | str] = []

    def should_stop(self, progress: Progress) -> str:
        self.heard.append((progress.trial_id, progress.step, progress.merit))
        return "below one half" if progress.step == 2 and progress.merit < 0.5 else ""

    def tell(self, result: TrialResult) -> None:
        self.heard.append(result.trial_id)


@pytest.fixture
def stopper() -> Recording:
    return Recording()


def watched(make: MakeExperiment, does: str, stopper: Recording, executor: str = "inline") -> hd.Experiment:
    experiment = make({"a": does}, executor=executor, concurrency=1)
    experiment.stopper = stopper
    return experiment


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_trial_that_heeds_its_stop_saves_and_ends_early(
    make_experiment: MakeExperiment, stopper: Recording, executor: str
) -> None:
    record = trial_named(watched(make_experiment, "heed_the_stop", stopper, executor).run(), "a")
    assert (record.state.value, record.score) == ("stopped_early", 0.2)
    assert record.stop_reason == "below one half"
    assert record.checkpoint == "test/a@1"


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_trial_that_ignores_its_stop_is_ended_by_its_next_report(
    make_experiment: MakeExperiment, stopper: Recording, executor: str
) -> None:
    """Although it catches every exception."""
    record = trial_named(watched(make_experiment, "ignore_the_stop", stopper, executor).run(), "a")
    assert (record.state.value, record.score, len(record.reports)) == ("stopped_early", 0.2, 2)


def test_a_trial_that_returns_after_its_stop_was_stopped_early_all_the_same(
    make_experiment: MakeExperiment, stopper: Recording
) -> None:
    """Its objectives need not be complete."""
    experiment = watched(make_experiment, "return_after_the_stop", stopper)
    experiment.objectives = {"score": "maximize", "size": "minimize"}
    record = trial_named(experiment.run(), "a")
    assert (record.state.value, record.score, record.metrics) == ("stopped_early", 0.3, {})


def test_a_trial_that_is_good_enough_is_left_alone(
    make_experiment: MakeExperiment, stopper: Recording
) -> None:
    state = watched(make_experiment, "return_nothing", stopper).run()
    assert trial_states(state) == {"a": "completed"}
    assert stopper.heard == [("a", 1, 0.25), ("a", 2, 0.75), "a"]


def test_a_stopper_hears_merits(make_experiment: MakeExperiment, stopper: Recording) -> None:
    """More is better, whatever the direction."""
    experiment = watched(make_experiment, "return_nothing", stopper)
    experiment.direction = "minimize"
    assert trial_states(experiment.run()) == {"a": "stopped_early"}
    assert stopper.heard[:2] == [("a", 1, -0.25), ("a", 2, -0.75)]


def test_a_resumed_stopper_has_heard_what_the_first_one_heard(
    make_experiment: MakeExperiment, stopper: Recording
) -> None:
    first = watched(make_experiment, "heed_the_stop", stopper).run()
    again = Recording()
    assert watched(make_experiment, "heed_the_stop", again).resume().trials == first.trials
    assert again.heard == stopper.heard


@pytest.mark.parametrize("kind", [happened.TrialReported, happened.TrialStopRequested])
def test_a_crash_after_a_report_or_a_stop_tries_the_trial_again(
    make_experiment: MakeExperiment, stopper: Recording, tmp_path: Path, kind: type
) -> None:
    watched(make_experiment, "heed_the_stop", stopper).run()
    path = tmp_path / "run/journal.jsonl"
    num_lines = 1 + max(n for n, event in enumerate(replay(path)) if isinstance(event, kind))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:num_lines]))
    again = Recording()
    state = watched(make_experiment, "heed_the_stop", again).resume()
    record = trial_named(state, "a")
    assert (record.state.value, record.attempt, record.stop_reason) == ("stopped_early", 2, "below one half")
    assert again.heard == [("a", 1, 0.1), ("a", 2, 0.2), ("a", 1, 0.1), ("a", 2, 0.2), "a"]
    assert read_state(path).trials == state.trials
