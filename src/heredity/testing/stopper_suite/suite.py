"""What every Stopper must do, as a suite of tests.

Derive a test class from it and give it your stopper::

class TestMyStopper(StopperSuite):
    def make_stopper(self):
        return MyStopper(min_steps=3)
"""
# ruff: noqa: S101  # a suite asserts

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.strategies import Progress, Stopper

NUM_TRIALS = 40
NUM_STEPS = 30


class StopperSuite(ABC):
    """The contract of `Stopper`, as tests. They play the experiment's part, with invented learning curves."""

    @abstractmethod
    def make_stopper(self) -> Stopper:
        """Return the stopper at its beginning, every time with the same settings."""

    @pytest.mark.parametrize("concurrency", [1, 4])
    def test_the_same_calls_get_the_same_answers(self, concurrency: int) -> None:
        """Two stoppers with equal settings cannot be told apart, so that an experiment can be resumed."""
        first = _play(self.make_stopper(), concurrency=concurrency)
        second = _play(self.make_stopper(), concurrency=concurrency)
        assert first == second

    def test_an_answer_is_a_reason_or_nothing(self) -> None:
        """It stands in the journal, and in the trial's record."""
        for answer in _play(self.make_stopper(), concurrency=4):
            assert isinstance(answer, str)
            assert answer == answer.strip()

    def test_trials_may_be_lost_and_begin_again(self) -> None:
        """Their steps then go back to where they resume, or to the first one."""
        assert _play(self.make_stopper(), concurrency=4, share_lost=0.1)

    def test_a_trial_may_end_without_any_report(self) -> None:
        """However it ends."""
        stopper = self.make_stopper()
        for state in (TrialState.COMPLETED, TrialState.STOPPED_EARLY, TrialState.FAILED):
            stopper.tell(_result(TrialId(f"silent-{state.value}"), state))
        stopper.should_stop(Progress(TrialId("first"), 1, 0.5))

    def test_a_trial_may_report_on_after_it_was_to_stop(self) -> None:
        """It hears of it at its next report only; then it may save, and end."""
        stopper = self.make_stopper()
        for step in range(1, NUM_STEPS):
            stopper.should_stop(Progress(TrialId("stubborn"), step, 0.0))
        stopper.tell(_result(TrialId("stubborn"), TrialState.STOPPED_EARLY))

    def test_parents_need_not_be_known(self) -> None:
        """A parent may have reported nothing, or have been spared as a twin is."""
        stopper = self.make_stopper()
        heir = Progress(TrialId("heir"), 1, 0.5, parents=(TrialId("unknown"),))
        stopper.should_stop(heir)
        stopper.should_stop(replace(heir, trial_id=TrialId("rung"), step=7, continues=True))

    def test_merits_may_be_of_any_size(self) -> None:
        """Of either sign, tiny, equal or huge."""
        stopper = self.make_stopper()
        for number, merit in enumerate((0.0, -0.0, 1e-300, -1e300, 1e300, 1e300, -1.0)):
            stopper.should_stop(Progress(TrialId(f"t{number}"), 1, merit))
            stopper.tell(_result(TrialId(f"t{number}"), TrialState.COMPLETED))


def _play(stopper: Stopper, *, concurrency: int, share_lost: float = 0.0) -> list[str]:
    """Run trials beside each other to their ends, and take down all answers."""
    rng = random.Random(5)  # noqa: S311  # no secret
    waiting = [_begin(number, rng) for number in range(NUM_TRIALS)]
    running: list[tuple[Progress, float]] = []
    answers: list[str] = []
    while waiting or running:
        while waiting and len(running) < concurrency:
            running.append(waiting.pop(0))
        progress, goal = running.pop(rng.randrange(len(running)))
        answers.append(stopper.should_stop(progress))
        if answers[-1]:
            stopper.tell(_result(progress.trial_id, TrialState.STOPPED_EARLY))
        elif rng.random() < 0.01:
            stopper.tell(_result(progress.trial_id, TrialState.FAILED))
        elif progress.step >= NUM_STEPS:
            stopper.tell(_result(progress.trial_id, TrialState.COMPLETED))
        else:
            is_lost = rng.random() < share_lost
            step = rng.randint(0, progress.step) if is_lost else progress.step + rng.randint(1, 3)
            merit = goal * (1 - 0.9**step) + rng.gauss(0.0, 0.02)
            running.append((replace(progress, step=step, merit=merit), goal))
    return answers


def _begin(number: int, rng: random.Random) -> tuple[Progress, float]:
    """A founder, an heir, or a trial that continues another; and how good it will be."""
    parents = (TrialId(f"t{rng.randrange(number)}"),) if number > 5 and rng.random() < 0.5 else ()
    continues = bool(parents) and rng.random() < 0.3
    first = Progress(TrialId(f"t{number}"), 10 if continues else 0, 0.1, parents=parents, continues=continues)
    return first, rng.random()


def _result(trial: TrialId, state: TrialState) -> TrialResult:
    return TrialResult(
        trial_id=trial, parameters={}, parents=(), state=state, score=None, checkpoint=None, steps=0
    )
