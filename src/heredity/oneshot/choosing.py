"""Modules that choose: what each decides, when its branches run, and what is left when all is decided."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import torch

from heredity.errors import InputError

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.oneshot.origins import Origins


class Kind(StrEnum):
    """What is chosen at a choice."""

    MODULE = "module"
    INPUTS = "inputs"
    DEPTH = "depth"
    WIDTH = "width"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True)
class ChoicePoint:
    """One decision of a supernet; modules with the same label share it.

    Attributes:
        label: Its name, which is the name of a hyperparameter too.
        kind: What is chosen.
        candidates: The values that an architecture may have here, such as names, widths, or lists of the
            numbers of inputs. A selection's position is a place in this tuple.
        num_weights: How many weights a mixture has: one for each candidate; for inputs one for each input.
        mixed_only: The positions of candidates that take part in mixtures and cannot be chosen.
    """

    label: str
    kind: Kind
    candidates: tuple[Json, ...]
    num_weights: int
    mixed_only: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not self.label or not isinstance(self.label, str):
            raise InputError(f"expected a label, a text that is not empty, got {self.label!r}.")
        if len(self.mixed_only) >= len(self.candidates):
            raise InputError(f"{self.label}: expected at least one candidate that can be chosen, got none.")

    @property
    def num_candidates(self) -> int:
        """How many candidates there are."""
        return len(self.candidates)

    @property
    def values(self) -> tuple[Json, ...]:
        """The candidates that can be chosen."""
        return tuple(c for number, c in enumerate(self.candidates) if number not in self.mixed_only)

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of the candidates that can be chosen."""
        return tuple(number for number in range(len(self.candidates)) if number not in self.mixed_only)

    def position_of(self, value: Json) -> int:
        """Where an architecture's value stands among the candidates.

        Raises:
            InputError: It is none of those that can be chosen.
        """
        for number in self.positions:
            known = self.candidates[number]
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return number
        expected = ", ".join(map(repr, self.values))
        raise InputError(f"{self.label}: expected one of {expected}, got {value!r}.")


@dataclass(frozen=True, slots=True)
class Condition:
    """When a branch runs: where a label has one of these positions."""

    label: str
    positions: tuple[int, ...]


Copy = Callable[[torch.nn.Module], torch.nn.Module]
"""Copies a module with all choices inside it decided."""


class Choosing(torch.nn.Module, ABC):
    """A module that decides something; all else in a model is left as it is."""

    @abstractmethod
    def points(self) -> Iterable[ChoicePoint]:
        """What it decides itself; the choices in its branches are theirs."""

    def branches(self) -> Iterable[tuple[torch.nn.Module, tuple[Condition, ...]]]:
        """The modules inside, each with what must hold so that it runs."""
        return ()

    @abstractmethod
    def fixed(self, selection: Mapping[str, int], copy: Copy, origins: Origins) -> torch.nn.Module:
        """Give the plain module that is left when all is decided.

        Args:
            selection: A position for each label that matters.
            copy: Copies a module inside, with its own choices decided.
            origins: Where new tensors that are parts of this module's have to be noted.
        """
