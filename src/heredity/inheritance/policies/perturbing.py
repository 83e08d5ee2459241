"""Shrink and perturb: a part of what was inherited is given up for fresh weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from heredity.errors import InputError
from heredity.inheritance.policies.honesty import without_proof
from heredity.transfer import How

if TYPE_CHECKING:
    from heredity.inheritance.snapshots import Snapshot
    from heredity.transfer import Step, TransferPlan


@dataclass(frozen=True, slots=True)
class ShrinkAndPerturb:
    """After inheriting, ``weight <- keep * weight + noise * the child's own initial weight``.

    Warm starts can cost final accuracy; giving up a part of the parent's weights wins it back (Ash and Adams
    2020, On Warm-Starting Neural Network Training). The noise is what the child's own initialization drew, so
    that its scale fits each layer, and the seed that the child was built under decides it: nothing is drawn
    here. With the default ``noise = 1 - keep``, entries that are the child's own stay as they are.

    Buffers, frozen parameters and tensors that inherit nothing are left alone. The statistics of batch
    normalization are then those of the parent: train, or run it in train mode, before it is scored.

    Args:
        keep: The share that stays, from 0 to 1.
        noise: The factor of the initial weights; by default what is missing to 1.

    Raises:
        InputError: A factor is out of range.
    """

    keep: float = 0.5
    noise: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.keep <= 1:
            raise InputError(f"shrink_and_perturb: expected keep from 0 to 1, got {self.keep!r}.")
        if self.noise is not None and not 0 <= self.noise < math.inf:
            raise InputError(f"shrink_and_perturb: expected noise of at least 0, got {self.noise!r}.")

    @property
    def share_of_noise(self) -> float:
        """The factor of the initial weights."""
        return 1 - self.keep if self.noise is None else self.noise

    def __str__(self) -> str:
        return f"shrink_and_perturb(keep={self.keep:g}, noise={self.share_of_noise:g})"


def changed_by(plan: TransferPlan, module: torch.nn.Module) -> list[str]:
    """The parameters that are shrunk: those that are trained and have got something from the plan."""
    trained = {
        name
        for name, parameter in module.named_parameters(remove_duplicate=False)
        if parameter.requires_grad and (parameter.is_floating_point() or parameter.is_complex())
    }
    return [step.tensor for step in plan.steps if step.how is not How.FRESH and step.tensor in trained]


def perturb(
    policy: ShrinkAndPerturb, plan: TransferPlan, module: torch.nn.Module, *, initial: Snapshot
) -> TransferPlan:
    """Shrink and perturb what a plan has brought, in place, one tensor after the other.

    Args:
        policy: The factors.
        plan: What has been carried out.
        module: The child.
        initial: Its values of before, of those in `changed_by` at least.

    Returns:
        The plan with a certificate that claims no more than still holds.
    """
    names = set(changed_by(plan, module))
    is_idle = policy.keep == 1 and policy.share_of_noise == 0
    if not names or is_idle:
        return plan
    parameters = dict(module.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for name in names:
            own = initial.value(name).to(parameters[name].device)
            parameters[name].mul_(policy.keep).add_(own, alpha=policy.share_of_noise)

    def reason_of(step: Step) -> str:
        if step.tensor in names:
            return f"{policy.keep:g} of it is kept, with {policy.share_of_noise:g} of the initial values"
        return "" if step.is_parameter else "it belongs to the weights before they were perturbed"

    return without_proof(plan, f"{policy} came after it", reason_of=reason_of)
