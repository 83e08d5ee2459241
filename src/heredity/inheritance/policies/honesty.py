"""Certificates taken back: what was proven of weights that are no longer those is not claimed any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from heredity.transfer import Certificate, Step, TensorVerdict, TransferPlan, Verdict
from heredity.transfer.plans.plan import fresh


def without_proof(
    plan: TransferPlan, reason: str, *, reason_of: Callable[[Step], str] | None = None
) -> TransferPlan:
    """The same plan, of whose result nothing is proven any more.

    Args:
        plan: What was carried out before the weights were changed further.
        reason: What has changed them.
        reason_of: The reason for one tensor, if it is another; empty for one that was left as it was.
    """
    verdicts = {
        step.tensor: _taken_back(step, plan.certificate.tensors[step.tensor], reason, reason_of)
        for step in plan.steps
    }
    old = plan.certificate
    certificate = Certificate(
        tensors=verdicts,
        is_exact=False,
        is_exact_in_training=False,
        reason=_joined(reason, "" if old.is_exact else old.reason),
        training_reason=_joined(reason, old.training_reason),
        coverage=old.coverage,
    )
    return replace(plan, certificate=certificate)


def nothing_inherited(plan: TransferPlan, reason: str) -> TransferPlan:
    """The plan of a child that has kept its own initial weights after all."""
    steps = tuple(fresh(step.tensor, step.shape, is_parameter=step.is_parameter) for step in plan.steps)
    certificate = Certificate(
        tensors={step.tensor: TensorVerdict(Verdict.FRESH, reason) for step in steps},
        is_exact=False,
        is_exact_in_training=False,
        reason=reason,
        training_reason=reason,
        coverage=0.0,
    )
    return replace(plan, steps=steps, certificate=certificate)


def _taken_back(
    step: Step, old: TensorVerdict, reason: str, reason_of: Callable[[Step], str] | None
) -> TensorVerdict:
    new_reason = reason if reason_of is None else reason_of(step)
    if old.verdict is Verdict.FRESH or not new_reason:
        return old
    verdict = Verdict.APPROXIMATE if step.num_from_parent else Verdict.FRESH
    return TensorVerdict(verdict, _joined(new_reason, old.reason))


def _joined(*reasons: str) -> str:
    return "; ".join(reason for reason in reasons if reason)
