"""A search by drawing (GDAS) computes one candidate of each choice, and learns from it."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from tests.oneshot.differentiable.supernets import SmallSupernet, batch, small_search
from torch import Tensor, nn

from heredity.errors import ConfigError
from heredity.oneshot import Choice, Repeat
from heredity.oneshot.differentiable import (
    ArchitectureTraining,
    DifferentiableSearch,
    Gumbel,
    SearchSettings,
)
from heredity.oneshot.selection import Weighted

SETTINGS = SearchSettings(num_epochs=3, steps_per_epoch=2, gumbel=Gumbel())


def test_each_pass_runs_one_candidate_of_each_choice() -> None:
    supernet, calls = SmallSupernet().double(), Counter[int]()
    search = small_search(settings=SETTINGS, supernet=supernet)
    chosen = [module for module in supernet.modules() if isinstance(module, Choice)]
    for number, choice in enumerate(chosen):
        for candidate in choice.candidates.values():
            candidate.register_forward_hook(lambda *_, number=number: calls.update([number]))
    search.step(batch(1), batch(2))
    # Two passes a step: one for the architecture, one for the weights.
    assert calls == dict.fromkeys(range(len(chosen)), 2)


def test_what_was_not_drawn_is_not_walked_by_the_optimizer() -> None:
    """A convolution that did not run keeps its weights bit for bit, weight decay or not."""
    search = small_search(settings=SETTINGS)
    weights = {
        name: w.detach().clone() for name, w in search.supernet.named_parameters() if "candidates" in name
    }
    search.step(batch(1), batch(2))
    moved = [not torch.equal(search.supernet.get_parameter(name), w) for name, w in weights.items()]
    assert any(moved)
    assert not all(moved)


def test_the_forward_pass_has_a_weight_of_one_and_the_backward_pass_that_of_the_soft_weights() -> None:
    search = small_search(settings=SETTINGS)
    torch.manual_seed(3)
    drawn = search.state.architecture.drawn(2.0)["cell/0/0"]
    assert isinstance(drawn, Weighted)
    assert drawn.weight.detach() == 1.0
    vector = search.state.architecture.vectors[0]
    [found] = torch.autograd.grad(drawn.weight, [vector])
    torch.manual_seed(3)  # the numbers of the first choice are drawn first
    noise = -torch.empty(3, dtype=torch.float64).exponential_().log()
    soft = ((vector.log_softmax(dim=0) + noise) / 2.0).softmax(dim=0)
    [expected] = torch.autograd.grad(soft[drawn.position], [vector])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_candidates_are_drawn_as_often_as_they_weigh() -> None:
    """Gumbel's trick: the largest noisy logit has the softmax's distribution, at every temperature."""
    search = small_search(settings=SETTINGS)
    with torch.no_grad():
        search.state.architecture.vectors[0].copy_(torch.tensor([0.6, 0.3, 0.1]).log())
    torch.manual_seed(0)
    counts = Counter[int]()
    for _ in range(1000):
        drawn = search.state.architecture.drawn(5.0)["cell/0/0"]
        assert isinstance(drawn, Weighted)
        counts[drawn.position] += 1
    # Three standard deviations of a share of 1,000 draws are 0.046 at most.
    assert [counts[position] / 1000 for position in range(3)] == pytest.approx([0.6, 0.3, 0.1], abs=0.046)


def test_the_temperature_falls_from_10_to_a_tenth() -> None:
    assert [SETTINGS.temperature_in(epoch) for epoch in range(3)] == pytest.approx([10.0, 5.05, 0.1])


def test_depths_cannot_be_drawn() -> None:
    blocks = Repeat(lambda _: nn.Conv2d(1, 1, 1), low=1, high=3, label="depth")
    with pytest.raises(ConfigError, match="depth: with gumbel only modules can be chosen"):
        DifferentiableSearch(blocks, settings=SETTINGS, criterion=nn.functional.mse_loss, seed=0)


def test_drawing_and_the_second_order_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="order 'exact' with gumbel: expected 'first'"):
        SearchSettings(
            num_epochs=1, steps_per_epoch=1, gumbel=Gumbel(), architecture=ArchitectureTraining(order="exact")
        )


def test_a_mixture_of_depths_is_searched_without_drawing() -> None:
    blocks = Repeat(lambda _: nn.Conv2d(1, 1, 1), low=1, high=3, label="depth")
    search = DifferentiableSearch(
        blocks,
        settings=SearchSettings(num_epochs=1, steps_per_epoch=1),
        criterion=nn.functional.mse_loss,
        seed=0,
    )
    x: Tensor = torch.ones(1, 1, 2, 2)
    search.step((x, x), (x, x))
    assert search.architecture()["depth"] in {1, 2, 3}
