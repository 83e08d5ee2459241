"""Least squares for one layer: which weights, near the given ones, make of its inputs what is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

Pairs = Iterator[tuple[torch.Tensor, torch.Tensor]]
"""Rows that the layer reads, and by how much its results for them fall short of what is wanted."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to be added to a layer's weights.

    Attributes:
        weight: [wanted, read], in float64.
        bias: [wanted]; zero if the layer takes none.
        num_rows: How many rows it was found on.
        before: The sum of the squared shortfalls.
        after: What remains of it.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    num_rows: int
    before: float
    after: float


def correct(pairs: Pairs, *, ridge: float, is_centred: bool) -> Correction:
    """Find the correction that leaves least of the shortfall R of rows X: R ≈ X Dᵀ + b, D near zero.

    With ridge 0, weights W[:, S] that read the entries S of x, and what W makes of all of x as what is
    wanted, it gives W C[:, S] C[S, S]⁻¹ with C = E[x xᵀ], the best that readers of S can do (He et al., 2017,
    arXiv:1707.06168, for channels). The ridge is a share of the rows' mean square: where rows are few, or
    what is read hardly varies, the weights stay as they are.

    Args:
        pairs: Rows [N, read] and their shortfalls [N, wanted], in float64, in any number of parts.
        ridge: How dear changes are.
        is_centred: Whether means are left to the bias, or to a normalization that follows.
    """
    num_rows = 0
    gram = cross = sum_x = sum_r = torch.zeros(())
    squares = 0.0
    for x, r in pairs:
        if not num_rows:
            gram, cross = x.new_zeros(x.shape[1], x.shape[1]), x.new_zeros(x.shape[1], r.shape[1])
            sum_x, sum_r = x.new_zeros(x.shape[1]), x.new_zeros(r.shape[1])
        num_rows += len(x)
        gram.addmm_(x.T, x)
        cross.addmm_(x.T, r)
        sum_x += x.sum(0)
        sum_r += r.sum(0)
        squares += float(r.square().sum())
    mean_x, mean_r = sum_x / num_rows, sum_r / num_rows
    if is_centred:
        gram.addr_(mean_x, sum_x, alpha=-1)
        cross.addr_(mean_x, sum_r, alpha=-1)
        squares -= num_rows * float(mean_r.square().sum())
    weight = _solved(gram, cross, ridge * float(gram.diagonal().mean()))
    bias = mean_r - mean_x @ weight if is_centred else torch.zeros_like(mean_r)
    gained = float((weight * (2 * cross - gram @ weight)).sum())
    return Correction(weight.T, bias, num_rows, squares, max(0.0, squares - gained))


def _solved(gram: torch.Tensor, cross: torch.Tensor, ridge: float) -> torch.Tensor:
    """The solution of (G + ridge) D = C; with ridge 0, zero along directions that were not seen."""
    if ridge > 0:
        gram = gram + ridge * torch.eye(len(gram), dtype=gram.dtype)
        return torch.cholesky_solve(cross, torch.linalg.cholesky(gram))
    sizes, directions = torch.linalg.eigh(gram)
    is_seen = sizes > sizes[-1] * len(sizes) * torch.finfo(sizes.dtype).eps
    factors = torch.where(is_seen, 1 / sizes, 0.0)
    found: torch.Tensor = directions @ (factors[:, None] * (directions.T @ cross))
    return found
