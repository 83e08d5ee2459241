"""A population run as an experiment: intervals go on exactly, also into other architectures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import heredity as hd
from heredity.experiment import ExperimentState, TrialRecord
from heredity.space import Choice, Float, Int, Space
from heredity.strategies import PopulationBased, Strategy

INPUTS = torch.linspace(-1.0, 1.0, 24, dtype=torch.float64).reshape(8, 3)
INTERVAL = 3


def train(trial: hd.Trial) -> float:
    """Measures before the first step what the parent measured after its last one."""
    width = trial.parameters["width"]
    model = torch.nn.Sequential(
        torch.nn.Linear(3, width), torch.nn.Tanh(), torch.nn.Linear(width, 1)
    ).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=trial.parameters["rate"])
    first = trial.begin(model, optimizer=optimizer, example_inputs=(INPUTS,))
    loss = loss_of(model)
    trial.report(loss.item(), step=first)
    for number in range(first, trial.max_steps or 0):
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimizer.step()
        loss = loss_of(model)
        trial.report(loss.item(), step=number + 1)
    trial.save(model, optimizer=optimizer, example_inputs=(INPUTS,), metadata={"rate": rate_of(optimizer)})
    # Narrow networks win, whatever they have learned, so that exploring widens them.
    return float(width)


def loss_of(model: torch.nn.Module) -> torch.Tensor:
    loss: torch.Tensor = ((model(INPUTS) - INPUTS.sum(1, keepdim=True) ** 2) ** 2).mean()
    return loss


def rate_of(optimizer: torch.optim.Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])


def run(strategy: Strategy, store: str) -> ExperimentState:
    state = hd.Experiment(
        train=train,
        name="population",
        strategy=strategy,
        seed=0,
        budget=hd.Budget(concurrency=2),
        executor="inline",
        direction="minimize",
        store=store,
    ).run()
    assert all(record.state.is_success for record in state.trials.values()), state.trials
    return state


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> ExperimentState:
    """Widths from 4 to 40, of which the narrow ones win."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("population"))
        return run(population(), "memory://population-across-widths")


def population() -> Strategy:
    space = Space({"width": Int(4, 40), "rate": Float(1e-3, 1e-1, log=True)})
    return PopulationBased(
        space, seed=2, population_size=4, interval_steps=INTERVAL, num_intervals=5, share=0.25, resample=0.0
    )


def children(state: ExperimentState) -> list[tuple[TrialRecord, TrialRecord]]:
    """Each with its parent."""
    records = state.trials.values()
    return [(record, state.trials[record.parents[0]]) for record in records if record.parents]


def width(record: TrialRecord) -> int:
    return int(str(record.parameters["width"]))


def test_every_interval_goes_on_where_the_one_before_ended(state: ExperimentState) -> None:
    for child, parent in children(state):
        assert child.first_step == parent.reports[-1].step
        assert child.steps == INTERVAL
        assert child.reports[-1].step == child.max_steps


def test_what_goes_on_as_it_is_has_lost_nothing(state: ExperimentState) -> None:
    same = [(child, parent) for child, parent in children(state) if width(child) == width(parent)]
    assert same
    for child, parent in same:
        assert child.reports[0].value == parent.reports[-1].value
        assert child.inheritance is None  # it was loaded, not transferred


def test_a_wider_network_computes_what_the_winner_computed(state: ExperimentState) -> None:
    wider = [(child, parent) for child, parent in children(state) if width(child) > width(parent)]
    assert wider
    for child, parent in wider:
        assert child.info["exploited"] == parent.id
        assert child.inheritance is not None
        assert child.inheritance["verdict"] == "exact"
        assert child.reports[0].value == pytest.approx(parent.reports[-1].value, abs=1e-12)


def test_a_narrower_network_inherits_what_it_can(state: ExperimentState) -> None:
    narrower = [child for child, parent in children(state) if width(child) < width(parent)]
    assert narrower
    for child in narrower:
        assert child.inheritance is not None
        assert child.inheritance["verdict"] == "approximate"


def test_the_explored_learning_rate_is_the_one_that_trains(state: ExperimentState) -> None:
    """The optimizer's state comes from the winner, its hyperparameters do not."""
    store = hd.open_store("memory://population-across-widths")
    for record in state.trials.values():
        assert record.checkpoint is not None
        assert store[record.checkpoint].metadata["rate"] == record.parameters["rate"]
    assert any(child.parameters["rate"] != parent.parameters["rate"] for child, parent in children(state))


def test_a_synchronous_population_runs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space = Space({"width": Choice([4, 8], ordered=True), "rate": Float(1e-3, 1e-1, log=True)})
    strategy = PopulationBased(
        space, seed=0, population_size=3, interval_steps=1, num_intervals=3, synchronous=True
    )
    state = run(strategy, "memory://population-in-step")
    assert [record.max_steps for record in state.trials.values()] == [1] * 3 + [2] * 3 + [3] * 3
