"""Where each tensor of a frozen network comes from: which tensor of the supernet, and which part of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

Slices = tuple[slice, ...]
"""The part of a tensor, one slice for each axis; empty for all of it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A part of a tensor of the supernet."""

    tensor: torch.Tensor
    slices: Slices = ()


@dataclass(slots=True)
class Origins:
    """The origins of new tensors, noted while a supernet is frozen."""

    by_tensor: dict[int, Origin] = field(default_factory=dict)
    kept: list[torch.Tensor] = field(default_factory=list)
    """The new tensors, so that no other gets the identity of one."""

    def part(self, tensor: torch.Tensor, slices: Slices) -> torch.Tensor:
        """Copy a part of a tensor, and note where it comes from; a parameter's part is a parameter."""
        value = tensor.detach()[slices].clone(memory_format=torch.contiguous_format)
        if isinstance(tensor, torch.nn.Parameter):
            value = torch.nn.Parameter(value, requires_grad=tensor.requires_grad)
        self.by_tensor[id(value)] = Origin(tensor, slices)
        self.kept.append(value)
        return value
