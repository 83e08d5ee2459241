"""What becomes of an experiment whose strategy or stopper is wrong, raises, or does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import heredity as hd
from heredity.engine.driving.watchdog import Watchdog
from heredity.engine.function import FunctionReference
from heredity.errors import ConfigError, InputError
from heredity.ids import TrialId
from heredity.journal import read_state
from heredity.strategies import NoProposal, Proposal, RandomSearch
from heredity.testing.experiments import trial_states

A = TrialId("a")
GOOD: dict[str, Any] = {"does": "return_nothing"}


class Answering:
    """A strategy that answers from a list, whatever that is."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def ask(self) -> Any:
        answer = self.answers.pop(0) if self.answers else NoProposal.EXHAUSTED
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def tell(self, result: Any) -> None: ...


class Stopping:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    def should_stop(self, progress: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def tell(self, result: Any) -> None: ...


def run(strategy: Any, *, stopper: Any = None) -> hd.Experiment:
    programs = Path(__file__).parent / "programs"
    experiment = hd.Experiment(
        train=FunctionReference("trials", "scripted", folder=str(programs)),
        name="bad",
        strategy=strategy,
        stopper=stopper,
        seed=0,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        directory="run",
    )
    experiment.run()
    return experiment


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, r"Answering\.ask\(\): expected a Proposal or a NoProposal, got None"),
        ((A, GOOD), r"expected a Proposal or a NoProposal, got \('a'"),
        (Proposal("a b", GOOD), "expected 1 to 64 letters"),  # type: ignore[arg-type]
        (Proposal(7, GOOD), "trial_id: expected a text, got 7"),  # type: ignore[arg-type]
        (Proposal(A, GOOD, "abc"), "parents: expected a sequence of trial ids, got 'abc'"),  # type: ignore[arg-type]
        (Proposal(A, GOOD, (3,)), r"parents: expected a sequence of trial ids, got \(3,\)"),  # type: ignore[arg-type]
        (Proposal(A, GOOD, (A,)), "with the parent 'a', which was never proposed"),
        (Proposal(A, GOOD, twin_of=TrialId("b")), "with the original 'b', which was never proposed"),
        (Proposal(A, GOOD, max_steps=0), "max_steps: expected an integer of at least 1 or None, got 0"),
        (Proposal(A, GOOD, max_steps=2.5), "max_steps: expected an integer"),  # type: ignore[arg-type]
        (Proposal(A, GOOD, continues=True), "continues: expected a parent to go on from"),
        (Proposal(A, GOOD, continues=1), "continues: expected true or false, got 1"),  # type: ignore[arg-type]
        (Proposal(A, ["x"]), "expected a mapping"),  # type: ignore[arg-type]
        (Proposal(A, {"x": float("nan")}), "Use numbers, texts"),
        (Proposal(A, {"x": object()}), "Use numbers, texts"),  # type: ignore[dict-item]
        (Proposal(A, {3: 4}), "Use numbers, texts"),  # type: ignore[dict-item]
        (Proposal(A, GOOD, info={"x": {1}}), "the strategy's info on trial a"),  # type: ignore[dict-item]
    ],
)
def test_an_answer_that_is_no_proposal_is_refused_and_the_journal_stays_readable(
    answer: object, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(Answering(Proposal(TrialId("first"), GOOD), answer))
    assert trial_states(read_state(Path("run/journal.jsonl"))) == {"first": "completed"}


def test_what_a_strategy_raises_passes_through_with_a_word_on_how_to_go_on() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(Answering(Proposal(A, GOOD), ZeroDivisionError("no generations")))
    assert any("Raised by Answering.ask(). The journal is whole" in note for note in caught.value.__notes__)


def test_an_experiment_goes_on_after_its_strategy_was_mended() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Answering(Proposal(A, GOOD), ZeroDivisionError("no generations")))
    experiment = hd.Experiment(
        train=lambda _: 1.0,
        name="bad",
        strategy=Answering(Proposal(A, GOOD), Proposal(TrialId("b"), GOOD)),
        seed=0,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        directory="run",
    )
    assert trial_states(experiment.resume()) == {"a": "completed", "b": "completed"}


@pytest.mark.parametrize("answer", [None, True, 3])
def test_a_stopper_gives_its_reason_as_a_text(answer: object) -> None:
    with pytest.raises(InputError, match=r"Stopping\.should_stop\(\): expected the reason as a text"):
        run(Answering(Proposal(A, GOOD)), stopper=Stopping(answer))


def test_what_a_stopper_raises_is_no_failure_of_the_trial() -> None:
    with pytest.raises(KeyError) as caught:
        run(Answering(Proposal(A, GOOD)), stopper=Stopping(KeyError("rung")))
    assert any("Raised by Stopping.should_stop()" in note for note in caught.value.__notes__)


def test_a_space_that_no_point_satisfies_is_told_before_anything_runs() -> None:
    space = hd.space.Space({"width": hd.space.Int(1, 1000)}, constraints=["width * width == 2"])
    with pytest.raises(ConfigError, match="constraint"):
        run(RandomSearch(space, seed=0))


# --- the watchdog ------------------------------------------------------------------------------------------


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_call_that_does_not_answer_is_shown_with_its_place_once() -> None:
    said: list[str] = []
    with Watchdog(patience_seconds=0.05, say=said.append) as watchdog, watchdog.watching("Slow.ask()"):
        wait_until(lambda: bool(said))
        threading.Event().wait(0.2)
    assert len(said) == 1
    assert "Slow.ask() has not answered for 0.05 seconds" in said[0]
    assert "test_a_call_that_does_not_answer" in said[0]


def test_calls_that_answer_are_not_spoken_of() -> None:
    said: list[str] = []
    with Watchdog(patience_seconds=0.2, say=said.append) as watchdog:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            with watchdog.watching("Quick.ask()"):
                threading.Event().wait(0.01)
    assert said == []
