"""Any legal history keeps the experiment's invariants, and replaying it gives an equal state."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from heredity.experiment import ExperimentState, TellStrategy
from heredity.experiment import events as happened
from heredity.ids import TrialId
from heredity.testing.histories import History, histories

SCORES = st.none() | st.floats(-10, 10)


def replayed(history: History) -> ExperimentState:
    """The state that the events give, with its invariants checked after each."""
    first, *rest = history.events
    assert isinstance(first, happened.ExperimentStarted)
    state = ExperimentState(first)
    told = []
    for event in rest:
        told += [command.result for command in state.handle(event) if isinstance(command, TellStrategy)]
        state.check_invariants()
    assert told == history.told
    return state


def everything(state: ExperimentState) -> dict[str, object]:
    """All that the state consists of, and what it wants next."""
    ours = {name: value for name, value in vars(state).items() if name != "_handlers"}
    return ours | {"num_wanted": state.num_wanted(), "is_over": state.is_over}


def wanted_later(state: ExperimentState) -> list[int]:
    """The numbers of trials that are wanted while a new driver resumes, and every trial completes."""
    wanted = [state.num_wanted()]
    starting = state.handle(happened.ExperimentResumed(at=1e6))
    for trial in state.rested(1e6):
        starting += state.handle(happened.TrialRested(at=1e6, trial=trial))
    while starting:
        commands = list(starting)
        starting = ()
        for command in commands:
            if not isinstance(command, TellStrategy):
                trial, attempt = command.trial, command.attempt
                state.handle(happened.TrialStarted(at=1e6, trial=trial, attempt=attempt))
                end = happened.TrialCompleted(at=1e6, trial=trial, attempt=attempt, score=None)
                starting += state.handle(end)
                wanted.append(state.num_wanted())
    return wanted


def check(history: History) -> None:
    """What holds for every history, at any moment of it."""
    ends = [event.trial for event in history.events if isinstance(event, happened.TrialCompleted)]
    told = [result.trial_id for result in history.told]
    assert max(Counter(ends).values(), default=0) <= 1
    assert len(told) == len(set(told))
    assert set(told) == {record.id for record in history.state.trials.values() if record.state.is_end}


@given(histories())
@settings(deadline=None)
def test_a_replayed_history_gives_an_equal_state(history: History) -> None:
    check(history)
    state = replayed(history)
    assert everything(state) == everything(history.state)
    assert wanted_later(state) == wanted_later(history.state)


@given(histories())
@settings(deadline=None)
def test_after_any_history_every_trial_comes_to_an_end(history: History) -> None:
    """A new driver starts all that is left, and nobody waits for ever."""
    wanted_later(history.state)
    history.state.check_invariants()
    assert all(record.state.is_end for record in history.state.trials.values())


class Experiment(RuleBasedStateMachine):
    """An experiment to which anything legal happens."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History()

    @initialize(
        concurrency=st.integers(1, 3),
        max_retries=st.integers(0, 2),
        max_trials=st.none() | st.integers(1, 12),
        on_parent_failure=st.sampled_from(["fail", "reparent", "release"]),
    )
    def begin(
        self, concurrency: int, max_retries: int, max_trials: int | None, on_parent_failure: str
    ) -> None:
        self.history = History(
            concurrency=concurrency,
            max_retries=max_retries,
            max_trials=max_trials,
            on_parent_failure=on_parent_failure,
        )

    def one_of_the_running(self, data: st.DataObject) -> TrialId:
        return data.draw(st.sampled_from([record.id for record in self.history.state.running()]))

    @precondition(lambda self: self.history.state.num_wanted())
    @rule(data=st.data())
    def propose(self, data: st.DataObject) -> None:
        known = list(self.history.state.trials)
        parents = data.draw(st.lists(st.sampled_from(known), max_size=3)) if known else []
        continues = bool(parents) and data.draw(st.booleans())
        self.history.propose(f"t{len(known)}", *parents, continues=continues)

    @precondition(lambda self: self.history.starting)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.history.start(data.draw(st.sampled_from(self.history.starting)))

    @precondition(lambda self: self.history.state.num_running)
    @rule(data=st.data(), step=st.integers(0, 9), value=st.floats(-10, 10))
    def report(self, data: st.DataObject, step: int, value: float) -> None:
        trial = self.one_of_the_running(data)
        self.history.report(trial, value, step=step)
        self.history.save(trial, f"history/{trial}@{len(self.history.events)}")

    @precondition(lambda self: self.history.state.num_running)
    @rule(data=st.data(), score=SCORES)
    def complete(self, data: st.DataObject, score: float | None) -> None:
        self.history.complete(self.one_of_the_running(data), score)

    @precondition(lambda self: self.history.state.num_running)
    @rule(data=st.data(), score=SCORES)
    def stop_early(self, data: st.DataObject, score: float | None) -> None:
        self.history.stop_early(self.one_of_the_running(data), score)

    @precondition(lambda self: self.history.state.num_running)
    @rule(data=st.data(), error=st.text(max_size=5))
    def fail(self, data: st.DataObject, error: str) -> None:
        self.history.fail(self.one_of_the_running(data), error)

    @precondition(lambda self: self.history.state.num_running)
    @rule(data=st.data(), counts=st.booleans())
    def lose(self, data: st.DataObject, counts: bool) -> None:
        self.history.lose(self.one_of_the_running(data), counts=counts)

    @precondition(lambda self: self.history.state.trials)
    @rule(data=st.data())
    def refuse_late(self, data: st.DataObject) -> None:
        trial = data.draw(st.sampled_from(list(self.history.state.trials)))
        self.history.refuse_late(trial, attempt=0)

    @rule()
    def resume(self) -> None:
        self.history.resume()

    @rule()
    def interrupt(self) -> None:
        self.history.interrupt()

    @rule()
    def exhaust(self) -> None:
        self.history.exhaust()

    @invariant()
    def keeps_its_invariants(self) -> None:
        self.history.state.check_invariants()
        check(self.history)

    @invariant()
    def has_the_trials_start_that_it_ordered(self) -> None:
        state = self.history.state
        assert set(self.history.starting) == state._starting
        num_free = state.rules.concurrency - state.num_running - len(self.history.starting)
        assert num_free >= 0
        assert state.is_interrupted or not num_free or not state._queue

    def teardown(self) -> None:
        assert everything(replayed(self.history)) == everything(self.history.state)
        assert wanted_later(replayed(self.history)) == wanted_later(self.history.state)


TestExperiment = Experiment.TestCase
TestExperiment.settings = settings(
    deadline=None, max_examples=150, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)
