"""A controller learns what is rewarded."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import pytest
import torch
from tests.oneshot.supernets import SUPERNETS, choice, images, nested

from heredity.encoding import Json
from heredity.oneshot import Choice, selecting, space_of
from heredity.oneshot.sampled import ControlledPaths, Controller, ControllerTraining


def _supernet() -> torch.nn.Module:
    """Two choices, of which the second only counts after the first has taken a."""
    inner = Choice({"good": torch.nn.Identity(), "bad": torch.nn.ReLU()}, label="inner")
    return Choice({"a": inner, "b": torch.nn.ReLU()}, label="outer")


def _reward(architecture: Mapping[str, Json]) -> float:
    return float(architecture == {"outer": "a", "inner": "good"})


def _training(seed: int = 0) -> ControllerTraining:
    torch.manual_seed(seed)
    controller = Controller(_supernet(), num_hidden=16)
    optimizer = torch.optim.Adam(controller.parameters(), lr=0.02)
    return ControllerTraining(
        controller=controller, optimizer=optimizer, reward=_reward, seed=seed, num_steps=100, report_every=50
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_rewarded_is_drawn_more_often(seed: int) -> None:
    training = _training(seed)
    before = _mean_reward(training.controller)
    for number in range(100):
        training.step(number)
    assert before < 0.5
    assert _mean_reward(training.controller) > 0.8


def _mean_reward(controller: Controller) -> float:
    return sum(_reward(controller.draw(seed=seed).architecture) for seed in range(100)) / 100


def test_without_a_difference_in_rewards_only_the_entropy_counts() -> None:
    training = _training()
    before = copy.deepcopy(training.controller.state_dict())
    even = ControllerTraining(
        controller=training.controller,
        optimizer=training.optimizer,
        reward=lambda _: 1.0,
        seed=0,
        num_steps=1,
        report_every=1,
        entropy_weight=0.0,
    )
    even.step(0)
    for name, parameter in training.controller.named_parameters():
        assert torch.equal(parameter, before[name])


@pytest.mark.parametrize("kind", SUPERNETS)
def test_what_a_controller_draws_is_an_architecture_and_runs(kind: str) -> None:
    supernet = SUPERNETS[kind]()
    space, controller = space_of(supernet), Controller(supernet, num_hidden=4)
    for seed in range(5):
        assert space.problems(controller.draw(seed=seed).architecture) == []
    with selecting(ControlledPaths(controller, seed=0).draw(0)[0]):
        supernet(images())


def test_a_draw_knows_how_likely_it_was() -> None:
    """Over all architectures the probabilities add up to one."""
    torch.manual_seed(0)
    controller, found = Controller(nested(), num_hidden=4), {}
    small = Controller(torch.nn.Sequential(choice("x"), choice("y")), num_hidden=4)
    for seed in range(60):
        draw = small.draw(seed=seed)
        found[tuple(map(str, draw.architecture.values()))] = draw.log_probability.exp().item()
    assert len(found) == 4
    assert sum(found.values()) == pytest.approx(1)
    assert controller.draw(seed=0).log_probability.item() < 0
