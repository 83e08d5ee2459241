"""The gradients by the architecture are those of the paper, computed another way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from heredity.oneshot.differentiable.bilevel import (
    Bilevel,
    WeightStep,
    exact,
    finite_difference,
    first_order,
    relative_error,
)

RATE, MOMENTUM, DECAY = 0.1, 0.9, 3e-4


@pytest.fixture
def problem() -> Bilevel:
    """Two smooth losses of a two-layer network whose hidden units are weighed by the architecture."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    train, validation = (normal(8, 3), normal(8)), (normal(8, 3), normal(8))
    architecture = (normal(4).requires_grad_(),)
    weights = (normal(3, 4).requires_grad_(), normal(4).requires_grad_())

    def loss(x: Tensor, y: Tensor, weights: Sequence[Tensor]) -> Tensor:
        hidden = torch.tanh(x @ weights[0]) * architecture[0].softmax(dim=0)
        return ((hidden @ weights[1] - y) ** 2).mean()

    return Bilevel(
        train=lambda weights: loss(*train, weights),
        validation=lambda weights: loss(*validation, weights),
        weights=weights,
        architecture=architecture,
    )


@pytest.fixture
def step(problem: Bilevel) -> WeightStep:
    buffers = tuple(torch.full_like(weight, 0.01) for weight in problem.weights)
    return WeightStep(rate=RATE, momentum=MOMENTUM, weight_decay=DECAY, buffers=buffers)


def unrolled(problem: Bilevel) -> Tensor:
    """V(w'(a), a), written down by itself: what exact differentiates."""
    gradients = torch.autograd.grad(problem.train(problem.weights), problem.weights, create_graph=True)
    ahead = [
        w - RATE * (MOMENTUM * 0.01 + g + DECAY * w) for w, g in zip(problem.weights, gradients, strict=True)
    ]
    return problem.validation(ahead)


def test_first_order_is_the_gradient_at_the_present_weights(problem: Bilevel) -> None:
    [expected] = torch.autograd.grad(problem.validation(problem.weights), problem.architecture)
    torch.testing.assert_close(first_order(problem)[0], expected, rtol=0, atol=1e-12)


def test_exact_is_the_double_backward_of_the_unrolled_step(problem: Bilevel, step: WeightStep) -> None:
    [expected] = torch.autograd.grad(unrolled(problem), problem.architecture)
    torch.testing.assert_close(exact(problem, step)[0], expected, rtol=0, atol=1e-12)


def test_exact_is_the_slope_of_the_unrolled_loss(problem: Bilevel, step: WeightStep) -> None:
    """Against values alone: the loss is computed at architectures a little to both sides."""
    [architecture], slopes = problem.architecture, []
    for i in range(len(architecture)):
        sides = []
        for distance in (1e-6, -1e-6):
            with torch.no_grad():
                architecture[i] += distance
            sides.append(float(unrolled(problem).detach()))
            with torch.no_grad():
                architecture[i] -= distance
        slopes.append((sides[0] - sides[1]) / 2e-6)
    torch.testing.assert_close(
        exact(problem, step)[0], torch.tensor(slopes, dtype=torch.float64), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("scale", [0.01, 1e-6])
def test_the_finite_difference_is_the_published_formula(
    problem: Bilevel, step: WeightStep, scale: float
) -> None:
    """Equations 7 and 8, with a difference of the same step, written down with weights that are changed."""
    w = [weight.detach().clone() for weight in problem.weights]
    gradients = torch.autograd.grad(problem.train(problem.weights), problem.weights)
    ahead = [
        (a - RATE * (MOMENTUM * 0.01 + g + DECAY * a)).requires_grad_()
        for a, g in zip(w, gradients, strict=True)
    ]
    *v, direct = torch.autograd.grad(problem.validation(ahead), [*ahead, *problem.architecture])
    epsilon = scale / torch.cat([each.flatten() for each in v]).norm()
    sides = []
    for sign in (1, -1):
        moved = [a + sign * epsilon * b for a, b in zip(w, v, strict=True)]
        sides.append(torch.autograd.grad(problem.train(moved), problem.architecture)[0])
    expected = direct - RATE * (sides[0] - sides[1]) / (2 * epsilon)
    torch.testing.assert_close(finite_difference(problem, step, scale=scale)[0], expected, rtol=0, atol=1e-8)


def test_a_small_difference_comes_to_the_exact_gradient(problem: Bilevel, step: WeightStep) -> None:
    reference = exact(problem, step)
    assert relative_error(finite_difference(problem, step, scale=1e-5), reference) < 1e-8
    assert relative_error(first_order(problem), reference) > 1e-3


def test_without_a_rate_all_orders_are_the_first(problem: Bilevel) -> None:
    still = WeightStep(rate=0.0)
    for gradients in (exact(problem, still), finite_difference(problem, still)):
        torch.testing.assert_close(gradients, first_order(problem), rtol=0, atol=1e-12)


def test_no_order_changes_a_weight_or_leaves_a_gradient(problem: Bilevel, step: WeightStep) -> None:
    before = [weight.detach().clone() for weight in problem.weights]
    first_order(problem), finite_difference(problem, step), exact(problem, step)
    assert all(torch.equal(one, other) for one, other in zip(before, problem.weights, strict=True))
    assert all(tensor.grad is None for tensor in (*problem.weights, *problem.architecture))


def test_a_validation_loss_that_no_weight_moves_needs_no_difference(
    step: WeightStep, problem: Bilevel
) -> None:
    alone = Bilevel(
        train=problem.train,
        validation=lambda weights: (problem.architecture[0] ** 2).sum() + 0 * weights[0].sum(),
        weights=problem.weights,
        architecture=problem.architecture,
    )
    torch.testing.assert_close(finite_difference(alone, step)[0], 2 * problem.architecture[0].detach())
