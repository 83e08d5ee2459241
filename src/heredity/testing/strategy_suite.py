"""What every Strategy must do, as a suite of tests.

Derive a test class from it and give it your strategy::

class TestMyStrategy(StrategySuite):
    def make_strategy(self):
        return MyStrategy(seed=0)
"""
# ruff: noqa: S101  # a suite asserts

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence

import pytest

from heredity.encoding import encode
from heredity.experiment import TrialResult, TrialState
from heredity.ids import CheckpointKey, TrialId, parse_trial_id
from heredity.strategies import NoProposal, Proposal, Strategy

_Rule = Callable[[Sequence[Proposal]], int]
"""Which of the unfinished trials ends next."""

_StateOf = Callable[[Proposal], TrialState]
"""How a trial ends."""


def _oldest(_: Sequence[Proposal]) -> int:
    return 0


def _any_of(seed: int) -> _Rule:
    rng = random.Random(seed)  # noqa: S311  # no secret
    return lambda unfinished: rng.randrange(len(unfinished))


def _completed(_: Proposal) -> TrialState:
    return TrialState.COMPLETED


def _mixed(proposal: Proposal) -> TrialState:
    """Fails every third trial, whichever those are, and stops some early."""
    rng = random.Random(f"state of {proposal.trial_id}")  # noqa: S311  # no secret
    ends = (TrialState.COMPLETED, TrialState.STOPPED_EARLY, TrialState.FAILED)
    return rng.choices(ends, weights=(4, 2, 3))[0]


class StrategySuite(ABC):
    """The contract of `Strategy`, as tests. They play the experiment's part, with invented scores."""

    max_trials = 200
    """So many trials are asked for at most: a strategy need not come to an end. Fewer, if it is slow."""

    @abstractmethod
    def make_strategy(self) -> Strategy:
        """Return the strategy at its beginning, every time with the same settings."""

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_the_same_calls_get_the_same_answers(self, concurrency: int) -> None:
        """Two strategies with equal settings cannot be told apart, so that an experiment can be resumed."""
        first = self._played(concurrency=concurrency, rule=_any_of(7))
        second = self._played(concurrency=concurrency, rule=_any_of(7))
        assert first == second

    def test_something_is_proposed_first(self) -> None:
        """With no trial under way there is nothing to wait for."""
        assert self.make_strategy().ask() is not NoProposal.NOT_YET

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_an_answer_without_proposal_changes_nothing(self, concurrency: int) -> None:
        """However often it is given, what follows is the same."""
        once = self._played(concurrency=concurrency, rule=_oldest)
        often = self._played(concurrency=concurrency, rule=_oldest, num_repeated=3)
        assert _proposals(once) == _proposals(often)

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_no_id_is_proposed_twice(self, concurrency: int) -> None:
        """An id names one trial of the experiment."""
        ids = [p.trial_id for p in _proposals(self._played(concurrency=concurrency))]
        assert len(ids) == len(set(ids))

    def test_ids_can_be_trial_ids(self) -> None:
        """They may stand in a journal and in a checkpoint's key."""
        for proposal in _proposals(self._played(concurrency=2)):
            assert parse_trial_id(proposal.trial_id) == proposal.trial_id

    def test_parameters_can_be_recorded(self) -> None:
        """They are what JSON can carry."""
        for proposal in _proposals(self._played(concurrency=2)):
            assert encode(dict(proposal.parameters))

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_parents_are_proposed_before_their_children(self, concurrency: int) -> None:
        """They need not have finished."""
        seen: set[TrialId] = set()
        for proposal in _proposals(self._played(concurrency=concurrency, rule=_any_of(3))):
            assert seen.issuperset(proposal.parents)
            assert proposal.twin_of is None or proposal.twin_of in seen
            seen.add(proposal.trial_id)

    def test_exhaustion_is_final(self) -> None:
        """Neither asking again nor the last results bring a proposal."""
        strategy = self.make_strategy()
        unfinished: deque[Proposal] = deque()
        for _ in range(self.max_trials):
            answer = strategy.ask()
            if isinstance(answer, Proposal):
                unfinished.append(answer)
            elif answer is NoProposal.NOT_YET:
                strategy.tell(_result(unfinished.popleft()))
            else:
                break
        else:
            return  # it has no end in sight, and need not have one
        assert strategy.ask() is NoProposal.EXHAUSTED
        while unfinished:
            strategy.tell(_result(unfinished.popleft()))
            assert strategy.ask() is NoProposal.EXHAUSTED

    def test_trials_may_fail(self) -> None:
        """A strategy whose every trial fails still neither breaks nor waits for ever."""
        assert self._played(concurrency=2, state_of=lambda _: TrialState.FAILED)

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_some_trials_may_fail(self, concurrency: int) -> None:
        """A strategy of which every third trial fails still neither breaks nor waits for ever."""
        assert self._played(concurrency=concurrency, rule=_any_of(5), state_of=_mixed)

    def _played(
        self,
        *,
        concurrency: int,
        rule: _Rule = _oldest,
        num_repeated: int = 0,
        state_of: _StateOf = _completed,
    ) -> list[Proposal | NoProposal]:
        """Ask and tell to the end, with so many trials unfinished at a time; every answer in its order."""
        strategy = self.make_strategy()
        answers: list[Proposal | NoProposal] = []
        unfinished: list[Proposal] = []
        while len(answers) < self.max_trials:
            answer = _ask(strategy, num_repeated=num_repeated)
            answers.append(answer)
            if isinstance(answer, Proposal):
                unfinished.append(answer)
            assert unfinished or answer is not NoProposal.NOT_YET, (
                "it waits, and there is nothing to wait for"
            )
            if not unfinished:
                break
            if len(unfinished) == concurrency or not isinstance(answer, Proposal):
                ended = unfinished.pop(rule(unfinished))
                strategy.tell(_result(ended, state_of(ended)))
        return answers


def _ask(strategy: Strategy, *, num_repeated: int) -> Proposal | NoProposal:
    answer = strategy.ask()
    if isinstance(answer, NoProposal):
        assert [strategy.ask() for _ in range(num_repeated)] == [answer] * num_repeated
    return answer


def _proposals(answers: Sequence[Proposal | NoProposal]) -> list[Proposal]:
    return [answer for answer in answers if isinstance(answer, Proposal)]


def _result(proposal: Proposal, state: TrialState = TrialState.COMPLETED) -> TrialResult:
    """An end with a score that depends on the trial alone, and looks like noise."""
    is_success = state.is_success
    score = random.Random(proposal.trial_id).random() if is_success else None  # noqa: S311  # no secret
    return TrialResult(
        trial_id=proposal.trial_id,
        parameters=proposal.parameters,
        parents=proposal.parents,
        state=state,
        score=score,
        checkpoint=CheckpointKey(f"suite/{proposal.trial_id}@1") if is_success else None,
        steps=1,
        merit=score,
        max_steps=proposal.max_steps,
    )
