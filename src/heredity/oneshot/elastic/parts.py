"""Parts of parameters: what a sub-network reads of a larger tensor, with gradients and updates of its size.

Autograd gives a slice's gradient the size of the whole tensor, filled with zeros, and the optimizer then
walks all of it: for a small sub-network of a large supernet that costs more than its own training. Within
`separate_parts` each part is a leaf of its own that shares the whole's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import torch

from heredity.errors import InputError

if TYPE_CHECKING:
    from heredity.oneshot.origins import Slices

Key = tuple[int, tuple[int, ...]]
"""A parameter's identity, and where the part begins and ends along each axis."""


class Parts:
    """The parts that were read since they were opened, each once."""

    def __init__(self) -> None:
        self._parts: dict[Key, Part] = {}

    def of(self, parameter: torch.Tensor, slices: Slices) -> torch.Tensor:
        """The leaf that stands for a part of a parameter."""
        key = id(parameter), tuple(end for each in slices for end in (each.start or 0, each.stop))
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = Part(parameter, slices)
        return part.leaf

    def __iter__(self) -> Iterator[Part]:
        return iter(self._parts.values())

    def __len__(self) -> int:
        return len(self._parts)

    def accumulate(self) -> None:
        """Add the parts' gradients to the whole parameters' own, as autograd would have; then forget them."""
        for part in self:
            if part.leaf.grad is None:
                continue
            if part.parameter.grad is None:
                part.parameter.grad = torch.zeros_like(part.parameter)
            part.parameter.grad[part.slices] += part.leaf.grad
        self._parts = {}

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Let an optimizer update the parts and the whole parameters that have gradients; forget the parts.

        A part's moments are the same part of the whole's, and what lies outside of a part stays as it is:
        neither momentum nor weight decay touches what did not run. Counts of steps are of the parameter.

        Raises:
            InputError: A parameter has two parts that overlap, or a gradient of its own beside a part's; or
                the optimizer has no state by parameter.
        """
        found: dict[int, Part] = {}
        for part in self:
            if part.leaf.grad is None:
                continue
            if id(part.parameter) in found or part.parameter.grad is not None:
                raise InputError(
                    "one parameter was read in two parts in one step.",
                    hint="Use `accumulate`, and let the optimizer step as always.",
                )
            found[id(part.parameter)] = part
        _step(optimizer, found)
        self._parts = {}


class Part:
    """A part of a parameter, as a leaf that shares its memory."""

    __slots__ = ("leaf", "parameter", "slices")

    def __init__(self, parameter: torch.Tensor, slices: Slices) -> None:
        self.parameter = parameter
        self.slices = slices
        self.leaf = parameter.detach()[slices].requires_grad_(parameter.requires_grad)


_OPEN: ContextVar[Parts | None] = ContextVar("parts", default=None)


@contextmanager
def separate_parts() -> Iterator[Parts]:
    """Give the parts that elastic layers read in this context gradients of their own size.

    Example:
        >>> import torch
        >>> from heredity.oneshot import Elastic, ElasticLinear, selecting, separate_parts
        >>> layer = ElasticLinear(64, Elastic((8, 512), label="width"))
        >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        >>> with separate_parts() as parts, selecting({"width": 0}):
        ...     layer(torch.ones(2, 64)).sum().backward()
        >>> parts.step(optimizer)  # in place of optimizer.step()
    """
    parts = Parts()
    token = _OPEN.set(parts)
    try:
        yield parts
    finally:
        _OPEN.reset(token)


def part_of(parameter: torch.Tensor, slices: Slices) -> torch.Tensor:
    """A part of a parameter as a layer computes with it; the parameter itself if it is all of it.

    No copy is made: a call on a slice costs 3 us more than one on the whole, `contiguous` 80 for a large one.
    """
    if all(each.stop - (each.start or 0) == size for each, size in zip(slices, parameter.shape, strict=True)):
        return parameter
    parts = _OPEN.get()
    return parameter[slices] if parts is None else parts.of(parameter, slices)


def _step(optimizer: torch.optim.Optimizer, parts: dict[int, Part]) -> None:
    """One step, in which leaves stand in the place of their parameters."""
    groups = [list(group["params"]) for group in optimizer.param_groups]
    own = {id(parameter) for group in groups for parameter in group}
    try:
        for group, parameters in zip(optimizer.param_groups, groups, strict=True):
            group["params"] = [parts[id(one)].leaf if id(one) in parts else one for one in parameters]
        for key, part in parts.items():
            if key in own:
                _lend_state(optimizer, part)
        optimizer.step()
    finally:
        for group, parameters in zip(optimizer.param_groups, groups, strict=True):
            group["params"] = parameters
        for key, part in parts.items():
            if key in own:
                _take_state_back(optimizer, part)


def _lend_state(optimizer: torch.optim.Optimizer, part: Part) -> None:
    state = optimizer.state.get(part.parameter)
    if state:
        optimizer.state[part.leaf] = {
            name: value[part.slices] if _is_by_entry(value, part.parameter) else value
            for name, value in state.items()
        }


def _take_state_back(optimizer: torch.optim.Optimizer, part: Part) -> None:
    """Put the part's slots where they belong; what the optimizer changed in place is there already."""
    lent = optimizer.state.pop(part.leaf, None)
    if not lent:
        return
    state = optimizer.state[part.parameter]
    for name, value in lent.items():
        if not _is_by_entry(value, part.leaf):
            state[name] = value
            continue
        whole = state.get(name)
        if whole is None:
            whole = state[name] = torch.zeros_like(part.parameter, dtype=value.dtype)
        place = whole[part.slices]
        if place.data_ptr() != value.data_ptr() or place.stride() != value.stride():
            place.copy_(value)


def _is_by_entry(value: object, parameter: torch.Tensor) -> bool:
    return isinstance(value, torch.Tensor) and value.shape == parameter.shape and value.dim() > 0
