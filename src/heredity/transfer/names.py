"""What remains where a graph is missing: tensors of the same name and shape. Nothing is proven by that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.transfer.plans.certificate import Certificate, TensorVerdict, Verdict
from heredity.transfer.plans.plan import How, Step, TransferPlan, coverage_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What is known of a tensor without its values.

    Attributes:
        shape: Its shape.
        dtype: Its element type, such as ``float32``.
        is_parameter: Whether it is trained; buffers do not count for the coverage.
    """

    shape: tuple[int, ...]
    dtype: str
    is_parameter: bool = True


def plan_by_name(
    parent: Mapping[str, TensorSpec], child: Mapping[str, TensorSpec], *, reason: str
) -> TransferPlan:
    """Plan to copy each tensor that has the same name, shape and element type in the parent.

    The plan never claims to be exact: equal names and shapes do not show that the networks compute the same.

    Args:
        parent: The parent's tensors.
        child: The child's tensors; of a tied tensor one name is enough.
        reason: Why there is no graph, such as "the parent has no graph".
    """
    judged = {name: _judged(name, spec, parent.get(name), reason) for name, spec in child.items()}
    steps = tuple(step for step, _ in judged.values())
    whole = f"tensors are matched by name only: {reason}"
    certificate = Certificate(
        tensors={name: verdict for name, (_, verdict) in judged.items()},
        is_exact=False,
        is_exact_in_training=False,
        reason=whole,
        training_reason=whole,
        coverage=coverage_of(steps),
    )
    return TransferPlan(steps, certificate)


def _judged(
    name: str, spec: TensorSpec, in_parent: TensorSpec | None, reason: str
) -> tuple[Step, TensorVerdict]:
    if in_parent is None:
        problem = "the parent has no tensor of this name"
    elif in_parent.shape != spec.shape:
        problem = f"its shape is {spec.shape}, in the parent {in_parent.shape}"
    elif in_parent.dtype.startswith("float") != spec.dtype.startswith("float"):
        problem = f"it is {spec.dtype}, in the parent {in_parent.dtype}"
    else:
        step = Step(name, spec.shape, How.COPY, name, spec.shape, is_parameter=spec.is_parameter)
        return step, TensorVerdict(Verdict.APPROXIMATE, f"matched by name only: {reason}")
    return Step(name, spec.shape, How.FRESH, is_parameter=spec.is_parameter), TensorVerdict(
        Verdict.FRESH, problem
    )
