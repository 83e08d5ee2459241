"""Halvings run as experiments: what is trained, from where, and at which price."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

import heredity as hd
from heredity.experiment import ExperimentState, TrialRecord
from heredity.space import Float
from heredity.strategies import Strategy

SPACE = {"rate": Float(0.01, 0.2)}

halving = partial(
    hd.strategies.SuccessiveHalving, SPACE, seed=0, min_steps=1, max_steps=9, num_configurations=9
)

Run = Callable[[Strategy], ExperimentState]


def trained(rate: float) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1).double()
    return model, torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> float:
    x = torch.arange(12.0, dtype=torch.float64).reshape(4, 3) / 12
    loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.item())


def train(trial: hd.Trial) -> None:
    model, optimizer = trained(trial.parameters["rate"])
    for number in range(trial.begin(model, optimizer=optimizer), trial.max_steps or 0):
        trial.report(step(model, optimizer), step=number + 1)
    trial.save(model, optimizer=optimizer)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run_it(strategy: Strategy) -> ExperimentState:
        state = hd.Experiment(
            train=train,
            name="halving",
            strategy=strategy,
            seed=0,
            budget=hd.Budget(concurrency=2),
            directory=tmp_path / "run",
            executor="inline",
            direction="minimize",
        ).run()
        assert all(record.state.is_success for record in state.trials.values()), state.trials
        return state

    return run_it


def last(state: ExperimentState) -> TrialRecord:
    return next(record for record in state.trials.values() if record.max_steps == 9)


def test_going_on_takes_the_steps_of_the_longest_trainings_only(run: Run) -> None:
    """Nine for one step, three for two more, one for six more."""
    state = run(halving())
    assert sum(record.steps for record in state.trials.values()) == 9 * 1 + 3 * 2 + 1 * 6


def test_restarting_takes_every_rung_from_nothing(run: Run) -> None:
    state = run(halving(restart=True))
    assert sum(record.steps for record in state.trials.values()) == 9 * 1 + 3 * 3 + 1 * 9


def test_the_steps_of_the_winner_form_a_chain(run: Run) -> None:
    state = run(halving())
    winner = last(state)
    middle = state.trials[winner.parents[0]]
    first = state.trials[middle.parents[0]]
    chain = [[report.step for report in record.reports] for record in (first, middle, winner)]
    assert chain == [[1], [2, 3], [4, 5, 6, 7, 8, 9]]
    assert first.parameters == middle.parameters == winner.parameters


def test_the_winner_is_as_if_it_had_never_been_interrupted(run: Run, tmp_path: Path) -> None:
    """Its weights and its momenta were handed on, bit by bit."""
    winner = last(run(halving()))
    assert winner.checkpoint is not None
    saved = hd.open_store(str(tmp_path / "run" / "store"))[winner.checkpoint].tensors(framework="torch")
    model, optimizer = trained(float(str(winner.parameters["rate"])))
    losses = [step(model, optimizer) for _ in range(9)]
    assert winner.score == losses[-1]
    for name, weight in model.state_dict().items():
        assert torch.equal(saved[name], weight)


@pytest.mark.parametrize("make", [hd.strategies.Hyperband, partial(hd.strategies.ASHA, num_configurations=8)])
def test_the_others_run_too(run: Run, make: Callable[..., Strategy]) -> None:
    state = run(make(SPACE, seed=0, min_steps=1, max_steps=4, reduction=2))
    assert {record.max_steps for record in state.trials.values()} == {1, 2, 4}
    for record in state.trials.values():
        assert record.reports[-1].step == record.max_steps
        assert record.first_step == (state.trials[record.parents[0]].max_steps if record.parents else 0)


def test_a_halving_can_be_resumed(tmp_path: Path) -> None:
    """The strategy, built anew, is asked and told the same again."""
    make = partial(
        hd.Experiment,
        train=train,
        name="halving",
        seed=0,
        directory=tmp_path / "run",
        executor="inline",
        direction="minimize",
    )
    make(strategy=halving(), budget=hd.Budget(concurrency=2, max_trials=10)).run()
    journal = tmp_path / "run" / "journal.jsonl"
    # As if it had been interrupted after ten trials, and not been meant to end there.
    text = journal.read_text().replace('"max_trials":10', '"max_trials":null')
    journal.write_text(text)
    state = make(strategy=halving(), budget=hd.Budget(concurrency=2)).resume()
    assert [record.max_steps for record in state.trials.values()] == [1] * 9 + [3] * 3 + [9]
