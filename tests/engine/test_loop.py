"""The loop: what the strategy says, what the journal keeps, how an experiment goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import heredity as hd
from heredity.engine.trials.orders import TrialOrder
from heredity.errors import ConfigError, ExperimentBusy, InputError
from heredity.experiment import TrialResult
from heredity.experiment import events as happened
from heredity.ids import CheckpointKey, TrialId
from heredity.journal import Journal, read_state, replay
from heredity.strategies import Given, GivenTrial, NoProposal, Proposal
from heredity.testing.experiments import trial_named, trial_states

MakeExperiment = Callable[..., hd.Experiment]


class Scripted:
    """A strategy that answers from a list."""

    def __init__(self, *answers: Proposal | NoProposal) -> None:
        self.answers = list(answers)
        self.told: list[TrialId] = []

    def ask(self) -> Proposal | NoProposal:
        return self.answers.pop(0) if self.answers else NoProposal.EXHAUSTED

    def tell(self, result: TrialResult) -> None:
        self.told.append(result.trial_id)


def proposal(name: str, *parents: str) -> Proposal:
    return Proposal(TrialId(name), {"does": "return_nothing"}, tuple(TrialId(parent) for parent in parents))


def test_the_strategy_is_told_every_end_once_in_order(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment({}, executor="inline", concurrency=1)
    experiment.strategy = strategy = Scripted(proposal("a"), proposal("b", "a"), proposal("c"))
    experiment.run()
    assert strategy.told == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([proposal("a"), proposal("a")], "proposed the trial 'a' twice"),
        ([proposal("a", "nobody")], "the parent 'nobody', which was never proposed"),
        ([NoProposal.NOT_YET], "answered 'not yet' while no trial runs"),
        ([Proposal(TrialId("a"), {"x": {1, 2}})], "Use numbers, texts"),  # type: ignore[dict-item]  # on purpose
    ],
)
def test_a_strategy_that_returns_nonsense_is_named(
    make_experiment: MakeExperiment, answers: list[Proposal | NoProposal], message: str
) -> None:
    experiment = make_experiment({}, executor="inline")
    experiment.strategy = Scripted(*answers)
    with pytest.raises(InputError, match=message):
        experiment.run()


class Mourning:
    """Proposes a child of a trial that has failed, and then what it has been told so far."""

    def __init__(self) -> None:
        self.num_asked = 0
        self.told: list[str] = []

    def ask(self) -> Proposal | NoProposal:
        if self.num_asked == 1 and not self.told:
            return NoProposal.NOT_YET
        self.num_asked += 1
        if self.num_asked == 1:
            return Proposal(TrialId("bad"), {"does": "crash"})
        if self.num_asked == 2:
            return Proposal(TrialId("orphan"), {"does": "return_nothing"}, (TrialId("bad"),))
        if self.num_asked == 3:
            return Proposal(TrialId("last"), {"does": "return_nothing", "told": list(self.told)})
        return NoProposal.EXHAUSTED

    def tell(self, result: TrialResult) -> None:
        self.told.append(result.trial_id)


def test_a_strategy_knows_at_every_ask_what_it_knows_at_the_same_ask_of_a_resumption(
    make_experiment: MakeExperiment,
) -> None:
    """A child of a failed parent ends as it is proposed; the strategy hears of it before the next ask."""
    experiment = make_experiment({}, executor="inline", concurrency=2)
    experiment.strategy = Mourning()
    state = experiment.run()
    assert trial_named(state, "last").parameters["told"] == ["bad", "orphan"]
    again = make_experiment({}, executor="inline", concurrency=2)
    again.strategy = Mourning()
    assert again.resume().trials == state.trials


def test_a_strategy_may_wait_for_a_result(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment({}, executor="inline", concurrency=2)
    experiment.strategy = Scripted(proposal("a"), NoProposal.NOT_YET, proposal("b"))
    assert trial_states(experiment.run()) == {"a": "completed", "b": "completed"}


def test_the_journal_rebuilds_the_state(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    state = make_experiment({"father": "father", "child": ("child", ["father"]), "bad": "crash"}).run()
    again = read_state(tmp_path / "run/journal.jsonl")
    assert again.trials == state.trials
    assert again.is_over


def test_every_start_is_in_the_journal_before_the_trial_runs(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    kinds = [type(event).__name__ for event in events_of(make_experiment({"a": "return_nothing"}), tmp_path)]
    assert kinds == [
        "ExperimentStarted",
        "TrialProposed",
        "StrategyExhausted",
        "TrialStarted",
        "TrialReported",
        "TrialReported",
        "TrialCompleted",
    ]


def events_of(experiment: hd.Experiment, tmp_path: Path) -> list[happened.Event]:
    experiment.run()
    return list(replay(tmp_path / "run/journal.jsonl"))


def cut_journal(path: Path, num_lines: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:num_lines]) + lines[num_lines][:7])


DOES = {
    "father": "father",
    "one": ("child", ["father"]),
    "two": ("child", ["father"]),
    "other": "return_nothing",
}


@pytest.mark.parametrize("num_lines", range(1, 16))
def test_an_experiment_goes_on_from_wherever_its_journal_was_cut(
    make_experiment: MakeExperiment, tmp_path: Path, num_lines: int
) -> None:
    """Whatever a crash has cut off is done again; what was acknowledged before is kept as it was."""
    path = tmp_path / "run/journal.jsonl"
    total = len(events_of(make_experiment(DOES, executor="inline"), tmp_path))
    cut_journal(path, min(num_lines, total - 1))
    before = {trial: record for trial, record in read_state(path).trials.items() if record.state.is_end}
    state = make_experiment(DOES, executor="inline").resume()
    assert set(trial_states(state).values()) == {"completed"}
    assert len(state.trials) == len(DOES)
    assert all(trial_named(state, trial) == record for trial, record in before.items())
    completions = [event.trial for event in replay(path) if isinstance(event, happened.TrialCompleted)]
    assert sorted(completions) == sorted(DOES)


def test_a_finished_experiment_can_be_resumed_without_effect(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    first = make_experiment(DOES, executor="inline").run()
    assert make_experiment(DOES, executor="inline").resume().trials == first.trials


def test_a_changed_strategy_is_refused_at_the_resumption(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    make_experiment({"a": "return_nothing"}, executor="inline").run()
    changed = make_experiment({"b": "return_nothing"}, executor="inline")
    with pytest.raises(InputError, match="no longer proposes what it did"):
        changed.resume()


def test_a_second_run_in_the_same_directory_is_refused(make_experiment: MakeExperiment) -> None:
    make_experiment({"a": "return_nothing"}, executor="inline").run()
    with pytest.raises(ConfigError, match="holds an experiment already"):
        make_experiment({"a": "return_nothing"}, executor="inline").run()


def test_a_second_driver_is_refused(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    make_experiment({"a": "return_nothing"}, executor="inline").run()
    with (
        Journal.open_for_append(tmp_path / "run/journal.jsonl"),
        pytest.raises(ExperimentBusy, match="being written by another process"),
    ):
        make_experiment({"a": "return_nothing"}, executor="inline").resume()


def test_a_name_that_the_store_knows_already_is_refused(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    first = make_experiment({"father": "father"}, executor="inline", directory="first")
    second = make_experiment({"father": "father"}, executor="inline", directory="second")
    first.store = second.store = str(tmp_path / "store")
    first.run()
    with pytest.raises(ConfigError, match="holds checkpoints of an experiment named 'test'"):
        second.run()
    assert not (tmp_path / "second").exists()


def test_a_place_that_is_no_store_is_refused_before_anything_is_made(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").write_bytes(b"meow")
    experiment = make_experiment({"a": "father"})
    experiment.store = str(tmp_path / "photos")
    with pytest.raises(InputError, match="photos"):
        experiment.run()
    assert not (tmp_path / "run").exists()


def test_a_store_in_memory_cannot_be_shared_by_processes(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment({"a": "father"})
    experiment.store = "memory://here"
    with pytest.raises(ConfigError, match="lives in one process"):
        experiment.run()


def test_a_function_of_the_script_runs_inline_without_a_name() -> None:
    experiment = hd.Experiment(
        train=lambda trial: trial.parameters["x"] + 1,
        name="lambda",
        strategy=Given([GivenTrial(TrialId("a"), {"x": 2})]),
        seed=0,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        store="memory://lambda",
        directory=Path("run"),
    )
    assert experiment.run().trials[TrialId("a")].score == 3.0


@pytest.mark.parametrize(("name", "value"), [("executor", "inlin"), ("direction", "up")])
def test_a_setting_that_is_none_of_its_words_is_refused(
    make_experiment: MakeExperiment, name: str, value: str
) -> None:
    experiment = make_experiment({"a": "return_nothing"}, executor="inline")
    setattr(experiment, name, value)
    with pytest.raises(ConfigError, match=f"{name}: expected one of .*, got '{value}'"):
        experiment.run()


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"concurrency": 0}, "concurrency: expected at least 1, got 0"),
        ({"concurrency": 1, "max_retries": -1}, "max_retries: expected 0 or more"),
        ({"concurrency": 1, "min_coverage": 2.0}, "min_coverage: expected 0 to 1"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(budget: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hd.Budget(**budget)  # type: ignore[arg-type]  # the fields differ in type


def test_max_trials_ends_an_experiment(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment({}, executor="inline")
    experiment.strategy = Scripted(*(proposal(f"t{n}") for n in range(10)))
    experiment.budget = hd.Budget(concurrency=2, max_trials=3)
    assert len(experiment.run().trials) == 3


class Haunted:
    """An executor on which an attempt that was given up comes back and speaks before the real one does."""

    def __init__(self) -> None:
        self.orders: list[TrialOrder] = []

    def open(self, emit: Callable[[happened.AttemptEvent], None]) -> None:
        self.emit = emit

    def reach(self, *, store_url: str, directory: str) -> None: ...

    def start(self, order: TrialOrder) -> None:
        self.orders.append(order)

    def stop(self, trial: TrialId, attempt: int, *, at_once: bool) -> None: ...

    def wait(self, timeout_seconds: float) -> None:
        order = self.orders.pop()
        late = {"at": 1.0, "trial": order.trial, "attempt": order.attempt - 1}
        self.emit(happened.TrialReported(step=1, value=0.1, **late))  # type: ignore[arg-type]  # mixed types
        self.emit(happened.CheckpointSaved(key=CheckpointKey("old"), **late))  # type: ignore[arg-type]
        self.emit(happened.TrialCompleted(score=0.1, **late))  # type: ignore[arg-type]
        self.emit(happened.TrialCompleted(at=2.0, trial=order.trial, attempt=order.attempt, score=0.9))

    def close(self) -> None: ...


def test_what_an_old_attempt_does_late_is_refused_and_counted(
    make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hd.Experiment, "_executor", lambda _: Haunted())
    state = make_experiment({"a": "return_nothing"}).run()
    record = trial_named(state, "a")
    assert (record.score, record.checkpoint, record.reports) == (0.9, None, [])
    assert record.num_late_events == 3
    refused = [e for e in replay(tmp_path / "run/journal.jsonl") if isinstance(e, happened.LateEventRefused)]
    assert [event.what for event in refused] == ["TrialReported", "CheckpointSaved", "TrialCompleted"]
