"""Advice on the learning rate after a transfer: for how many steps to warm up again, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.errors import InputError
from heredity.transfer.plans.plan import How

if TYPE_CHECKING:
    from heredity.transfer.plans.plan import TransferPlan

_FEW_STEPS, _MORE_STEPS = 150, 200
_LEAST_FACTOR = 0.3


@dataclass(frozen=True, slots=True)
class RewarmAdvice:
    """How the learning rate may begin after a transfer.

    Attributes:
        steps: For how many steps it should rise.
        factor: The share of the child's own rate that it rises from.
        reasons: Why, each a sentence.
    """

    steps: int
    factor: float
    reasons: tuple[str, ...]

    def factor_at(self, step: int) -> float:
        """What to multiply the child's own rate with, at this step of its training; 1 when it is over.

        >>> RewarmAdvice(100, 0.5, ()).factor_at(50)
        0.75
        """
        if step >= self.steps:
            return 1.0
        return self.factor + (1.0 - self.factor) * step / self.steps

    def __str__(self) -> str:
        if not self.steps:
            head = "learning rate: no warm-up on account of the transfer"
        else:
            head = (
                f"learning rate: rise from {self.factor:.2g} to 1 times the child's own in {self.steps} steps"
            )
        return "\n".join([head, *(f"- {reason}" for reason in self.reasons)])


def rewarm_advice(
    plan: TransferPlan, *, state_coverage: float = 0.0, total_steps: int | None = None
) -> RewarmAdvice:
    """Say how the learning rate may begin after a transfer: advice from the literature, no law.

    The factor is ModelKeeper's (Lai et al., NSDI 2023): one minus the share of what was inherited, at least
    0.3. The steps are those of staged training (Shen et al. 2022), which carries the optimizer's state and
    warms up again for 150 to 200.

    Args:
        plan: What was transferred.
        state_coverage: The share of the child's trained parameters whose optimizer state came over.
        total_steps: How many steps the child will train; the warm-up takes a tenth of them at most.

    Raises:
        InputError: A share is not between 0 and 1, or a number of steps is negative.
    """
    if not 0 <= state_coverage <= 1:
        raise InputError(f"state_coverage: expected a share from 0 to 1, got {state_coverage}.")
    if total_steps is not None and total_steps < 0:
        raise InputError(f"total_steps: expected 0 or more, got {total_steps}.")
    coverage = min(1.0, plan.certificate.coverage)
    if coverage == 0:
        return RewarmAdvice(0, 1.0, ("Nothing was inherited: train as from scratch.",))
    if _is_the_same_network(plan) and state_coverage == 1:
        reason = "Network and optimizer go on as they were: keep the parent's place in its schedule too."
        return RewarmAdvice(0, 1.0, (reason,))
    steps, reasons = _steps(state_coverage, total_steps)
    return RewarmAdvice(steps, max(_LEAST_FACTOR, 1.0 - coverage), (*reasons, *_reasons(plan, coverage)))


def _is_the_same_network(plan: TransferPlan) -> bool:
    return plan.certificate.is_exact and all(step.how is How.COPY for step in plan.steps)


def _steps(state_coverage: float, total_steps: int | None) -> tuple[int, tuple[str, ...]]:
    steps = _FEW_STEPS if state_coverage == 1 else _MORE_STEPS
    carried = f"{state_coverage:.0%} of the optimizer's state came over"
    reason = f"{carried}; staged training warms up for {_FEW_STEPS} to {_MORE_STEPS} steps after each growth."
    if total_steps is None or steps <= total_steps // 10:
        return steps, (reason,)
    return total_steps // 10, (reason, f"Shortened to a tenth of {total_steps} steps.")


def _reasons(plan: TransferPlan, coverage: float) -> tuple[str, ...]:
    shaken = (
        f"{coverage:.0%} of the parameters are trained already and would be shaken by a full rate; "
        f"ModelKeeper begins with 1 minus that share, at least {_LEAST_FACTOR}."
    )
    after = "Then the child's own highest rate, with a faster decay than from scratch (LEMON)."
    if plan.certificate.is_exact:
        return shaken, after
    return shaken, after, "The transfer is not exact: expect a loss above the parent's at first."
