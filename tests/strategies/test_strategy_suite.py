"""The suite of strategies finds what it is there to find: each of these breaks one rule of the contract."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import pytest

from heredity.encoding import Json
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.strategies import NoProposal, Proposal, Strategy
from heredity.testing.strategy_suite import StrategySuite

EXHAUSTED, NOT_YET = NoProposal.EXHAUSTED, NoProposal.NOT_YET


class Scripted:
    """Gives these answers, whatever it is told; the last one for ever."""

    def __init__(self, answers: Iterable[Proposal | NoProposal]) -> None:
        self.answers = list(answers)

    def ask(self) -> Proposal | NoProposal:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def tell(self, result: TrialResult) -> None:
        pass


class OneAfterTheOther:
    """Waits for the end of each trial before it proposes the next, and has no last one."""

    def __init__(self) -> None:
        self.unfinished: TrialId | None = None
        self.numbers = itertools.count()

    def ask(self) -> Proposal | NoProposal:
        if self.unfinished is not None:
            return NOT_YET
        answer = proposal(f"t{next(self.numbers)}")
        self.unfinished = answer.trial_id
        return answer

    def tell(self, result: TrialResult) -> None:
        assert result.trial_id == self.unfinished
        self.unfinished = None


def proposal(trial: str, *parents: str, value: object = 1) -> Proposal:
    parameters: dict[str, Json] = {"value": value}  # type: ignore[dict-item]  # wrong on purpose in one test
    return Proposal(TrialId(trial), parameters, tuple(map(TrialId, parents)))


def suite_of(make: Callable[[], Strategy]) -> StrategySuite:
    class Suite(StrategySuite):
        def make_strategy(self) -> Strategy:
            return make()

    return Suite()


class TestOneAfterTheOther(StrategySuite):
    """A strategy that waits, and never ends, passes as well."""

    def make_strategy(self) -> Strategy:
        return OneAfterTheOther()


def test_answers_that_depend_on_something_else_are_found() -> None:
    numbers = itertools.count()
    suite = suite_of(lambda: Scripted([proposal(f"t{next(numbers)}"), EXHAUSTED]))
    with pytest.raises(AssertionError):
        suite.test_the_same_calls_get_the_same_answers(1)


def test_waiting_for_nothing_is_found() -> None:
    suite = suite_of(lambda: Scripted([NOT_YET, proposal("a"), EXHAUSTED]))
    with pytest.raises(AssertionError):
        suite.test_something_is_proposed_first()


def test_an_answer_that_changes_the_strategy_is_found() -> None:
    suite = suite_of(lambda: Scripted([proposal("a"), NOT_YET, proposal("b"), EXHAUSTED]))
    with pytest.raises(AssertionError):
        suite.test_an_answer_without_proposal_changes_nothing(3)


def test_an_id_that_is_proposed_twice_is_found() -> None:
    suite = suite_of(lambda: Scripted([proposal("a"), proposal("a"), EXHAUSTED]))
    with pytest.raises(AssertionError):
        suite.test_no_id_is_proposed_twice(1)


def test_a_child_before_its_parent_is_found() -> None:
    suite = suite_of(lambda: Scripted([proposal("a", "b"), proposal("b"), EXHAUSTED]))
    with pytest.raises(AssertionError):
        suite.test_parents_are_proposed_before_their_children(1)


def test_an_exhausted_strategy_that_goes_on_is_found() -> None:
    suite = suite_of(lambda: Scripted([proposal("a"), EXHAUSTED, proposal("b"), EXHAUSTED]))
    with pytest.raises(AssertionError):
        suite.test_exhaustion_is_final()


def test_an_id_that_is_none_is_found() -> None:
    suite = suite_of(lambda: Scripted([proposal("a/b"), EXHAUSTED]))
    with pytest.raises(ValueError, match="Trial id 'a/b'"):
        suite.test_ids_can_be_trial_ids()


def test_parameters_that_no_journal_can_hold_are_found() -> None:
    suite = suite_of(lambda: Scripted([proposal("a", value={1, 2}), EXHAUSTED]))
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        suite.test_parameters_can_be_recorded()
