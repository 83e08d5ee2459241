"""What a transfer does, as data: where each tensor of the child gets its values from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from heredity.transfer.plans.certificate import Certificate

if TYPE_CHECKING:
    from heredity.encoding import Json

FRESH_ENTRY = -1
"""At this place the child keeps its own initial value."""

ZERO_ENTRY = -2
"""At this place the child's value becomes zero."""


MEAN_ENTRY = -3
"""At this place the child's value becomes the mean over the parent's axis."""


class How(StrEnum):
    """How a child's tensor gets its values."""

    COPY = "copy"
    GATHER = "gather"
    FILL = "fill"
    IDENTITY = "identity"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class AxisMap:
    """Which entries of a parent's tensor go where along one axis, and with which factors.

    Attributes:
        sources: For each entry of the child, the parent's index, or `FRESH_ENTRY`, `ZERO_ENTRY`,
            `MEAN_ENTRY`.
        scales: The factors; None if all are 1.
        gradient_scales: The factors by which the parent's gradient becomes the child's, where the child
            computes what the parent does; None if all are 1. A copied unit gets the share of its unit's
            gradient with which its readers use it; a column gets the factor of what it reads.
    """

    sources: tuple[int, ...]
    scales: tuple[float, ...] | None = None
    gradient_scales: tuple[float, ...] | None = None

    @property
    def num_from_parent(self) -> int:
        """How many entries come from the parent."""
        return int((np.asarray(self.sources) >= 0).sum())

    def is_identity_of(self, size: int) -> bool:
        """Whether all entries of an axis of this size stay where and as they are."""
        return self.scales is None and self.sources == tuple(range(size))


@dataclass(frozen=True, slots=True)
class Noise:
    """Random numbers that part copies without changing what the child computes.

    Where the parent's entry j is read by several columns, random numbers are added to them that cancel
    wherever the columns read copies: ``N E = 0``. Rows that are copies stay copies.

    Attributes:
        axis: The axis of the tensor that reads.
        std: Their standard deviation, as a share of that of the parent's tensor.
        seed: Which random numbers; the tensor's name counts too.
    """

    axis: int
    std: float
    seed: int


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one tensor of the child.

    An entry is fresh if any axis says so, else zero if any axis says so, else the parent's entry times the
    factors of all axes. So a new unit keeps its own incoming weights even from sources that others must
    ignore. `How.IDENTITY` takes no values: entry (i, j) is the product of both factors where both axes name
    the same source, at the centre of a kernel, else zero; fresh entries stay fresh.

    Attributes:
        tensor: The tensor's name in the child's state dict.
        shape: Its shape.
        how: How it gets its values.
        source: The parent's tensor; empty for `How.FILL` and `How.FRESH`.
        source_shape: Its shape.
        axes: One map for each axis, for `How.GATHER`; the first two axes' for `How.IDENTITY`.
        value: What fills it, for `How.FILL`. For `How.GATHER` the number c that both networks add to the
            tensor before they use it: what is gathered is w + c, and c is taken off again.
        noise: What is added to part copies, for `How.GATHER`; None for nothing.
        is_parameter: Whether it is trained; buffers do not count for the coverage.
    """

    tensor: str
    shape: tuple[int, ...]
    how: How
    source: str = ""
    source_shape: tuple[int, ...] = ()
    axes: tuple[AxisMap, ...] = ()
    value: float = 0.0
    noise: Noise | None = None
    is_parameter: bool = True

    @property
    def num_elements(self) -> int:
        """The child's tensor's number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def num_from_parent(self) -> int:
        """How many of them come from the parent."""
        if self.how is How.GATHER:
            return int(np.prod([axis.num_from_parent for axis in self.axes], dtype=np.int64))
        return self.num_elements if self.how is How.COPY else 0

    def __str__(self) -> str:
        if self.how is How.FILL:
            return f"all {self.value:g}"
        if self.how is How.GATHER:
            changes = [_axis_text(axis, n) for axis, n in zip(self.axes, self.source_shape, strict=True)]
            noise = f" + noise {self.noise.std:g}" if self.noise is not None else ""
            added = f" with {self.value:g} added" if self.value else ""
            return "gather " + " ".join(f"[{change}]" for change in changes) + added + noise
        return self.how.value


def _axis_text(axis: AxisMap, num_parent: int) -> str:
    if axis.is_identity_of(num_parent):
        return ":"
    sources = np.asarray(axis.sources)
    parts = [f"{(sources >= 0).sum()} of {num_parent}"]
    for word, entry in (("mean", MEAN_ENTRY), ("zero", ZERO_ENTRY), ("fresh", FRESH_ENTRY)):
        count = int((sources == entry).sum())
        parts += [f"{count} {word}"] if count else []
    return ", ".join(parts) + (", scaled" if axis.scales is not None else "")


@dataclass(frozen=True)
class TransferPlan:
    """How a child inherits from a parent. Prints as a table; `to_json` keeps it, `apply` carries it out.

    Attributes:
        steps: One for each tensor of the child's state dict; a tied tensor has one, under one of its names.
        certificate: What is exact, what is approximate, what is fresh, and why.
    """

    steps: tuple[Step, ...]
    certificate: Certificate

    @cached_property
    def by_tensor(self) -> dict[str, Step]:
        """The steps by the names of the child's tensors."""
        return {step.tensor: step for step in self.steps}

    def __str__(self) -> str:
        rows = [("tensor", "verdict", "from", "how", "reason")]
        for step in self.steps:
            verdict = self.certificate.tensors[step.tensor]
            rows.append((step.tensor, verdict.verdict.value, step.source, str(step), verdict.reason))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = [
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, "", str(self.certificate)])

    def to_json(self) -> Json:
        """The plan as JSON; `heredity.transfer.plan_from_json` reads it back."""
        return {
            # Older versions would not add what has to be added, and read all other plans.
            "format": 3 if any(step.how is How.GATHER and step.value for step in self.steps) else 2,
            "steps": [_step_to_json(step) for step in self.steps],
            "certificate": self.certificate.to_json(),
        }


def coverage_of(steps: tuple[Step, ...]) -> float:
    """The share of the child's parameters, counted by element, whose values come from the parent."""
    total = sum(step.num_elements for step in steps if step.is_parameter)
    return sum(step.num_from_parent for step in steps if step.is_parameter) / total if total else 0.0


def fresh(tensor: str, shape: tuple[int, ...], *, is_parameter: bool) -> Step:
    """The step that leaves a tensor as it is."""
    return Step(tensor, shape, How.FRESH, is_parameter=is_parameter)


def _step_to_json(step: Step) -> Json:
    fields: dict[str, Json] = {
        "tensor": step.tensor,
        "shape": list(step.shape),
        "how": step.how.value,
        "is_parameter": step.is_parameter,
    }
    if step.source:
        fields |= {"source": step.source, "source_shape": list(step.source_shape)}
    if step.axes:
        fields["axes"] = [_axis_to_json(axis) for axis in step.axes]
    if step.noise is not None:
        fields["noise"] = {"axis": step.noise.axis, "std": step.noise.std, "seed": step.noise.seed}
    if step.how is How.FILL or step.value:
        fields["value"] = step.value
    return fields


def _axis_to_json(axis: AxisMap) -> Json:
    """Write the indices as runs [first, count, step], so that the size does not follow the width."""
    fields: dict[str, Json] = {"sources": [list(run) for run in _runs(axis.sources)]}
    for name, values in (("scales", axis.scales), ("gradient_scales", axis.gradient_scales)):
        if values is not None:
            fields[name] = [list(run) for run in _equal_runs(values)]
    return fields


def _equal_runs(values: tuple[float, ...]) -> list[tuple[float, int]]:
    """Write factors as runs [factor, count]."""
    return [(value, len(list(run))) for value, run in groupby(values)]


def _runs(values: tuple[int, ...]) -> list[tuple[int, int, int]]:
    runs: list[tuple[int, int, int]] = []
    for value in values:
        if runs:
            first, count, step = runs[-1]
            if value == first + count * step or count == 1:
                step = value - first if count == 1 else step
                if step in {0, 1}:
                    runs[-1] = (first, count + 1, step)
                    continue
        runs.append((value, 1, 1 if value >= 0 else 0))
    return runs
