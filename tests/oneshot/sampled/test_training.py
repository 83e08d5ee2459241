"""A supernet's training as a trial: what is killed goes on to the same bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.oneshot.sampled.attempts import Killed, attempt_of
from tests.oneshot.supernets import elastic, nested
from torch.nn import functional

from heredity.errors import InputError
from heredity.experiment.events import AttemptEvent, CheckpointSaved, TrialReported
from heredity.oneshot.sampled import FairPaths, Sampler, Sandwich, SupernetTraining, UniformPaths

NUM_STEPS = 6
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
}

SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "uniform": UniformPaths,
    "fair": FairPaths,
    "sandwich": Sandwich,
}


def _batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return torch.randn(4, 4, 5, 5, generator=generator), torch.randint(0, 3, (4,), generator=generator)


def _training(kind: str, optimizer: str, *, dies_at: int | None = None) -> SupernetTraining:
    torch.manual_seed(1)
    supernet = torch.nn.Sequential(nested(), elastic())

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        if step == dies_at:
            raise Killed
        return _batch(step)

    return SupernetTraining(
        supernet=supernet,
        optimizer=OPTIMIZERS[optimizer](supernet.parameters()),
        sampler=SAMPLERS[kind](supernet, seed=2),
        batch=batch,
        loss=functional.cross_entropy,
        num_steps=NUM_STEPS,
        score=lambda module: sum(p.sum().item() for p in module.parameters()),
        report_every=2,
        schedule=lambda step: 1 - step / NUM_STEPS,
    )


@pytest.mark.parametrize(
    ("kind", "optimizer", "dies_at"),
    [("uniform", "adam", 3), ("uniform", "sgd", 1), ("fair", "sgd", 4), ("sandwich", "adam", 5)],
)
def test_what_is_killed_and_resumed_ends_with_the_same_bits(
    kind: str, optimizer: str, dies_at: int, tmp_path: Path
) -> None:
    whole = _training(kind, optimizer)
    score = whole.run(attempt_of(tmp_path / "whole", [], attempt=1))
    events: list[AttemptEvent] = []
    with pytest.raises(Killed):
        _training(kind, optimizer, dies_at=dies_at).run(attempt_of(tmp_path / "lost", events, attempt=1))
    torch.manual_seed(99)  # another process
    resumed = _training(kind, optimizer)
    assert resumed.run(attempt_of(tmp_path / "lost", events, attempt=2)) == score
    expected = whole.supernet.state_dict()
    for name, value in resumed.supernet.state_dict().items():
        assert torch.equal(value, expected[name]), name
    _assert_same_state(resumed, whole)


def _assert_same_state(first: SupernetTraining, second: SupernetTraining) -> None:
    for ours, theirs in zip(first.supernet.parameters(), second.supernet.parameters(), strict=True):
        states = first.optimizer.state.get(ours, {}), second.optimizer.state.get(theirs, {})
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_a_training_reports_and_saves_as_often_as_it_is_to(tmp_path: Path) -> None:
    events: list[AttemptEvent] = []
    _training("uniform", "sgd").run(attempt_of(tmp_path, events, attempt=1))
    assert [event.step for event in events if isinstance(event, TrialReported)] == [2, 4, 6]
    keys = [event.key for event in events if isinstance(event, CheckpointSaved)]
    assert keys == [f"supernets/supernet@1{tag}" for tag in (".step-2", ".step-4", "")]


def test_the_learning_rate_follows_its_schedule(tmp_path: Path) -> None:
    training = _training("uniform", "sgd")
    training.run(attempt_of(tmp_path, [], attempt=1))
    assert training.optimizer.param_groups[0]["lr"] == pytest.approx(0.05 / NUM_STEPS)


@pytest.mark.parametrize("name", ["num_steps", "report_every"])
def test_a_number_below_one_is_refused(name: str) -> None:
    training = _training("uniform", "sgd")
    with pytest.raises(InputError, match=f"{name}: expected at least 1, got 0"):
        dataclasses.replace(training, **{name: 0})  # type: ignore[arg-type]  # a number
