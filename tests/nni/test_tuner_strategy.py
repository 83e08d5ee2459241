"""A tuner as a strategy: ids, ends, limits, and what is repeated on a resumption."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from heredity.encoding import Json
from heredity.errors import InputError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.nni.tuner import CalledTuner, Recorded, TunerRules, TunerStrategy
from heredity.nni.tuner.calls import Calls, InTurn
from heredity.nni.tuner.threads import InThreads
from heredity.strategies import NoProposal, Proposal


class NoMore(Exception):
    """Stands for NNI's own."""


class Counting:
    """Counts its calls; proposes at most so many."""

    def __init__(self, limit: int = 10, *, start: int = 0) -> None:
        self.limit = limit
        self.number = start
        self.calls: list[object] = []

    def generate_parameters(self, parameter_id: int, **_: Any) -> Any:
        if self.number >= self.limit:
            raise NoMore
        self.number += 1
        self.calls.append(parameter_id)
        return {"x": self.number}

    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, **further: Any) -> None:
        self.calls.append((parameter_id, parameters, value, further))

    def trial_end(self, parameter_id: int, success: bool) -> None:
        self.calls.append((parameter_id, success))


class Reported:
    """What trials have reported; all the same, and each trial in the attempt that is set."""

    def __init__(self, values: Sequence[Json]) -> None:
        self.values = values
        self.attempt = 1
        self.so_far: Sequence[Json] = ()
        """Before the end."""

    def latest(self, trial: str) -> int:
        return self.attempt

    def final(self, trial: str, attempt: int) -> Sequence[Json]:
        return self.so_far

    def results(self, result: TrialResult) -> Sequence[Json]:
        return self.values


def _strategy(
    tuner: Any,
    *,
    results: Sequence[Json] | Reported = (0.5,),
    recorded: Sequence[Recorded] = (),
    kind: type[InTurn | InThreads] = InTurn,
    said: list[str] | None = None,
    **rules: Any,
) -> TunerStrategy:
    calls: Calls = kind(CalledTuner(tuner, no_more_trial=NoMore, base=object))
    return TunerStrategy(
        calls,
        rules=TunerRules(**{"concurrency": 2, **rules}),
        results=results if isinstance(results, Reported) else Reported(results),
        recorded=recorded,
        say=(said if said is not None else []).append,
    )


def _ended(proposal: Proposal | NoProposal, state: TrialState = TrialState.COMPLETED) -> TrialResult:
    assert isinstance(proposal, Proposal)
    return TrialResult(proposal.trial_id, proposal.parameters, (), state, None, None, 0)


def test_ids_begin_with_the_first_one() -> None:
    strategy = _strategy(Counting(), first_parameter_id=1)
    first, second = strategy.ask(), strategy.ask()
    assert isinstance(first, Proposal)
    assert isinstance(second, Proposal)
    assert [first.trial_id, second.trial_id] == ["00001", "00002"]
    assert [first.info["sequence"], second.info["sequence"]] == [0, 1]


def test_a_trial_s_results_are_received_and_then_its_end() -> None:
    tuner = Counting()
    strategy = _strategy(tuner, results=[{"any": ["json"]}, None])
    strategy.tell(_ended(strategy.ask()))
    further = {"customized": False, "trial_job_id": "00000"}
    assert tuner.calls[1:] == [
        (0, {"x": 1}, {"any": ["json"]}, further),
        (0, {"x": 1}, None, further),
        (0, True),
    ]


@pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.STOPPED_EARLY])
def test_a_trial_that_has_not_completed_ends_without_success(state: TrialState) -> None:
    tuner = Counting()
    strategy = _strategy(tuner, results=[])
    strategy.tell(_ended(strategy.ask(), state))
    assert tuner.calls[1:] == [(0, False)]


@pytest.mark.parametrize("kind", [InTurn, InThreads])
def test_a_tuner_that_declines_is_asked_again_after_each_end(kind: type[InTurn | InThreads]) -> None:
    tuner = Counting(limit=1)
    strategy = _strategy(tuner, kind=kind)
    first = strategy.ask()
    assert strategy.ask() is NoProposal.NOT_YET
    tuner.limit = 2
    strategy.tell(_ended(first))
    strategy.tell(_ended(strategy.ask()))
    assert strategy.ask() is NoProposal.EXHAUSTED


def test_hyperparameters_may_be_any_json() -> None:
    class Bare(Counting):
        def generate_parameters(self, parameter_id: int, **_: Any) -> Any:
            return [1, None]

    proposal = _strategy(Bare()).ask()
    assert isinstance(proposal, Proposal)
    assert proposal.parameters == {"parameters": [1, None]}
    assert proposal.info["is_wrapped"] is True


def test_hyperparameters_without_a_json_form_are_refused() -> None:
    class Odd(Counting):
        def generate_parameters(self, parameter_id: int, **_: Any) -> Any:
            return {"x": object()}

    with pytest.raises(InputError, match=r"generate_parameters\(0\) returned {'x': <object"):
        _strategy(Odd()).ask()


def test_nothing_is_proposed_after_the_experiment_s_duration() -> None:
    assert _strategy(Counting(), time_limit_seconds=0.0).ask() is NoProposal.EXHAUSTED


def test_calls_that_do_not_answer_end_the_experiment_after_its_patience() -> None:
    class Slow(Counting):
        def generate_parameters(self, parameter_id: int, **_: Any) -> Any:
            threading.Event().wait(100)

    strategy = _strategy(Slow(), kind=InThreads, patience_seconds=0.3)
    with pytest.raises(InputError, match=r"have not answered for 0.3 seconds"):
        _ask_while_it_thinks(strategy)


def _ask_while_it_thinks(strategy: TunerStrategy) -> None:
    while strategy.ask() is NoProposal.THINKING:
        pass


def test_no_more_calls_are_open_than_trials_are_left() -> None:
    tuner = Blocked()
    strategy = _strategy(tuner, kind=InThreads, concurrency=5, max_trials=3)
    strategy.ask()
    strategy.ask()
    assert tuner.num_calls == 3


class Blocked(Counting):
    """All its calls but the first block."""

    num_calls = 0

    def generate_parameters(self, parameter_id: int, **_: Any) -> Any:
        self.num_calls += 1
        if parameter_id:
            threading.Event().wait()
        return {}


def test_what_was_proposed_is_proposed_again_and_the_tuner_has_heard_it_all() -> None:
    before, tuner = _strategy(Counting()), Counting()
    proposals = [before.ask(), before.ask()]
    recorded = [Recorded(proposal) for proposal in proposals if isinstance(proposal, Proposal)]
    after = _strategy(tuner, recorded=recorded)
    assert [after.ask(), after.ask()] == proposals
    after.tell(_ended(proposals[0]))
    third = after.ask()
    assert isinstance(third, Proposal)
    assert (third.trial_id, third.parameters) == ("00002", {"x": 3})
    assert tuner.calls[:2] == [0, 1]


def test_a_tuner_that_does_not_repeat_itself_is_told_of_once() -> None:
    said: list[str] = []
    recorded = [Recorded(Proposal(f"0000{n}", {"x": n}, info={"parameter_id": n})) for n in range(2)]  # type: ignore[arg-type]  # a trial id
    strategy = _strategy(Counting(start=5), recorded=recorded, said=said)
    assert [strategy.ask(), strategy.ask()] == [each.proposal for each in recorded]
    strategy.ask()
    assert len(said) == 1
    assert "for parameter id 0 it now answers {'x': 6}" in said[0]


def test_a_tuner_that_had_no_more_is_not_asked_again() -> None:
    strategy = _strategy(Counting(), recorded=[Recorded(None)])
    assert [strategy.ask(), strategy.ask()] == [NoProposal.EXHAUSTED] * 2


def test_a_result_is_heard_once_and_before_the_next_proposal() -> None:
    tuner, reported = Counting(), Reported([0.5, "more"])
    strategy = _strategy(tuner, results=reported)
    first = strategy.ask()
    reported.so_far = [0.5]
    second = strategy.ask()
    strategy.tell(_ended(first))
    assert isinstance(second, Proposal)
    assert second.info["heard"] == [["00000", 1, 1]]
    assert [call if isinstance(call, int) else call[2:3] or "end" for call in tuner.calls] == [  # type: ignore[index]  # a tuple
        0, (0.5,), 1, ("more",), "end",
    ]  # fmt: skip


def test_an_attempt_that_follows_a_lost_one_is_heard_anew() -> None:
    tuner, reported = Counting(limit=1), Reported([0.5])
    strategy = _strategy(tuner, results=reported)
    first = strategy.ask()
    reported.so_far = [0.4]
    strategy.ask()
    reported.attempt = 2
    strategy.tell(_ended(first))
    assert [call[2] for call in tuner.calls if isinstance(call, tuple) and len(call) > 2] == [0.4, 0.5]


def test_what_was_heard_before_a_proposal_is_heard_before_it_again() -> None:
    tuner, reported = Counting(), Reported([0.5])
    proposals = [
        Proposal(TrialId("00000"), {"x": 1}, info={"parameter_id": 0}),
        Proposal(TrialId("00001"), {"x": 2}, info={"parameter_id": 1, "heard": [["00000", 1, 1]]}),
    ]
    strategy = _strategy(tuner, results=reported, recorded=[Recorded(each) for each in proposals])
    reported.so_far = [0.5]
    assert [strategy.ask(), strategy.ask()] == proposals
    strategy.tell(_ended(proposals[0]))
    kinds = [call if isinstance(call, int) else len(call) for call in tuner.calls]  # type: ignore[arg-type]  # a tuple
    assert kinds == [0, 4, 1, 2]  # asked, told, asked, ended
