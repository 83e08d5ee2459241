"""Optuna's trials inherit, show it as user attributes, and leave nothing when they are pruned."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import InputError
from heredity.integrations import GuestTrial
from heredity.integrations.optuna import guest_of, objective

Build = Callable[[int], nn.Module]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def one_trial(build: Build, inputs: torch.Tensor) -> Callable[[optuna.Trial, GuestTrial], float]:
    """Inherits, trains three steps of a kind, and saves with the width as its score."""

    def train(trial: optuna.Trial, guest: GuestTrial) -> float:
        width = trial.suggest_int("width", 4, 8)
        module = build(width)
        guest.inherit(module, example_inputs=inputs)
        guest.save(module, score=width, steps=3, example_inputs=inputs)
        return width

    return train


def study_of(*widths: int, direction: Any = "maximize") -> optuna.Study:
    study = optuna.create_study(study_name="widths", direction=direction)
    for width in widths:
        study.enqueue_trial({"width": width})
    return study


def test_a_trial_inherits_from_the_one_before(store: hd.Store, one_trial: Any) -> None:
    study = study_of(4, 6)
    study.optimize(objective(one_trial, store=store, parent=store), n_trials=2)
    first, second = (trial.user_attrs for trial in study.trials)
    assert (first["parent"], first["verdict"], first["checkpoint"]) == (None, "nothing", "optuna/widths/0")
    assert (second["parent"], second["verdict"]) == ("optuna/widths/0", "exact")
    assert 0 < second["coverage"] < 1
    assert second["cumulative_steps"] == 6


def test_a_checkpoint_knows_the_study_the_trial_and_its_hyperparameters(
    store: hd.Store, one_trial: Any
) -> None:
    study_of(5).optimize(objective(one_trial, store=store, parent=None), n_trials=1)
    said = store["optuna/widths/0"].metadata
    assert (said["tool"], said["experiment"], said["trial"]) == ("optuna", "widths", "0")
    assert said["parameters"] == {"width": 5}


@pytest.mark.parametrize(("direction", "best"), [("maximize", 8), ("minimize", 4)])
def test_the_studys_direction_says_which_of_two_equal_parents_is_the_better(
    store: hd.Store, build: Build, direction: str, best: int
) -> None:
    study = study_of(direction=direction)
    for score in (4, 8):
        guest_of(study.ask(), store=store, parent=None).save(build(4), score=score)
    inheritance = guest_of(study.ask(), store=store, parent=store).inherit(build(4))
    assert inheritance is not None
    assert inheritance.parent.score == best


def test_a_pruned_trial_publishes_nothing(store: hd.Store, build: Build) -> None:
    def train(trial: optuna.Trial, guest: GuestTrial) -> float:
        guest.save(build(4), score=9.0)
        raise optuna.TrialPruned

    study = study_of()
    study.optimize(objective(train, store=store, parent=store), n_trials=2)
    assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.PRUNED] * 2
    assert list(store) == []
    assert [trial.user_attrs["verdict"] for trial in study.trials] == ["nothing", "nothing"]


def test_a_trial_that_fails_keeps_what_it_has_saved(store: hd.Store, build: Build) -> None:
    def train(trial: optuna.Trial, guest: GuestTrial) -> float:
        guest.save(build(4))
        raise ValueError("no luck")

    study_of().optimize(objective(train, store=store, parent=None), n_trials=1, catch=[ValueError])
    assert list(store) == ["optuna/widths/0"]


def test_a_study_of_several_objectives_must_say_what_the_best_is(store: hd.Store) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    with pytest.raises(InputError, match="it has 2 objectives"):
        guest_of(study.ask(), store=store, parent=store)
    guest_of(study.ask(), store=store, parent=hd.Candidates(store))


def lost_and_repeated(
    tmp_path: Path, act: Callable[[optuna.Trial], object]
) -> tuple[optuna.Study, optuna.Trial]:
    """A study in which a trial has acted and was lost, and Optuna's own repetition of it."""
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/study.db", study_name="widths")
    lost = study.ask({"width": optuna.distributions.IntDistribution(4, 8)})
    act(lost)
    study.tell(lost, state=optuna.trial.TrialState.FAIL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        repeat = optuna.storages.RetryHeartbeatStaleTrialCallback()
    repeat(study, study.get_trials()[lost.number])
    return study, study.ask({"width": optuna.distributions.IntDistribution(4, 8)})


def test_a_trial_that_optuna_repeats_goes_on_and_does_not_inherit(
    store: hd.Store, build: Build, tmp_path: Path
) -> None:
    store_parent = hd.save(store, build(5), key="parent", score=0.0)
    trained = build(5)
    _, again = lost_and_repeated(
        tmp_path, lambda trial: guest_of(trial, store=store, parent=None).save(trained, steps=7)
    )
    guest = guest_of(again, store=store, parent=store_parent)
    module = build(5)
    assert guest.begin(module) == 7
    assert guest.inherit(module) is None
    torch.testing.assert_close(module.state_dict(), trained.state_dict())
    assert again.user_attrs["resumed"]


def test_what_a_trial_of_the_same_number_in_another_run_has_saved_is_not_its_own(
    store: hd.Store, build: Build, tmp_path: Path
) -> None:
    other = optuna.create_study(study_name="widths")
    guest_of(other.ask(), store=store, parent=None).save(build(5), steps=7)
    _, again = lost_and_repeated(tmp_path, lambda _trial: None)
    assert guest_of(again, store=store, parent=None).begin(build(5)) == 0
