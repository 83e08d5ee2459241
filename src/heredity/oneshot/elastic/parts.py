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
from heredity.oneshot.elastic.copies import Copy, lies_apart
from heredity.oneshot.elastic.sizes import centred

if TYPE_CHECKING:
    from heredity.oneshot.origins import Slices

_MOST_KEPT, _MOST_COPIED = 10_000, 4_000_000
"""How many parts are kept for the next time, and how many entries the copies among them may have."""

Sizes = tuple[int, ...]
"""How long a part is along each axis; they say which part it is, see `slices_of`."""

Key = tuple[int, Sizes]
"""A parameter's identity, and how long the part is."""


class Part:
    """A part of a parameter, as a leaf of its own.

    Args:
        parameter: The whole.
        slices: Which part.
        is_copied: Whether it is to have its own memory in any case.
    """

    __slots__ = ("_address", "_copies", "_copy", "_lent", "_slots", "leaf", "parameter", "slices")

    def __init__(self, parameter: torch.Tensor, slices: Slices, *, is_copied: bool = False) -> None:
        self.parameter = parameter
        self.slices = slices
        view = parameter.detach()[slices]
        is_trained = parameter.requires_grad  # a copy of what is not would never be written back
        self._copy = Copy(parameter, slices) if is_copied or (is_trained and lies_apart(view)) else None
        values = view if self._copy is None else self._copy.values
        self.leaf = values.detach().requires_grad_(parameter.requires_grad)
        self._slots: dict[str, object] = {}
        self._lent: dict[str, Any] = {}  # Any: tensors, and whatever else an optimizer keeps
        self._copies: dict[str, Copy] = {}
        self._address = parameter.data_ptr()

    @property
    def num_copied(self) -> int:
        """How many entries its copy has."""
        return 0 if self._copy is None else self.leaf.numel()

    def is_of(self, parameter: torch.Tensor) -> bool:
        """Whether it stands for this parameter, and the parameter is still where it was."""
        return self.parameter is parameter and self._address == parameter.data_ptr()

    def read(self) -> None:
        """Take the values anew, if it has its own."""
        if self._copy is not None:
            self._copy.read()

    def lend(self, optimizer: torch.optim.Optimizer) -> None:
        """Give the leaf the same part of the parameter's slots as its own."""
        slots = optimizer.state.get(self.parameter)
        if not slots:
            return
        for name, value in slots.items():
            if self._slots.get(name) is not value:
                self._borrow(name, value)
            elif name in self._copies:
                self._copies[name].read()
        optimizer.state[self.leaf] = {name: self._lent[name] for name in slots}

    def take_back(self, optimizer: torch.optim.Optimizer) -> None:
        """Put the slots where they belong; what the optimizer has changed in place is there already."""
        state = optimizer.state[self.parameter]
        for name, value in optimizer.state.pop(self.leaf, {}).items():
            if name in self._lent and value is self._lent[name]:
                if name in self._copies:
                    self._copies[name].write()
            elif _is_by_entry(value, self.leaf):
                if state.get(name) is None:
                    state[name] = torch.zeros_like(self.parameter, dtype=value.dtype)
                state[name][self.slices].copy_(value)
            else:
                state[name] = value

    def write_back(self) -> None:
        """Put the new values where they belong, if they are not there."""
        if self._copy is not None:
            self._copy.write()

    def _borrow(self, name: str, value: object) -> None:
        """Note a slot of the parameter, and where its part is; it is asked for again at each step."""
        self._slots[name] = self._lent[name] = value
        self._copies.pop(name, None)
        if not _is_by_entry(value, self.parameter):
            return
        if self._copy is None:
            self._lent[name] = value.detach()[self.slices]
        else:
            self._copies[name] = copy = Copy(value, self.slices)
            self._lent[name] = copy.values


class Parts:
    """The parts that were read since they were opened, each once; kept for the next time.

    An optimizer's step with parts is in place of its own. `separate_parts` opens them.
    """

    def __init__(self) -> None:
        self._kept: dict[Key, Part] = {}
        self._dense: dict[Key, Part] = {}
        self._read: dict[Key, Part] = {}
        self._num_copied = 0

    def of(self, parameter: torch.Tensor, sizes: Sizes) -> torch.Tensor:
        """The leaf that stands for a part of a parameter."""
        key = id(parameter), sizes
        part = self._read.get(key)
        if part is None:
            part = self._read[key] = self._fresh(self._kept, key, parameter, is_copied=False)
        return part.leaf

    def _fresh(self, kept: dict[Key, Part], key: Key, parameter: torch.Tensor, *, is_copied: bool) -> Part:
        """A part with the values of now, the one that was kept if it will do."""
        part = kept.get(key)
        if part is not None and part.is_of(parameter):
            part.read()
            return part
        part = kept[key] = Part(parameter, slices_of(parameter, key[1]), is_copied=is_copied)
        self._num_copied += part.num_copied
        return part

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
        neither momentum nor weight decay touches what did not run. Counts of steps are of the parameter: Adam
        corrects the moments of an entry that seldom ran as if it had run whenever any part did.

        Raises:
            InputError: A parameter was read in two parts, or as a whole too.
        """
        found: dict[int, tuple[Key, Part]] = {}
        for key, part in self._read.items():
            if part.leaf.grad is None:
                continue
            if id(part.parameter) in found or part.parameter.grad is not None:
                raise InputError(
                    "one parameter was read in two parts in one step.",
                    hint="Use `accumulate`, and let the optimizer step as always.",
                )
            found[id(part.parameter)] = key, part
        is_fused = any(group.get("fused") for group in optimizer.param_groups)
        _step(
            optimizer,
            {
                parameter: self._without_gaps(key, part) if is_fused else part
                for parameter, (key, part) in found.items()
            },
        )
        self.forget()

    def _without_gaps(self, key: Key, part: Part) -> Part:
        """The part, or a copy that takes over its gradient if its entries have gaps.

        torch 2.13's fused kernels go along memory, and would change the entries between. A forward still
        reads the part itself: rounding hangs on strides, and has to be the same whichever the optimizer.
        """
        if part.leaf.is_contiguous():
            return part
        dense = self._fresh(self._dense, key, part.parameter, is_copied=True)
        dense.leaf.grad, part.leaf.grad = part.leaf.grad, None
        return dense

    def forget(self) -> None:
        """Forget what was read, and its gradients."""
        for key, part in self._read.items():
            part.leaf.grad = None
            if (dense := self._dense.get(key)) is not None:
                dense.leaf.grad = None
        if len(self._kept) > _MOST_KEPT or self._num_copied > _MOST_COPIED:
            self._kept, self._dense, self._num_copied = {}, {}, 0
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


def part_of(parameter: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    """A part of a parameter as a layer computes with it; the parameter itself if it is all of it.

    No copy is made: a call on a slice costs 3 us more than one on the whole, `contiguous` 80 for a large one.

    Args:
        parameter: The whole, or a buffer.
        sizes: How long the part is along each axis, see `slices_of`.
    """
    if sizes == parameter.shape:
        return parameter
    parts = _OPEN.get()
    return parameter[slices_of(parameter, sizes)] if parts is None else parts.of(parameter, sizes)


def slices_of(parameter: torch.Tensor, sizes: Sizes) -> Slices:
    """Which part it is: the first channels along the first two axes, the centre along those of a kernel."""
    channels = tuple(slice(size) for size in sizes[:2])
    kernel = zip(sizes[2:], parameter.shape[2:], strict=True)
    return *channels, *(centred(size, within=whole) for size, whole in kernel)


def _step(optimizer: torch.optim.Optimizer, parts: dict[int, Part]) -> None:
    """One step, in which leaves stand in the place of their parameters."""
    groups = [group["params"] for group in optimizer.param_groups]
    lent = []
    try:
        for group, parameters in zip(optimizer.param_groups, groups, strict=True):
            group["params"] = leaves = []
            for parameter in parameters:
                if (part := parts.get(id(parameter))) is not None:
                    part.lend(optimizer)
                    lent.append(part)
                    leaves.append(part.leaf)
                elif parameter.grad is not None:
                    leaves.append(parameter)
        optimizer.step()
    finally:
        for group, parameters in zip(optimizer.param_groups, groups, strict=True):
            group["params"] = parameters
        for part in lent:
            part.take_back(optimizer)
    for part in lent:
        part.write_back()


def _is_by_entry(value: object, parameter: torch.Tensor) -> TypeGuard[torch.Tensor]:
    return isinstance(value, torch.Tensor) and value.shape == parameter.shape and value.dim() > 0
