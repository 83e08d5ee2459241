"""The largest curvature of the validation loss by the architecture, and when to stop for its sake.

Zela et al. 2020, "Understanding and Robustifying Differentiable Architecture Search": searches that collapse
do so while the dominant eigenvalue of the Hessian of V by a grows, since a sharp minimum is lost by
discretising.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from heredity.errors import InputError

LEAST_ITERATIONS = 2


def dominant_eigenvalue(
    loss: Tensor,
    architecture: Sequence[Tensor],
    *,
    generator: torch.Generator,
    num_iterations: int = 50,
    tolerance: float = 1e-3,
) -> float:
    """The eigenvalue of the largest magnitude of the Hessian of a loss, by power iteration.

    Each iteration is one product of the Hessian with a vector, which is one pass backward through the graph
    of the gradient; the Hessian is never built.

    Args:
        loss: A number with its graph.
        architecture: By what it is differentiated, twice.
        generator: Draws the vector to begin with.
        num_iterations: At most so many products.
        tolerance: Ends when the estimate changes by a smaller share.

    Returns:
        The eigenvalue with its sign. 0 where the Hessian is zero.
    """
    leaves = tuple(architecture)
    gradients = torch.autograd.grad(
        loss, leaves, create_graph=True, allow_unused=True, materialize_grads=True
    )
    gradient = torch.cat([each.flatten() for each in gradients])
    if not gradient.requires_grad:
        return 0.0  # the loss is linear
    vector = torch.randn(gradient.numel(), generator=generator, dtype=torch.float64).to(gradient)
    vector /= vector.norm()
    estimate = math.inf
    for iteration in range(num_iterations):
        product = _product(gradient, leaves, vector)
        before, estimate = estimate, float(vector @ product)
        norm = product.norm()
        if norm == 0:
            return 0.0
        vector = product / norm
        if iteration >= LEAST_ITERATIONS and abs(estimate - before) <= tolerance * abs(estimate):
            break
    return estimate


def _product(gradient: Tensor, leaves: Sequence[Tensor], vector: Tensor) -> Tensor:
    parts = torch.autograd.grad(
        gradient @ vector, leaves, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return torch.cat([part.flatten() for part in parts])


@dataclass(frozen=True, slots=True)
class CurvatureRule:
    """When a search has to stop, by its eigenvalues (R-DARTS, "early stopping").

    Their magnitudes are averaged over a sliding window; the search stops when the average has grown by a
    factor against that of some measurements before, and the architecture of that earlier time is taken. The
    defaults are those of the authors' code.
    """

    window: int = 5
    delta: int = 4
    factor: float = 1.3
    from_epoch: int = 10
    every_epochs: int = 1
    """How many epochs lie between two measurements."""

    def __post_init__(self) -> None:
        if self.window < 1 or self.delta < 1 or self.every_epochs < 1:
            raise InputError(f"CurvatureRule: expected numbers from 1 on, got {self}.")

    def epoch_to_return_to(self, eigenvalues: Sequence[float]) -> int | None:
        """The epoch whose architecture is to be taken, if the search has to stop now; else None.

        Args:
            eigenvalues: One from each measurement so far, the first of them after epoch 0.
        """
        averages = _sliding_averages([abs(value) for value in eigenvalues], window=self.window)
        if len(averages) <= self.delta:
            return None
        # An average belongs to the middle of its window.
        center = len(eigenvalues) - 1 - self.window // 2
        epoch = (center - self.delta) * self.every_epochs
        has_grown = averages[-1] > self.factor * averages[-1 - self.delta]
        return epoch if epoch >= self.from_epoch and has_grown else None


def _sliding_averages(values: Sequence[float], *, window: int) -> list[float]:
    """Means of the last `window` values, from when half a window is there, as in the authors' code."""
    return [
        sum(values[max(0, end - window) : end]) / min(window, end)
        for end in range(math.ceil(window / 2), len(values) + 1)
    ]
