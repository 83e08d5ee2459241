"""Optuna's samplers in an experiment: parents give their weights, and a resumption repeats the points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import heredity as hd
from heredity.space import Float, Int, Space
from heredity.strategies import OptunaSampler, Strategy

SPACE = Space({"x": Float(0.0, 1.0), "width": Int(1, 8)})

Make = Callable[..., hd.Experiment]


def train(trial: hd.Trial) -> dict[str, float]:
    x, width = trial.parameters["x"], trial.parameters["width"]
    inherited = 0.0 if trial.parent is None else float(trial.parent.tensors(framework="numpy")["x"][0])
    trial.save_tensors({"x": np.array([x])})
    return {"score": -((x - 0.3) ** 2), "size": float(width), "inherited": inherited}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return partial(
        hd.Experiment, train=train, name="optuna", seed=0, directory=tmp_path / "run", executor="inline"
    )


def test_a_trial_is_given_the_weights_of_its_nearest(make: Make) -> None:
    strategy: Strategy = OptunaSampler(SPACE, seed=0, parents="nearest")
    state = make(strategy=strategy, budget=hd.Budget(concurrency=2, max_trials=20)).run()
    children = [record for record in state.trials.values() if record.parents]
    assert len(children) == 18
    for child in children:
        assert child.metrics["inherited"] == state.trials[child.parents[0]].parameters["x"]


def test_the_same_points_are_proposed_when_it_is_resumed(make: Make, tmp_path: Path) -> None:
    sampler = partial(OptunaSampler, SPACE, seed=0, parents="best")
    make(strategy=sampler(), budget=hd.Budget(concurrency=2, max_trials=14)).run()
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"max_trials":14', '"max_trials":20'))
    state = make(strategy=sampler(), budget=hd.Budget(concurrency=2, max_trials=20)).resume()
    assert len(state.trials) == 20


def test_several_objectives_are_searched(make: Make) -> None:
    """Small ones and good ones: the further objective is turned too."""
    strategy = OptunaSampler(SPACE, seed=0, sampler="nsga2", objectives=["size"])
    state = make(
        strategy=strategy,
        budget=hd.Budget(concurrency=1, max_trials=120),
        objectives={"score": "maximize", "size": "minimize"},
    ).run()
    widths = [int(str(record.parameters["width"])) for record in state.trials.values()]
    assert sum(widths[-40:]) < sum(widths[:40])
