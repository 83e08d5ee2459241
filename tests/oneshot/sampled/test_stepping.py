"""One step of a supernet: the gradients of what ran, and only what ran is changed."""

from __future__ import annotations

import copy

import torch
from tests.oneshot.supernets import choice, elastic, images
from torch.nn import functional

from heredity.oneshot import Elastic, ElasticLinear, selecting
from heredity.oneshot.sampled import Sandwich, backward, score_of, soft_cross_entropy, step
from heredity.transfer.shrinking.recalibration import recalibrate


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    return images(6).double(), torch.tensor([0, 1, 2, 0, 1, 2])


def test_a_sandwichs_gradients_are_the_sum_of_separate_ones() -> None:
    torch.manual_seed(0)
    supernet = elastic().double()
    batch, selections = _batch(), Sandwich(supernet, seed=0).draw(0)
    backward(supernet, batch, selections, loss=functional.cross_entropy)
    total = [torch.zeros_like(parameter) for parameter in supernet.parameters()]
    for selection in selections:
        alone = copy.deepcopy(supernet)
        alone.zero_grad()
        with selecting(selection):
            torch.autograd.backward(functional.cross_entropy(alone(batch[0]), batch[1]))
        for number, parameter in enumerate(alone.parameters()):
            total[number] += 0 if parameter.grad is None else parameter.grad
    for expected, parameter in zip(total, supernet.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected)


def test_distillation_teaches_all_but_the_largest_by_its_output() -> None:
    torch.manual_seed(0)
    supernet = elastic().double().eval()
    batch, (largest, smallest) = _batch(), Sandwich(supernet, seed=0, num_random=0).draw(0)
    backward(supernet, batch, [largest, smallest], loss=functional.cross_entropy, distill=soft_cross_entropy)
    ours = [parameter.grad for parameter in supernet.parameters()]
    supernet.zero_grad()
    with selecting(largest):
        output = supernet(batch[0])
        torch.autograd.backward(functional.cross_entropy(output, batch[1]))
    with selecting(smallest):
        torch.autograd.backward(soft_cross_entropy(supernet(batch[0]), output.detach()))
    for mine, parameter in zip(ours, supernet.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad)


def test_a_step_changes_only_what_ran() -> None:
    supernet = torch.nn.Sequential(choice("first"), choice("second"))
    before = copy.deepcopy(supernet.state_dict())
    optimizer = torch.optim.SGD(supernet.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(2):
        x = images()
        step(supernet, optimizer, (x, x), [{"first": 0, "second": 1}], loss=functional.mse_loss)
    changed = {name for name, value in supernet.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"0.candidates.conv.weight", "0.candidates.conv.bias"}


def test_entries_outside_of_several_architectures_still_follow_their_moments() -> None:
    layer = ElasticLinear(4, Elastic((1, 2, 4), label="width"), bias=False)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    seen = []
    for selections in ([{"width": 2}], [{"width": 0}, {"width": 1}]):
        batch = torch.ones(2, 4), torch.zeros(())
        step(layer, optimizer, batch, selections, loss=lambda output, _: output.sum())
        seen.append((layer.weight[2:].detach().clone(), optimizer.state[layer.weight]["exp_avg"][2:].clone()))
    (before, moments), (after, decayed) = seen
    torch.testing.assert_close(decayed, 0.9 * moments)
    assert (after < before).all()


def test_a_score_is_taken_with_statistics_of_the_architecture_alone() -> None:
    supernet, x = elastic(), images(8)
    before = copy.deepcopy(supernet.state_dict())
    architecture = {"width": 4, "narrow": 3, "kernel": 3}
    scores = [
        score_of(supernet, architecture, batches=[x], metric=lambda module: module(x).sum().item())
        for _ in range(2)
    ]
    with selecting({"width": 1, "narrow": 0, "kernel": 1}):
        again = copy.deepcopy(supernet)
        recalibrate(again, [x])
        expected = again.eval()(x).sum().item()
    assert scores == [expected, expected]
    assert all(torch.equal(value, before[name]) for name, value in supernet.state_dict().items())
