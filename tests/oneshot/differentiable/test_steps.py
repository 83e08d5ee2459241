"""One step of a search on a supernet is the algorithm of the paper, and disturbs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import pytest
import torch
from tests.oneshot.differentiable.supernets import SmallSupernet, batch, small_search
from torch import Tensor, nn
from torch.func import functional_call

from heredity.errors import ConfigError
from heredity.oneshot import selecting
from heredity.oneshot.differentiable import ArchitectureTraining, DifferentiableSearch, SearchSettings
from heredity.oneshot.differentiable.bilevel import relative_error
from heredity.oneshot.differentiable.settings import Order

TRAIN, VALIDATION = batch(1), batch(2)


def settings(order: Order = "first", *, scale: float = 1e-3, warm_up: int = 0) -> SearchSettings:
    architecture = ArchitectureTraining(order=order, difference_scale=scale, warm_up_epochs=warm_up)
    return SearchSettings(num_epochs=4, steps_per_epoch=2, architecture=architecture)


def loss_at(
    search: DifferentiableSearch, weights: Mapping[str, Tensor], which: tuple[Tensor, Tensor]
) -> Tensor:
    """The loss as a function of weights, written down by itself."""
    with selecting(search.mixture()):
        copy = deepcopy(dict(search.supernet.named_buffers()))
        return nn.functional.cross_entropy(
            functional_call(search.supernet, {**weights, **copy}, (which[0],)), which[1]
        )


def unrolled_gradients(search: DifferentiableSearch) -> tuple[Tensor, ...]:
    """The whole derivative of the validation loss after one step of SGD, by torch's double backward."""
    weights = dict(search.supernet.named_parameters())
    gradients = torch.autograd.grad(
        loss_at(search, weights, TRAIN), list(weights.values()), create_graph=True
    )
    rate = search.settings.rate_in(search.epoch)
    ahead = {}
    for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
        momentum = search.state.slots.get_buffer(f"momentum:{name.replace('.', ':')}")
        whole = gradient + 3e-4 * weight + 0.9 * momentum
        ahead[name] = weight - rate * whole
    return torch.autograd.grad(loss_at(search, ahead, VALIDATION), list(search.state.architecture.vectors))


def test_first_order_is_the_gradient_of_the_validation_loss() -> None:
    search = small_search(settings=settings())
    weights = dict(search.supernet.named_parameters())
    expected = torch.autograd.grad(
        loss_at(search, weights, VALIDATION), list(search.state.architecture.vectors)
    )
    found = search.architecture_gradients(TRAIN, VALIDATION)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_steps", [0, 3])
def test_exact_order_is_the_double_backward_of_the_unrolled_step(num_steps: int) -> None:
    """From the start, and with a momentum."""
    search = small_search(settings=settings("exact"))
    for seed in range(num_steps):
        search.step(batch(10 + seed), batch(20 + seed))
    found = search.architecture_gradients(TRAIN, VALIDATION)
    torch.testing.assert_close(found, unrolled_gradients(search), rtol=0, atol=1e-8)


def test_second_order_with_a_small_difference_is_the_exact_gradient() -> None:
    search = small_search(settings=settings("second", scale=1e-6))
    search.step(batch(10), batch(20))
    found = search.architecture_gradients(TRAIN, VALIDATION)
    assert relative_error(found, unrolled_gradients(search)) < 1e-7


def test_the_published_difference_is_taken_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="12 to 29 % off"):
        small_search(settings=settings("second", scale=0.01))


@pytest.mark.parametrize("order", ["first", "second", "exact"])
def test_a_step_moves_the_architecture_by_adam_and_then_the_weights_by_sgd(order: Order) -> None:
    """Equal to torch's optimizers on gradients that are taken by hand."""
    search = small_search(settings=settings(order))
    twin = deepcopy(search.supernet)
    vectors = [nn.Parameter(vector.detach().clone()) for vector in search.state.architecture.vectors]
    adam = torch.optim.Adam(vectors, lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    for vector, gradient in zip(vectors, search.architecture_gradients(TRAIN, VALIDATION), strict=True):
        vector.grad = gradient
    adam.step()

    search.step(TRAIN, VALIDATION)

    torch.testing.assert_close(list(search.state.architecture.vectors), vectors, rtol=0, atol=1e-12)
    sgd = torch.optim.SGD(twin.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)
    with selecting({k: v.detach() if isinstance(v, Tensor) else v for k, v in search.mixture().items()}):
        nn.functional.cross_entropy(twin(TRAIN[0]), TRAIN[1]).backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(twin.parameters(), 5.0)
    sgd.step()
    torch.testing.assert_close(search.supernet.state_dict(), twin.state_dict(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ["first", "second", "exact"])
def test_running_statistics_see_the_training_batch_alone(order: Order) -> None:
    search, other = small_search(settings=settings(order)), small_search(settings=settings(order, warm_up=1))
    search.step(TRAIN, VALIDATION)
    other.step(TRAIN, VALIDATION)  # in its warm-up: makes no pass for the architecture
    counts = {name: int(value) for name, value in search.supernet.named_buffers() if "num_batches" in name}
    assert set(counts.values()) == {1}
    # The architectures differ by one step of Adam, so that the statistics are near and not equal.
    for (name, one), (_, two) in zip(
        search.supernet.named_buffers(), other.supernet.named_buffers(), strict=True
    ):
        torch.testing.assert_close(one, two, rtol=1e-2, atol=1e-3, msg=name)


def test_the_warm_up_leaves_the_architecture_as_it_is() -> None:
    search = small_search(settings=settings(warm_up=1))
    before = search.state.architecture.flat()
    losses = [search.step(TRAIN, VALIDATION) for _ in range(2)]
    assert torch.equal(search.state.architecture.flat(), before)
    assert all(loss.validation is None for loss in losses)
    assert search.step(TRAIN, VALIDATION).validation is not None
    assert not torch.equal(search.state.architecture.flat(), before)


def test_looking_at_gradients_changes_nothing() -> None:
    search = small_search(settings=settings("exact"), supernet=SmallSupernet(dropout=0.5))
    before = deepcopy(search.state.state_dict())
    outside = torch.get_rng_state()
    search.architecture_gradients(TRAIN, VALIDATION)
    search.dominant_eigenvalue(VALIDATION)
    torch.testing.assert_close(search.state.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), outside)


def test_a_step_leaves_torchs_generator_as_it_was() -> None:
    search = small_search(settings=settings(), supernet=SmallSupernet(dropout=0.5))
    outside = torch.get_rng_state()
    search.step(TRAIN, VALIDATION)
    assert torch.equal(torch.get_rng_state(), outside)


def test_a_warm_up_that_leaves_no_epoch_is_refused() -> None:
    with pytest.raises(ConfigError, match="warm_up_epochs: expected 0 to 3, got 4"):
        settings(warm_up=4)


def test_the_learning_rate_falls_by_a_cosine_from_epoch_to_epoch() -> None:
    chosen = SearchSettings(num_epochs=50, steps_per_epoch=1)
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.025)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50, eta_min=0.001)
    for epoch in range(50):
        assert chosen.rate_in(epoch) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
