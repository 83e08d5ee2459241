"""`Choice` and `InputChoice`: one of several modules, and some of several inputs."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from heredity.errors import InputError
from heredity.oneshot.choosing import ChoicePoint, Choosing, Condition, Copy, Kind
from heredity.oneshot.selection import Weighted, position, selected

if TYPE_CHECKING:
    from heredity.oneshot.origins import Origins


class Choice(Choosing):
    """One of several modules; a mixture adds all, each times its weight (Liu et al. 2019, DARTS).

    Args:
        candidates: The modules by name, or in order, which then have the names ``"0"``, ``"1"`` and so on.
        label: The decision's name; choices with one label decide alike.
        mixed_only: Names of candidates that take part in mixtures only, such as DARTS' ``none``.

    Raises:
        InputError: There is no candidate that can be chosen, or a name is unknown.
    """

    def __init__(
        self,
        candidates: Mapping[str, torch.nn.Module] | Sequence[torch.nn.Module],
        *,
        label: str,
        mixed_only: Collection[str] = (),
    ) -> None:
        super().__init__()
        named = candidates if isinstance(candidates, Mapping) else dict(enumerate_as_names(candidates))
        unknown = set(mixed_only) - set(named)
        if unknown:
            raise InputError(f"{label}: mixed_only: expected names of candidates, got {min(unknown)!r}.")
        self.candidates = torch.nn.ModuleDict(named)
        numbers = frozenset(number for number, name in enumerate(named) if name in mixed_only)
        self._point = ChoicePoint(label, Kind.MODULE, tuple(named), len(named), numbers)
        self._label = label

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Run the one that is selected, or mix all."""
        chosen = selected(self._label)
        modules = list(self.candidates.values())
        if isinstance(chosen, torch.Tensor):
            return mixed(chosen, (module(*inputs) for module in modules), label=self._label, num=len(modules))
        if isinstance(chosen, Weighted):
            weighted: torch.Tensor = chosen.weight * modules[chosen.position](*inputs)
            return weighted
        output: torch.Tensor = modules[chosen](*inputs)
        return output

    def points(self) -> Iterator[ChoicePoint]:
        """See `Choosing.points`."""
        yield self._point

    def branches(self) -> Iterator[tuple[torch.nn.Module, tuple[Condition, ...]]]:
        """See `Choosing.branches`."""
        for number, module in enumerate(self.candidates.values()):
            yield module, (Condition(self._label, (number,)),)

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:  # noqa: ARG002  # it has no tensors
        """See `Choosing.fixed`: the candidate alone."""
        return copy(list(self.candidates.values())[selection[self._label]])


class InputChoice(Choosing):
    """Some of several inputs, added; a mixture adds all, each times its weight.

    It takes its inputs as one sequence. What is not chosen need not be computed: a `Cell` gives only the
    others, as `chosen` names them.

    Args:
        num_candidates: How many inputs there are.
        num_chosen: How many of them are chosen.
        label: The decision's name.

    Raises:
        InputError: More are to be chosen than there are.
    """

    def __init__(self, num_candidates: int, num_chosen: int = 1, *, label: str) -> None:
        super().__init__()
        if not 1 <= num_chosen <= num_candidates:
            raise InputError(
                f"{label}: num_chosen: expected 1 to num_candidates = {num_candidates}, got {num_chosen}."
            )
        self.combinations = tuple(itertools.combinations(range(num_candidates), num_chosen))
        values = tuple(list(combination) for combination in self.combinations)
        self._point = ChoicePoint(label, Kind.INPUTS, values, num_candidates)
        self._label = label

    @property
    def num_candidates(self) -> int:
        """How many inputs there are."""
        return self._point.num_weights

    def chosen(self) -> tuple[int, ...] | torch.Tensor:
        """The numbers of the inputs that are selected, or the weights of all."""
        chosen = selected(self._label)
        return chosen if isinstance(chosen, torch.Tensor) else self.combinations[position(self._label)]

    def forward(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Add those that are selected, or mix all."""
        chosen = self.chosen()
        if isinstance(chosen, torch.Tensor):
            return mixed(chosen, iter(inputs), label=self._label, num=self.num_candidates)
        return added(inputs[number] for number in chosen)

    def condition(self, number: int) -> Condition:
        """When an input is among the chosen."""
        positions = tuple(i for i, combination in enumerate(self.combinations) if number in combination)
        return Condition(self._label, positions)

    def points(self) -> Iterator[ChoicePoint]:
        """See `Choosing.points`."""
        yield self._point

    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:  # noqa: ARG002  # it has no tensors
        """See `Choosing.fixed`: what adds the inputs that were chosen."""
        return ChosenInputs(self.combinations[selection[self._label]])


class ChosenInputs(torch.nn.Module):
    """The sum of some of several inputs: what is left of an `InputChoice`.

    Args:
        numbers: Which.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__()
        self.numbers = tuple(numbers)

    def forward(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Add those that were chosen."""
        return added(inputs[number] for number in self.numbers)


def added(values: Iterator[torch.Tensor]) -> torch.Tensor:
    """The sum, begun with the first value and not with zero."""
    total = next(values)
    for value in values:
        total = total + value
    return total


def mixed(weights: torch.Tensor, values: Iterator[torch.Tensor], *, label: str, num: int) -> torch.Tensor:
    """The sum of all values, each times its weight.

    Raises:
        InputError: There are not as many weights as values.
    """
    if weights.dim() != 1 or len(weights) != num:
        raise InputError(f"{label}: expected {num} weights, got a tensor of shape {list(weights.shape)}.")
    return added(weight * value for weight, value in zip(weights.unbind(), values, strict=True))


def enumerate_as_names(modules: Sequence[torch.nn.Module]) -> Iterator[tuple[str, torch.nn.Module]]:
    """Name modules by their places."""
    return ((str(number), module) for number, module in enumerate(modules))
