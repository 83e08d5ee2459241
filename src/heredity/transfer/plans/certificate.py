"""What a transfer is worth: per tensor and for the whole, what is proven, what is assumed, what is new."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heredity.encoding import Json


class Verdict(StrEnum):
    """How much a tensor's new values are worth."""

    EXACT = "exact"
    """A rule proves that its operator computes what the parent's does."""

    APPROXIMATE = "approximate"
    """It has values of the parent's, but something on the way to it is not proven."""

    FRESH = "fresh"
    """It keeps its own initial values."""


@dataclass(frozen=True, slots=True)
class TensorVerdict:
    """The verdict on one tensor, with the reason."""

    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Certificate:
    """What is proven of the child after the transfer.

    *Exact* means: in real arithmetic the child's outputs equal the parent's for all inputs, as long as all
    values are finite. What remains is rounding. In train mode dropout is left aside, since masks for other
    widths are other masks; batch normalization is not.

    Attributes:
        tensors: The verdict on each tensor of the child.
        is_exact: Whether all outputs equal the parent's in eval mode.
        is_exact_in_training: Whether they do in train mode too.
        reason: Why the child is not exact in eval mode; empty if it is.
        training_reason: Why it is not in train mode; empty if it is.
        coverage: The share of the child's parameters (by element; buffers do not count) that have a value of
            the parent's, exact or approximate.
    """

    tensors: Mapping[str, TensorVerdict]
    is_exact: bool
    is_exact_in_training: bool
    reason: str
    training_reason: str
    coverage: float

    def __post_init__(self) -> None:
        # A certificate that contradicts itself is a bug of the one who makes it.
        assert self.is_exact == (not self.reason)  # noqa: S101
        assert self.is_exact_in_training == (not self.training_reason)  # noqa: S101
        assert self.is_exact or not self.is_exact_in_training  # noqa: S101

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many tensors have each verdict."""
        counts = Counter(each.verdict for each in self.tensors.values())
        return {verdict: counts[verdict] for verdict in Verdict}

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts.items())
        if self.is_exact_in_training:
            word = "exact, in eval mode and, dropout aside, in train mode"
        elif self.is_exact:
            word = f"exact in eval mode; in train mode not: {self.training_reason}"
        else:
            word = f"not exact: {self.reason}"
        return f"{word}\n{self.coverage:.1%} of the parameters come from the parent ({counts})"

    def to_json(self) -> Json:
        """The certificate as JSON, as a part of its plan."""
        return {
            "tensors": {
                name: [each.verdict.value, each.reason] for name, each in sorted(self.tensors.items())
            },
            "is_exact": self.is_exact,
            "is_exact_in_training": self.is_exact_in_training,
            "reason": self.reason,
            "training_reason": self.training_reason,
            "coverage": self.coverage,
        }
