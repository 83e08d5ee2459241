"""Which tensors are a module's output."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.utils._pytree import tree_leaves


def output_tensors(result: object) -> tuple[torch.Tensor, ...]:
    """The tensors of a plain container; of an object, such as those of Hugging Face, only the first."""
    if type(result) in {tuple, list, dict}:
        return tuple(_tensors(result))
    return tuple(_tensors(result)[:1])


def _tensors(result: object) -> list[torch.Tensor]:
    leaves = tree_leaves(result)
    found = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    if found or not leaves or leaves[0] is not result:
        return found
    # An object that torch does not know how to take apart.
    parts = result.values() if isinstance(result, Mapping) else vars(result).values()
    return [part for part in parts if isinstance(part, torch.Tensor)]
