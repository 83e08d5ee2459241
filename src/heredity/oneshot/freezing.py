"""From a supernet and an architecture to a plain module: a deep copy of only what runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch

from heredity.errors import InputError
from heredity.oneshot.choosing import Choosing
from heredity.oneshot.origins import Origin, Origins
from heredity.oneshot.walking import Architecture, selection_of, space_of


@dataclass(frozen=True)
class Frozen:
    """A plain module, and where its tensors come from.

    Attributes:
        module: The copy.
        origins: For each name in its state dict, the name in the supernet's, and which part of that tensor.
    """

    module: torch.nn.Module
    origins: Mapping[str, tuple[str, Origin]] = field(repr=False)


def freeze(supernet: torch.nn.Module, architecture: Architecture) -> torch.nn.Module:
    """Copy what an architecture runs of a supernet, as a plain module that chooses nothing.

    It computes what the supernet computes under this selection, bit for bit, in eval and in train mode, with
    random numbers alike. Nothing is shared with the supernet.

    Args:
        supernet: Not changed.
        architecture: What is chosen, by label: a legal point of `space_of`.

    Raises:
        InputError: The architecture is no point of the supernet's space; the message says where.
    """
    return freeze_with_origins(supernet, architecture).module


def freeze_with_origins(supernet: torch.nn.Module, architecture: Architecture) -> Frozen:
    """As `freeze`, with the origin of each tensor.

    Raises:
        InputError: As there.
    """
    problems = space_of(supernet).problems(architecture)
    if problems:
        raise InputError(
            f"the architecture is none of the supernet's: {'; '.join(problems)}.",
            hint="`space_of(supernet)` says which there are.",
        )
    freezing = _Freezing(selection_of(supernet, architecture))
    module = freezing.copy(supernet)
    return Frozen(module, dict(freezing.named_origins(module, supernet)))


class _Freezing:
    """One copy in the making: modules that were copied once are shared, as they are in the supernet."""

    def __init__(self, selection: Mapping[str, int]) -> None:
        self._selection = selection
        self._memo: dict[int, object] = {}
        self._origins = Origins()

    def copy(self, module: torch.nn.Module) -> torch.nn.Module:
        for choosing in _outermost(module):
            if id(choosing) not in self._memo:
                self._memo[id(choosing)] = choosing.fixed(self._selection, self.copy, self._origins)
        copied: torch.nn.Module = copy.deepcopy(module, self._memo)
        return copied

    def named_origins(
        self, module: torch.nn.Module, supernet: torch.nn.Module
    ) -> Iterator[tuple[str, tuple[str, Origin]]]:
        names = {id(tensor): name for name, tensor in supernet.state_dict(keep_vars=True).items()}
        whole = {
            id(self._memo[id(tensor)]): Origin(tensor)
            for tensor in supernet.state_dict(keep_vars=True).values()
            if id(tensor) in self._memo
        }
        known = {**whole, **self._origins.by_tensor}
        for name, tensor in module.state_dict(keep_vars=True).items():
            origin = known.get(id(tensor))
            if origin is not None and id(origin.tensor) in names:
                yield name, (names[id(origin.tensor)], origin)


def _outermost(module: torch.nn.Module) -> Iterator[Choosing]:
    """The modules that choose and lie in no other that chooses."""
    if isinstance(module, Choosing):
        yield module
        return
    for child in module.children():
        yield from _outermost(child)
