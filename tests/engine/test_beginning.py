"""Where a trial begins: from nothing, its own past, its parent's, or what its parent's becomes in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import heredity as hd
from heredity.engine.function import FunctionReference
from heredity.experiment import ExperimentState, TrialResult, cumulative_steps
from heredity.ids import TrialId
from heredity.inheritance import recorded_inheritance
from heredity.strategies import NoProposal, Proposal
from heredity.testing.experiments import trial_named

PROGRAMS = Path(__file__).parent / "programs"


class Listed:
    """Proposes a list."""

    def __init__(self, *proposals: Proposal) -> None:
        self.proposals = list(proposals)

    def ask(self) -> Proposal | NoProposal:
        return self.proposals.pop(0) if self.proposals else NoProposal.EXHAUSTED

    def tell(self, result: TrialResult) -> None: ...


def trial(name: str, *parents: str, steps: int, continues: bool = False, **parameters: Any) -> Proposal:
    return Proposal(
        TrialId(name),
        {"width": 4, **parameters},
        tuple(map(TrialId, parents)),
        max_steps=steps,
        continues=continues,
    )


def run(*proposals: Proposal) -> ExperimentState:
    return hd.Experiment(
        train=FunctionReference("heirs", "begin", folder=str(PROGRAMS)),
        name="begin",
        strategy=Listed(*proposals),
        seed=0,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        directory="run",
    ).run()


def facts(attempt: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(Path(f"run/{attempt}.json").read_text())
    return found


def weights_of(key: str) -> float:
    tensors = hd.open_store("run/store")[f"begin/{key}"].tensors()
    names = [name for name in tensors if name.endswith(("weight", "bias"))]
    return sum(float(torch.as_tensor(tensors[name]).double().sum()) for name in names)


def test_a_founder_begins_at_nothing() -> None:
    run(trial("a", steps=2))
    assert (facts("a@1")["first"], facts("a@1")["momenta"]) == (0, 0)


def test_a_lost_trial_goes_on_from_its_own_last_checkpoint() -> None:
    state = run(trial("a", steps=4, lost_at=2))
    assert (facts("a@2")["first"], facts("a@2")["momenta"]) == (2, 4)
    assert facts("a@2")["sum"] == pytest.approx(weights_of("a@1.2"), abs=1e-9)
    record = trial_named(state, "a")
    assert [report.step for report in record.reports] == [1, 2, 3, 4]
    assert record.checkpoints == ("begin/a@1.1", "begin/a@1.2", "begin/a@2.3", "begin/a@2.4")


def test_what_a_lost_heir_had_inherited_stays_with_what_its_next_attempt_saves() -> None:
    state = run(trial("a", steps=1), trial("b", "a", steps=2, width=8, lost_at=1))
    record = trial_named(state, "b")
    assert record.checkpoints == ("begin/b@1.1", "begin/b@2.2")
    recorded = recorded_inheritance(hd.open_store("run/store")["begin/b@2.2"])
    assert recorded is not None
    assert recorded.summary == record.inheritance
    assert recorded.plan is not None


def test_what_continues_its_parent_carries_nothing_of_how_the_parent_began() -> None:
    run(
        trial("a", steps=1),
        trial("b", "a", steps=1, width=8),
        trial("c", "b", steps=2, width=8, continues=True),
    )
    store = hd.open_store("run/store")
    assert recorded_inheritance(store["begin/b@1.1"]) is not None
    assert recorded_inheritance(store["begin/c@1.2"]) is None


def test_a_trial_that_continues_its_parent_has_its_weights_optimizer_and_steps() -> None:
    state = run(trial("a", steps=2), trial("b", "a", steps=5, continues=True))
    assert (facts("b@1")["first"], facts("b@1")["momenta"]) == (2, 4)
    assert facts("b@1")["sum"] == pytest.approx(weights_of("a@1.2"), abs=1e-9)
    record = trial_named(state, "b")
    assert (record.first_step, record.steps, record.inheritance) == (2, 3, None)
    assert cumulative_steps(state.trials, TrialId("b")) == 5


def test_an_optimizer_of_another_kind_than_that_of_the_parent_that_is_continued_begins_anew(
    capfd: pytest.CaptureFixture[str],
) -> None:
    run(trial("a", steps=2), trial("b", "a", steps=5, continues=True, optimizer="Adam"))
    assert (facts("b@1")["first"], facts("b@1")["momenta"]) == (2, 0)
    assert facts("b@1")["sum"] == pytest.approx(weights_of("a@1.2"), abs=1e-9)
    assert "The optimizer begins anew: begin/a@1.2 was trained by SGD, trial b is by Adam." in (
        capfd.readouterr().out
    )


def test_a_trial_that_continues_a_parent_of_another_shape_inherits_and_counts_on() -> None:
    state = run(trial("a", steps=2), trial("b", "a", steps=5, continues=True, width=8))
    assert facts("b@1")["first"] == 2
    record = trial_named(state, "b")
    assert record.inheritance is not None
    assert record.inheritance["parent"] == "begin/a@1.2"
    assert (record.first_step, record.steps) == (2, 3)


def test_a_child_that_does_not_continue_inherits_and_begins_to_count() -> None:
    state = run(trial("a", steps=2), trial("b", "a", steps=3))
    assert facts("b@1")["first"] == 0
    record = trial_named(state, "b")
    assert record.inheritance is not None
    assert (record.first_step, record.steps) == (0, 3)
    assert cumulative_steps(state.trials, TrialId("b")) == 5


def test_a_lost_trial_that_had_continued_its_parent_goes_on_from_its_own() -> None:
    state = run(trial("a", steps=2), trial("b", "a", steps=5, continues=True, lost_at=4))
    assert facts("b@2")["first"] == 4
    record = trial_named(state, "b")
    assert (record.first_step, record.steps) == (2, 3)


def test_a_parent_that_saved_nothing_cannot_be_continued() -> None:
    state = run(trial("a", steps=2, saves=False), trial("b", "a", steps=5, continues=True))
    assert "its parent a completed without saving a checkpoint" in trial_named(state, "b").error


def test_a_checkpoint_that_was_dropped_is_passed_over_for_the_one_before_it(tmp_path: Path) -> None:
    """And if there is none left, the trial begins anew."""
    state = run(trial("a", steps=4, lost_at=2))
    store = hd.open_store("run/store")
    for key in ("begin/a@1.2", "begin/a@2.3", "begin/a@2.4"):
        store.drop(key)
    journal = tmp_path / "run/journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lost = next(n for n, line in enumerate(lines) if b"TrialLost" in line)
    journal.write_bytes(b"".join(lines[: lost + 1]))
    again = hd.Experiment(
        train=FunctionReference("heirs", "begin", folder=str(PROGRAMS)),
        name="begin",
        strategy=Listed(trial("a", steps=4, lost_at=2)),
        seed=0,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        directory="run",
    )
    record = trial_named(again.resume(), "a")
    assert facts("a@2")["first"] == 1
    assert record.checkpoints[0] == "begin/a@1.1"
    assert trial_named(state, "a").checkpoints != record.checkpoints
