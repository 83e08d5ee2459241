"""Strategies, controls and stoppers in whole experiments: run, and replayed by a resumption."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import heredity as hd
from heredity.experiment import ExperimentState, TrialState, inheritance_report, winner_of
from heredity.experiment.results import result_of
from heredity.space import Choice, Float, Int, Space
from heredity.strategies import (
    Fresh,
    GridSearch,
    HalvingStopper,
    MedianStopper,
    PatienceStopper,
    RandomSearch,
    RegularizedEvolution,
    ScratchTwins,
    Stopper,
    Strategy,
    WithoutChildren,
    pareto_front,
)

SPACE = Space({"width": Int(2, 12), "rate": Float(0.01, 0.3, log=True)})
STEPS = 6


def descend(trial: hd.Trial) -> float:
    """Go down a bowl of so many dimensions from where the parent stopped, or from zero."""
    width, rate = int(trial.parameters["width"]), float(trial.parameters["rate"])
    target = np.arange(1, width + 1) / width
    weights = np.zeros(width)
    if trial.parent is not None:
        inherited = np.asarray(trial.parent.tensors()["weights"])[:width]
        weights[: len(inherited)] = inherited
    score = -float(np.mean((weights - target) ** 2))
    trial.report(score, step=0)
    for step in range(1, (trial.max_steps or STEPS) + 1):
        weights += rate * (target - weights)
        score = -float(np.mean((weights - target) ** 2))
        trial.report(score, step=step)
        if trial.should_stop:
            break
    trial.save_tensors({"weights": weights})
    return score


Make = Callable[[], Strategy]


def evolution() -> Strategy:
    return RegularizedEvolution(SPACE, seed=2, population_size=5, sample_size=3, max_steps=STEPS)


def run(
    make: Make,
    folder: Path,
    *,
    max_trials: int = 24,
    concurrency: int = 3,
    stopper: Callable[[], Stopper] | None = None,
) -> ExperimentState:
    """Run an experiment, and see that a resumption replays the same answers."""

    def experiment() -> hd.Experiment:
        return hd.Experiment(
            train=descend,
            name="bowl",
            strategy=make(),
            seed=0,
            budget=hd.Budget(concurrency=concurrency, max_trials=max_trials),
            directory=folder / "run",
            store=f"memory://{folder.name}",
            executor="inline",
            stopper=stopper() if stopper else None,
        )

    state = experiment().run()
    replayed = experiment().resume()
    assert [*replayed.trials] == [*state.trials]
    state.check_invariants()
    assert not [record.error for record in state.trials.values() if record.state is TrialState.FAILED]
    return state


def test_random_search_runs(tmp_path: Path) -> None:
    state = run(lambda: RandomSearch(SPACE, seed=0, max_steps=2), tmp_path, max_trials=6)
    assert [record.steps for record in state.trials.values()] == [2] * 6


def test_a_grid_is_run_to_its_end(tmp_path: Path) -> None:
    state = run(lambda: GridSearch(SPACE, num_values=3), tmp_path)
    assert len(state.trials) == 9
    assert state.is_exhausted


def test_children_of_an_evolution_go_on_from_their_parents_weights(tmp_path: Path) -> None:
    state = run(evolution, tmp_path)
    children = [record for record in state.trials.values() if record.parents]
    starts = [
        (child.reports[0].value, parent.score)
        for child, parent in ((child, state.trials[child.parents[0]]) for child in children)
        if child.parameters["width"] == parent.parameters["width"]
    ]
    assert len(starts) > 3
    for start, parent_score in starts:
        assert start == pytest.approx(parent_score)


def test_the_record_says_the_generation_and_what_was_changed(tmp_path: Path) -> None:
    records = run(evolution, tmp_path).trials.values()
    assert [record.info["generation"] for record in records][:6] == [0, 0, 0, 0, 0, 1]
    assert all(("changed" in record.info) == bool(record.parents) for record in records)


def test_twins_show_what_inheritance_gave(tmp_path: Path) -> None:
    state = run(lambda: ScratchTwins(evolution(), share=0.5), tmp_path, max_trials=40)
    report = inheritance_report(state)
    assert len(report.pairs) >= 10
    assert report.gain_at_own_steps is not None
    assert report.gain_at_own_steps.num_above_zero > len(report.pairs) / 2
    assert report.winner is not None
    assert len(report.winner.lineage) > 1


def test_twins_that_train_for_the_whole_price_can_be_compared_at_it(tmp_path: Path) -> None:
    state = run(lambda: ScratchTwins(evolution(), share=0.5, steps="cumulative"), tmp_path, max_trials=40)
    report = inheritance_report(state)
    assert report.gain_at_cumulative_steps is not None
    assert report.gain_at_cumulative_steps.num == len(report.pairs)


def test_the_same_schedule_without_parents_trains_all_from_nothing(tmp_path: Path) -> None:
    state = run(lambda: Fresh(evolution()), tmp_path)
    assert not any(record.parents for record in state.trials.values())
    assert sum("parents_withheld" in record.info for record in state.trials.values()) == 24 - 5


def test_without_children_the_founders_are_left(tmp_path: Path) -> None:
    state = run(lambda: WithoutChildren(evolution()), tmp_path)
    assert len(state.trials) == 5
    assert state.is_exhausted


@pytest.mark.parametrize(
    "stopper",
    [
        lambda: MedianStopper(min_steps=2, min_trials=3),
        lambda: HalvingStopper(min_steps=1, max_steps=STEPS, reduction=2),
        lambda: PatienceStopper(num_reports=1, min_delta=0.01),
    ],
    ids=["median", "halving", "patience"],
)
def test_trials_that_are_not_worth_going_on_with_end_early(
    stopper: Callable[[], Stopper], tmp_path: Path
) -> None:
    state = run(lambda: RandomSearch(SPACE, seed=0, max_steps=STEPS), tmp_path, stopper=stopper)
    stopped = [record for record in state.trials.values() if record.state is TrialState.STOPPED_EARLY]
    assert 0 < len(stopped) < 24
    assert all(record.stop_reason and record.steps < STEPS and record.checkpoint for record in stopped)


def test_twins_are_measured_to_their_end_whatever_stoppers_say(tmp_path: Path) -> None:
    state = run(
        lambda: ScratchTwins(evolution(), share=1.0),
        tmp_path,
        stopper=lambda: HalvingStopper(min_steps=1, max_steps=STEPS, reduction=2, separate_kinds=False),
    )
    ends = {record.state for record in state.trials.values() if record.twin_of is not None}
    others = {record.state for record in state.trials.values() if record.twin_of is None}
    assert ends == {TrialState.COMPLETED}
    assert TrialState.STOPPED_EARLY in others


# --- several objectives -------------------------------------------------------------------------------------


def costly(trial: hd.Trial) -> dict[str, float]:
    x = float(trial.parameters["x"])
    trial.save_tensors({})
    return {"accuracy": math.sin(x), "size": x}


def test_evolution_spreads_along_the_front_of_two_objectives(tmp_path: Path) -> None:
    state = hd.Experiment(
        train=costly,
        name="front",
        strategy=RegularizedEvolution({"x": Float(0, 6)}, seed=0, population_size=10, sample_size=4),
        seed=0,
        budget=hd.Budget(concurrency=1, max_trials=80),
        objectives={"accuracy": "maximize", "size": "minimize"},
        executor="inline",
        store=f"memory://{tmp_path.name}",
        directory=tmp_path / "run",
    ).run()
    front = pareto_front(result_of(record, state.rules) for record in state.trials.values())
    assert len(front) > 10
    # Beyond π/2 less accuracy costs more.
    assert max(float(str(result.parameters["x"])) for result in front) < 2


# --- with torch ---------------------------------------------------------------------------------------------


def train_mlp(trial: hd.Trial) -> float:
    width = int(trial.parameters["width"])
    model = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 1))
    inputs = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
    targets = inputs[:, :1] * inputs[:, 1:2]
    optimizer = torch.optim.SGD(model.parameters(), lr=float(trial.parameters["rate"]))
    trial.inherit(model, example_inputs=(inputs[:2],))

    def score() -> float:
        return -float(nn.functional.mse_loss(model(inputs), targets).detach())

    trial.report(score(), step=0)
    for step in range(1, 4):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs), targets).backward()  # type: ignore[no-untyped-call]  # torch's
        optimizer.step()
        trial.report(score(), step=step)
    trial.save(model, example_inputs=(inputs[:2],))
    return score()


def test_a_network_that_grows_begins_where_its_parent_ended(tmp_path: Path) -> None:
    state = hd.Experiment(
        train=train_mlp,
        name="mlps",
        strategy=RegularizedEvolution(
            {"width": Int(4, 16), "rate": Choice([0.01, 0.02])}, seed=1, population_size=3, sample_size=2
        ),
        seed=0,
        budget=hd.Budget(concurrency=1, max_trials=9),
        executor="inline",
        store=f"memory://{tmp_path.name}",
        directory=tmp_path / "run",
    ).run()
    exact = [
        each for each in state.trials.values() if each.inheritance and each.inheritance["verdict"] == "exact"
    ]
    assert len(exact) >= 2
    for child in exact:
        parent_score = state.trials[child.parents[0]].score
        assert child.reports[0].value == pytest.approx(parent_score, abs=1e-6)
    winner = winner_of(state)
    assert winner is not None
    assert winner.has_inherited is not None
