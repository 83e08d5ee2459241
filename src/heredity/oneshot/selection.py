"""Which candidates a supernet runs: a selection, which travels with the call and not in the modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch

from heredity.errors import InputError


@dataclass(frozen=True, slots=True)
class Weighted:
    """One candidate that runs alone, times a weight: through it, a gradient says how good the candidate is.

    Attributes:
        position: Which candidate.
        weight: A number with its graph.
    """

    position: int
    weight: torch.Tensor


Selected = int | torch.Tensor | Weighted
"""The position of the one candidate that runs; or weights, one for each candidate, which are all mixed."""

Selection = Mapping[str, Selected]
"""What is selected at each choice, by its label."""

_CURRENT: ContextVar[Selection | None] = ContextVar("selection", default=None)


@contextmanager
def selecting(selection: Selection) -> Iterator[None]:
    """Run supernets by a selection, in this thread and this task only.

    A selection inside another replaces it whole.

    Example:
        >>> import torch
        >>> from heredity.oneshot import Choice, selecting
        >>> supernet = Choice({"same": torch.nn.Identity(), "none": torch.nn.ReLU()}, label="op")
        >>> with selecting({"op": 1}):
        ...     supernet(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])

    Args:
        selection: By label, a position or weights. Labels that nothing asks for do no harm.
    """
    token = _CURRENT.set(selection)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def selected(label: str) -> Selected:
    """What is selected at a choice; for modules that choose.

    Raises:
        InputError: Nothing is.
    """
    selection = _CURRENT.get()
    if selection is None:
        raise InputError(
            f"{label}: the supernet runs without a selection.",
            hint="Run it in `with selecting(selection):`, or freeze it to one architecture.",
        )
    try:
        return selection[label]
    except KeyError:
        known = ", ".join(sorted(selection)[:10]) or "nothing"
        raise InputError(
            f"{label}: the selection does not say which candidate runs; it has {known}.",
            hint="`choices(supernet)` lists all labels.",
        ) from None


def position(label: str) -> int:
    """What is selected at a choice that cannot mix.

    Raises:
        InputError: Nothing is, or weights are.
    """
    chosen = selected(label)
    if not isinstance(chosen, int):
        raise InputError(
            f"{label}: expected the position of one candidate, got weights.",
            hint="Widths are nested: they are sampled, and cannot be mixed. Only a module can have a weight.",
        )
    return chosen
