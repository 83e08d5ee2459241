"""Parts of parameters: what a sub-network reads of a larger tensor, with gradients and updates of its size.

Autograd gives a slice's gradient the size of the whole tensor, filled with zeros, and the optimizer then
walks all of it: for a small sub-network of a large supernet that costs more than its own training. Within
`separate_parts` each part is a leaf of its own. It shares the whole's memory, unless its entries lie in short
runs, as those of a kernel's centre do: then it is a copy, which is written back after the step, since
elementwise operations on such a part take 12 times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeGuard

import torch

from heredity.errors import InputError

if TYPE_CHECKING:
    from heredity.oneshot.origins import Slices

_SHORT_RUN = 16
"""Parts whose entries lie in shorter runs are copied."""

_MOST_KEPT, _MOST_COPIED = 10_000, 4_000_000
"""How many parts are kept for the next time, and how many entries the copies among them may have."""

Key = tuple[int | None, ...]
"""A parameter's identity, and where the part begins and ends along each axis."""


class Part:
    """A part of a parameter, as a leaf of its own.

    Args:
        parameter: The whole.
        slices: Which part.
    """

    __slots__ = (
        "_address",
        "is_copy",
        "leaf",
        "lent",
        "parameter",
        "place",
        "places",
        "slices",
        "slots",
        "values",
    )

    def __init__(self, parameter: torch.Tensor, slices: Slices) -> None:
        self.parameter = parameter
        self.slices = slices
        self.place = parameter.detach()[slices]
        self.is_copy = _run_length(self.place) < _SHORT_RUN
        self.values = self.place.contiguous() if self.is_copy else self.place
        self.leaf = self.values.detach().requires_grad_(parameter.requires_grad)
        self.slots: dict[str, object] = {}
        self.lent: dict[str, Any] = {}  # Any: tensors, and whatever else an optimizer keeps
        self.places: dict[str, torch.Tensor] = {}
        self._address = parameter.data_ptr()

    def is_of(self, parameter: torch.Tensor) -> bool:
        """Whether it stands for this parameter, and the parameter is still where it was."""
        return self.parameter is parameter and self._address == parameter.data_ptr()

    def read(self) -> None:
        """Take the values anew, if it has its own."""
        if self.is_copy:
            self.values.copy_(self.place)

    def lend(self, optimizer: torch.optim.Optimizer) -> None:
        """Give the leaf the same part of the parameter's slots as its own."""
        slots = optimizer.state.get(self.parameter, {})
        for name, value in slots.items():
            if self.slots.get(name) is not value:
                self._borrow(name, value)
            elif self.is_copy and (place := self.places.get(name)) is not None:
                self.lent[name].copy_(place)
        if slots:
            optimizer.state[self.leaf] = {name: self.lent[name] for name in slots}

    def take_back(self, optimizer: torch.optim.Optimizer) -> None:
        """Put the slots where they belong; what the optimizer has changed in place is there already."""
        state = optimizer.state[self.parameter]
        for name, value in optimizer.state.pop(self.leaf, {}).items():
            if name in self.lent and value is self.lent[name]:
                if self.is_copy and (place := self.places.get(name)) is not None:
                    place.copy_(value)
            elif _is_by_entry(value, self.leaf):
                if state.get(name) is None:
                    state[name] = torch.zeros_like(self.parameter, dtype=value.dtype)
                state[name][self.slices].copy_(value)
            else:
                state[name] = value

    def write_back(self) -> None:
        """Put the new values where they belong, if they are not there."""
        if self.is_copy:
            self.place.copy_(self.values)

    def _borrow(self, name: str, value: object) -> None:
        """Note a slot of the parameter, and where its part is; it is asked for again at each step."""
        self.slots[name] = self.lent[name] = value
        self.places.pop(name, None)
        if _is_by_entry(value, self.parameter):
            self.places[name] = place = value.detach()[self.slices]
            self.lent[name] = place.contiguous() if self.is_copy else place


class Parts:
    """The parts that were read since they were opened, each once; kept for the next time.

    An optimizer's step with parts is in place of its own. `separate_parts` opens them.
    """

    def __init__(self) -> None:
        self._kept: dict[Key, Part] = {}
        self._read: dict[Key, Part] = {}
        self._num_copied = 0

    def of(self, parameter: torch.Tensor, slices: Slices) -> torch.Tensor:
        """The leaf that stands for a part of a parameter."""
        key = id(parameter), *[end for each in slices for end in (each.start, each.stop)]
        part = self._read.get(key)
        if part is None:
            part = self._kept.get(key)
            if part is None or not part.is_of(parameter):
                part = self._kept[key] = Part(parameter, slices)
                self._num_copied += part.values.numel() if part.is_copy else 0
            else:
                part.read()
            self._read[key] = part
        return part.leaf

    def __iter__(self) -> Iterator[Part]:
        return iter(self._read.values())

    def __len__(self) -> int:
        return len(self._read)

    def accumulate(self) -> None:
        """Add the parts' gradients to the whole parameters' own, as autograd would have; then forget them."""
        for part in self:
            if part.leaf.grad is None:
                continue
            if part.parameter.grad is None:
                part.parameter.grad = torch.zeros_like(part.parameter)
            part.parameter.grad[part.slices] += part.leaf.grad
        self.forget()

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Let an optimizer update the parts and the whole parameters that have gradients; then forget them.

        A part's moments are the same part of the whole's, and what lies outside of a part stays as it is:
        neither momentum nor weight decay touches what did not run. Counts of steps are of the parameter.

        Raises:
            InputError: A parameter was read in two parts, or as a whole too.
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
        self.forget()

    def forget(self) -> None:
        """Forget what was read, and its gradients."""
        for part in self._read.values():
            part.leaf.grad = None
        if len(self._kept) > _MOST_KEPT or self._num_copied > _MOST_COPIED:
            self._kept, self._num_copied = {}, 0
        self._read = {}


_OPEN: ContextVar[Parts | None] = ContextVar("parts", default=None)


@contextmanager
def separate_parts(parts: Parts | None = None) -> Iterator[Parts]:
    """Give the parts that elastic layers read in this context gradients of their own size.

    Example:
        >>> import torch
        >>> from heredity.oneshot import Elastic, ElasticLinear, selecting, separate_parts
        >>> layer = ElasticLinear(64, Elastic((8, 512), label="width"))
        >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        >>> with separate_parts() as parts, selecting({"width": 0}):
        ...     layer(torch.ones(2, 64)).sum().backward()
        >>> parts.step(optimizer)  # in place of optimizer.step()

    Args:
        parts: Those of the step before, which are then used again. None for new ones.
    """
    parts = Parts() if parts is None else parts
    parts.forget()
    token = _OPEN.set(parts)
    try:
        yield parts
    finally:
        _OPEN.reset(token)


def part_of(parameter: torch.Tensor, slices: Slices) -> torch.Tensor:
    """A part of a parameter as a layer computes with it; the parameter itself if it is all of it.

    No copy is made: a call on a slice costs 3 us more than one on the whole, `contiguous` 80 for a large one.
    """
    for each, size in zip(slices, parameter.shape, strict=True):
        if each.start or each.stop != size:
            break
    else:
        return parameter
    parts = _OPEN.get()
    return parameter[slices] if parts is None else parts.of(parameter, slices)


def _step(optimizer: torch.optim.Optimizer, parts: dict[int, Part]) -> None:
    """One step, in which leaves stand in the place of their parameters."""
    groups = [list(group["params"]) for group in optimizer.param_groups]
    own = {id(parameter) for group in groups for parameter in group}
    parts = {key: part for key, part in parts.items() if key in own}
    try:
        for group, parameters in zip(optimizer.param_groups, groups, strict=True):
            group["params"] = [
                parts[id(one)].leaf if id(one) in parts else one
                for one in parameters
                if id(one) in parts or one.grad is not None
            ]
        for part in parts.values():
            part.lend(optimizer)
        optimizer.step()
    finally:
        for group, parameters in zip(optimizer.param_groups, groups, strict=True):
            group["params"] = parameters
        for part in parts.values():
            part.take_back(optimizer)
    for part in parts.values():
        part.write_back()


def _is_by_entry(value: object, parameter: torch.Tensor) -> TypeGuard[torch.Tensor]:
    return isinstance(value, torch.Tensor) and value.shape == parameter.shape and value.dim() > 0


def _run_length(view: torch.Tensor) -> int:
    """How many entries lie beside one another in memory; many if they all do."""
    length = 1
    for size, stride in zip(reversed(view.shape), reversed(view.stride()), strict=True):
        if stride != length and size != 1:
            return length
        length *= size
    return max(length, _SHORT_RUN)
