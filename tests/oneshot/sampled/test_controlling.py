"""A controller's training as a trial, alone and in turn with its supernet's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from tests.oneshot.sampled.attempts import Killed, attempt_of
from tests.oneshot.supernets import elastic, nested
from torch.nn import functional

import heredity as hd
from heredity.encoding import Json
from heredity.errors import InputError
from heredity.experiment.events import AttemptEvent, CheckpointSaved, TrialReported
from heredity.oneshot.deriving import attach
from heredity.oneshot.sampled import (
    ControlledPaths,
    Controller,
    ControllerTraining,
    SupernetTraining,
    score_of,
)

NUM_STEPS = 4


def _training(*, in_turn: bool, dies_at: int | None = None) -> ControllerTraining:
    """Rewards are scores with the supernet's weights, with a little noise of torch's own generator."""
    torch.manual_seed(1)
    supernet = torch.nn.Sequential(nested(), elastic())
    controller, calls = Controller(supernet, num_hidden=8), 0

    def reward(architecture: Mapping[str, Json]) -> float:
        nonlocal calls
        calls += 1
        if calls == dies_at:
            raise Killed
        batch, metric = torch.ones(4, 4, 5, 5), _first_output
        return score_of(supernet, architecture, batches=[batch], metric=metric) + torch.randn(()).item() / 10

    weights = SupernetTraining(
        supernet=supernet,
        optimizer=torch.optim.SGD(supernet.parameters(), lr=0.05, momentum=0.9),
        sampler=ControlledPaths(controller, seed=3),
        batch=_batch,
        loss=functional.cross_entropy,
        num_steps=3 * NUM_STEPS,
        score=_first_output,
        report_every=1,
    )
    return ControllerTraining(
        controller=controller,
        optimizer=torch.optim.Adam(controller.parameters(), lr=0.02),
        reward=reward,
        seed=5,
        num_steps=NUM_STEPS,
        report_every=2,
        num_draws=2,
        weights=weights if in_turn else None,
    )


def _first_output(module: torch.nn.Module) -> float:
    return float(module(torch.ones(1, 4, 5, 5))[0, 0])


def _batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return torch.randn(4, 4, 5, 5, generator=generator), torch.randint(0, 3, (4,), generator=generator)


@pytest.mark.parametrize("in_turn", [False, True])
@pytest.mark.parametrize("dies_at", [2, 6])
def test_what_is_killed_and_resumed_ends_with_the_same_bits(
    in_turn: bool,
    dies_at: int,
    tmp_path: Path,
) -> None:
    whole = _training(in_turn=in_turn)
    score = whole.run(attempt_of(tmp_path / "whole", [], attempt=1))
    events: list[AttemptEvent] = []
    with pytest.raises(Killed):
        _training(in_turn=in_turn, dies_at=dies_at).run(attempt_of(tmp_path / "lost", events, attempt=1))
    torch.manual_seed(99)  # another process
    resumed = _training(in_turn=in_turn)
    assert resumed.run(attempt_of(tmp_path / "lost", events, attempt=2)) == score
    _assert_equal(resumed.state.state_dict(), whole.state.state_dict())
    for ours, theirs in zip(_optimizers(resumed), _optimizers(whole), strict=True):
        for number, slots in ours.state_dict()["state"].items():
            _assert_equal(slots, theirs.state_dict()["state"][number])


def _assert_equal(ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def _optimizers(training: ControllerTraining) -> list[torch.optim.Optimizer]:
    both = [training.optimizer]
    return both if training.weights is None else [*both, training.weights.optimizer]


def test_a_training_reports_and_saves_as_often_as_it_is_to(tmp_path: Path) -> None:
    events: list[AttemptEvent] = []
    _training(in_turn=True).run(attempt_of(tmp_path, events, attempt=1))
    assert [event.step for event in events if isinstance(event, TrialReported)] == [2, 4]
    keys = [event.key for event in events if isinstance(event, CheckpointSaved)]
    assert keys == ["supernets/supernet@1.step-2", "supernets/supernet@1"]


def test_a_trial_judges_by_the_weights_that_were_trained_in_turn(tmp_path: Path) -> None:
    training = _training(in_turn=True)
    training.run(attempt_of(tmp_path, [], attempt=1))
    other = _training(in_turn=True)
    attach(other.state, hd.open_store(tmp_path / "store")["supernets/supernet@1"])
    assert training.weights is not None
    assert other.weights is not None
    _assert_equal(other.weights.supernet.state_dict(), training.weights.supernet.state_dict())


@pytest.mark.parametrize("name", ["num_steps", "report_every", "num_draws"])
def test_a_number_below_one_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: expected at least 1, got 0"):
        dataclasses.replace(_training(in_turn=False), **{name: 0})  # type: ignore[arg-type]  # a number


def test_steps_of_the_weights_that_cannot_be_shared_out_are_refused() -> None:
    with pytest.raises(
        InputError, match="expected a multiple of num_steps = 5 as the number of its steps, got 12"
    ):
        dataclasses.replace(_training(in_turn=True), num_steps=5)
