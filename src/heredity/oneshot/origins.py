"""Where each tensor of a frozen network comes from: which tensor of the supernet, and which part of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

Slices = tuple[slice, ...]
"""The part of a tensor, one slice for each axis; empty for all of it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A part of a tensor of the supernet."""

    tensor: torch.Tensor
    slices: Slices = ()


class Origins:
    """The origins of new tensors, noted while a supernet is frozen; one part is made once, so that ties stay.

    Args:
        is_sharing: Whether parameters are to share the supernet's memory. Buffers never do.
    """

    def __init__(self, *, is_sharing: bool = False) -> None:
        self._is_sharing = is_sharing
        self._made: dict[tuple[int, str], torch.Tensor] = {}
        self._origins: dict[int, Origin] = {}

    def parameter(self, tensor: torch.Tensor, slices: Slices) -> torch.nn.Parameter:
        """A parameter that is a part of the supernet's."""
        known = self._made.get((id(tensor), str(slices)))
        if isinstance(known, torch.nn.Parameter):
            return known
        view = tensor.detach()[slices]
        value = view if self._is_sharing else view.clone(memory_format=torch.contiguous_format)
        parameter = torch.nn.Parameter(value, requires_grad=tensor.requires_grad)
        self._note(parameter, tensor, slices)
        return parameter

    def buffer(self, tensor: torch.Tensor, slices: Slices) -> torch.Tensor:
        """A buffer that is a copy of a part of the supernet's."""
        value = tensor.detach()[slices].clone(memory_format=torch.contiguous_format)
        self._note(value, tensor, slices)
        return value

    def of(self, tensor: torch.Tensor) -> Origin | None:
        """Where a tensor comes from, if it was made here."""
        return self._origins.get(id(tensor))

    def _note(self, value: torch.Tensor, tensor: torch.Tensor, slices: Slices) -> None:
        self._made[id(tensor), str(slices)] = value  # which keeps it, so that no other gets its identity
        self._origins[id(value)] = Origin(tensor, slices)
