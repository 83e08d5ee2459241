"""From a supernet and an architecture to a plain module: a deep copy of only what runs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
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


def freeze_with_origins(
    supernet: torch.nn.Module, architecture: Architecture, *, is_sharing: bool = False
) -> Frozen:
    """As `freeze`, with the origin of each tensor.

    Args:
        supernet: As there.
        architecture: As there.
        is_sharing: Whether the parameters are views of the supernet's, so that nothing is copied but buffers.
            What is changed in one is then changed in the other.

    Raises:
        InputError: As there.
    """
    problems = space_of(supernet).problems(architecture)
    if problems:
        raise InputError(
            f"the architecture is none of the supernet's: {'; '.join(problems)}.",
            hint="`space_of(supernet)` says which there are.",
        )
    freezing = _Freezing(selection_of(supernet, architecture), is_sharing=is_sharing)
    if is_sharing:
        freezing.share(supernet.parameters())
    module = freezing.copy(supernet)
    return Frozen(module, dict(freezing.named_origins(module, supernet)))


class _Freezing:
    """One copy in the making: modules that were copied once are shared, as they are in the supernet."""

    def __init__(self, selection: Mapping[str, int], *, is_sharing: bool) -> None:
        self._selection = selection
        self._memo: dict[int, object] = {}
        self._origins = Origins(is_sharing=is_sharing)

    def share(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        for parameter in parameters:
            self._memo[id(parameter)] = parameter

    def copy(self, module: torch.nn.Module) -> torch.nn.Module:
        for choosing in _outermost(module):
            if id(choosing) not in self._memo:
                self._memo[id(choosing)] = choosing.fixed(self._selection, self.copy, self._origins)
        copied: torch.nn.Module = copy.deepcopy(module, self._memo)
        return copied

    def named_origins(
        self, module: torch.nn.Module, supernet: torch.nn.Module
    ) -> Iterator[tuple[str, tuple[str, Origin]]]:
        tensors = supernet.state_dict(keep_vars=True)
        names = {id(tensor): name for name, tensor in reversed(tensors.items())}  # of tied ones the first
        whole = {id(self._memo[key]): key for key in names if key in self._memo}
        for name, tensor in module.state_dict(keep_vars=True).items():
            origin = self._origins.of(tensor)
            if origin is None and id(tensor) in whole:
                origin = Origin(tensors[names[whole[id(tensor)]]])
            if origin is not None:
                yield name, (names[id(origin.tensor)], origin)


def _outermost(module: torch.nn.Module) -> Iterator[Choosing]:
    """The modules that choose and lie in no other that chooses."""
    if isinstance(module, Choosing):
        yield module
        return
    for child in module.children():
        yield from _outermost(child)
