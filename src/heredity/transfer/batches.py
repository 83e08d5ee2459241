"""Inputs cut to the batch size that a graph was recorded with."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.utils._pytree import tree_leaves, tree_map

from heredity.transfer.tracing.trace import Inputs

_MAX_BATCHES = 8
"""Batches on which two networks are compared at most."""


def batches(inputs: Inputs, *, like: Inputs) -> list[Inputs]:
    """Cut inputs into batches of the recorded size, which a graph may hold in its views; at most eight.

    Too few rows are repeated. Inputs that differ in more than their number of rows stay as they are.
    """
    if not differ_in_batch_only(inputs, like):
        return [inputs]
    size = int(tree_leaves(like)[0].shape[0])
    num_rows = int(tree_leaves(inputs)[0].shape[0])
    starts = range(0, max(1, num_rows - size + 1), size)

    def rows(start: int) -> Inputs:
        index = torch.arange(start, start + size) % num_rows
        cut: Inputs = tree_map(lambda tensor: tensor[index.to(tensor.device)], inputs)
        return cut

    return [rows(start) for start in starts[:_MAX_BATCHES]]


def differ_in_batch_only(inputs: Inputs, like: Inputs) -> bool:
    """Whether inputs are all tensors, have the recorded structure and shapes, and one number of rows each."""
    given, recorded = tree_leaves(inputs), tree_leaves(like)
    if len(given) != len(recorded) or not all(isinstance(leaf, torch.Tensor) for leaf in given):
        return False
    if isinstance(inputs, Mapping) != isinstance(like, Mapping):
        return False
    alike = all(
        a.dim() and a.shape[1:] == b.shape[1:] and a.dtype == b.dtype
        for a, b in zip(given, recorded, strict=True)
    )
    return alike and len({len(a) for a in given}) == 1 and len({len(b) for b in recorded}) == 1
