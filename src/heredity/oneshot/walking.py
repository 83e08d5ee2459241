"""What a supernet leaves open: its choices, the space that they make, and architectures as selections."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch

from heredity.errors import InputError
from heredity.oneshot.choosing import ChoicePoint, Choosing, Condition, Kind
from heredity.space import Choice as OneOf
from heredity.space import Expression, Space, When

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.space import Rule

Architecture = Mapping[str, "Json"]
"""An architecture as plain data: what is chosen, by label; the hyperparameters of a trial."""

Context = frozenset[Condition]
"""What must hold so that a module runs."""

_ORDERED = {Kind.DEPTH, Kind.WIDTH, Kind.KERNEL}


def choices(supernet: torch.nn.Module) -> dict[str, ChoicePoint]:
    """Name all decisions of a supernet, in the order of its modules; each label once.

    Raises:
        InputError: Two modules have one label and differ in what can be chosen.
    """
    found: dict[str, ChoicePoint] = {}
    for module, _ in _walk(supernet, frozenset()):
        for point in module.points():
            known = found.setdefault(point.label, point)
            if known != point:
                raise InputError(
                    f"{point.label}: two modules with this label differ: one chooses among "
                    f"{_listed(known)}, one among {_listed(point)}.",
                    hint="Give them labels of their own, or the same candidates.",
                )
    return found


def space_of(supernet: torch.nn.Module) -> Space:
    """Give the space of a supernet's architectures: one dimension for each label.

    A choice inside another is active where its branch runs. Widths, kernels and depths are ordered, so that a
    mutation moves them by small steps.

    Example:
        >>> import torch
        >>> from heredity.oneshot import Choice, space_of
        >>> nested = Choice([torch.nn.ReLU(), torch.nn.GELU()], label="kind")
        >>> space = space_of(Choice({"skip": torch.nn.Identity(), "act": nested}, label="op"))
        >>> space.size
        3

    Raises:
        InputError: Two modules have one label and differ in what can be chosen.
    """
    points = choices(supernet)
    contexts: dict[str, list[Context]] = {}
    for module, context in _walk(supernet, frozenset()):
        for point in module.points():
            contexts.setdefault(point.label, []).append(context)
    dimensions = {
        label: OneOf(point.values, ordered=point.kind in _ORDERED) for label, point in points.items()
    }
    rules = {label: _rule(_least(found), points) for label, found in contexts.items()}
    return Space(dimensions, conditions={label: rule for label, rule in rules.items() if rule is not None})


def selection_of(supernet: torch.nn.Module, architecture: Architecture) -> dict[str, int]:
    """Turn an architecture into a selection: a position for each of its labels.

    Raises:
        InputError: A label is unknown, or a value cannot be chosen.
    """
    return as_positions(choices(supernet), architecture)


def as_positions(points: Mapping[str, ChoicePoint], architecture: Architecture) -> dict[str, int]:
    """As `selection_of`, with the choices at hand: for loops.

    Raises:
        InputError: As there.
    """
    for label in architecture:
        if label not in points:
            near = difflib.get_close_matches(label, points, n=1)
            raise InputError(
                f"{label}: the supernet has no choice with this label.",
                hint=f"Did you mean {near[0]!r}?" if near else "`choices(supernet)` lists all labels.",
            )
    return {label: points[label].position_of(value) for label, value in architecture.items()}


def architecture_of(supernet: torch.nn.Module, selection: Mapping[str, int]) -> dict[str, Json]:
    """Turn a selection of positions into an architecture, without what does not run.

    Raises:
        InputError: The selection lacks a label that runs, or selects what only mixes.
    """
    points = choices(supernet)
    space = space_of(supernet)
    architecture: dict[str, Json] = {}
    for label in space.order:
        if not space.is_active(label, architecture):
            continue
        if label not in selection:
            raise InputError(f"{label}: the selection does not say which candidate runs.")
        point = points[label]
        if selection[label] not in point.positions:
            raise InputError(
                f"{label}: expected one of the positions {point.positions}, got {selection[label]}."
            )
        architecture[label] = point.candidates[selection[label]]
    return {label: architecture[label] for label in points if label in architecture}


def _walk(module: torch.nn.Module, context: Context) -> Iterator[tuple[Choosing, Context]]:
    """All modules that choose, each with what must hold so that it runs."""
    inner: Iterable[tuple[torch.nn.Module, tuple[Condition, ...]]]
    if isinstance(module, Choosing):
        yield module, context
        inner = module.branches()
    else:
        inner = ((child, ()) for child in module.children())
    for child, conditions in inner:
        yield from _walk(child, context | set(conditions))


def _least(contexts: list[Context]) -> list[Context]:
    """Without contexts that hold only where another holds too."""
    distinct = sorted(set(contexts), key=lambda context: (len(context), _key(context)))
    kept: list[Context] = []
    for context in distinct:
        if not any(other <= context for other in kept):
            kept.append(context)
    return kept


def _key(context: Context) -> list[tuple[str, tuple[int, ...]]]:
    return sorted((each.label, each.positions) for each in context)


def _rule(contexts: list[Context], points: Mapping[str, ChoicePoint]) -> Rule | str | list[Rule | str] | None:
    """When any of these contexts holds; None for always."""
    if frozenset() in contexts:
        return None
    if len(contexts) == 1:
        parts: list[Rule | str] = []
        for label, positions in _key(contexts[0]):
            point = points[label]
            parts.append(When(label, *(point.candidates[number] for number in positions)))
        return parts[0] if len(parts) == 1 else parts
    return Expression(" or ".join(_text(context, points) for context in contexts))


def _text(context: Context, points: Mapping[str, ChoicePoint]) -> str:
    parts = []
    for label, positions in _key(context):
        values = [points[label].candidates[number] for number in positions]
        parts.append(f"value({label!r}) in {values!r}")
    return f"({' and '.join(parts)})"


def _listed(point: ChoicePoint) -> str:
    text = ", ".join(map(repr, point.candidates))
    return text if len(text) <= 80 else f"{text[:80]}…"
