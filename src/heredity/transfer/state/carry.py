"""An optimizer's state is carried along a plan: its moments go the way of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from heredity.errors import InvalidTensor
from heredity.transfer.plans.certificate import Verdict
from heredity.transfer.plans.plan import How
from heredity.transfer.state.moments import mapped_factors, mapped_moment, num_known
from heredity.transfer.state.named import Held, NamedState, Value, parameters_of, placed
from heredity.transfer.state.rewarm import RewarmAdvice, rewarm_advice
from heredity.transfer.state.slots import FACTOR_PAIRS, idle_slots, kind_of, problem_of

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from heredity.transfer.plans.plan import Step, TransferPlan


@dataclass(frozen=True, slots=True)
class OptimizerReport:
    """What became of an optimizer's state.

    Attributes:
        carried: The child's parameters that go on with the parent's state.
        new: Those that begin without, each with the reason.
        advice: How the learning rate may begin.
    """

    carried: tuple[str, ...]
    new: Mapping[str, str]
    advice: RewarmAdvice

    def __str__(self) -> str:
        total = len(self.carried) + len(self.new)
        lines = [f"optimizer state: {len(self.carried)} of {total} parameters carried"]
        lines += [f"new: {name}: {reason}" for name, reason in self.new.items()]
        return "\n".join([*lines, str(self.advice)])


def carry_optimizer_state(
    plan: TransferPlan, state: NamedState, module: torch.nn.Module, optimizer: Optimizer
) -> OptimizerReport:
    """Give a child's optimizer what the plan takes of its parent's state.

    First moments are multiplied as the gradient is, second ones by the square of that; counts of steps are
    copied. A parameter gets all its slots or none: half a state would fail at the next step. Where the plan
    adds noise to part copies of a unit, their moments are right in the sum over the copies only.

    Args:
        plan: The plan that the weights went by.
        state: The parent's, as `named_optimizer_state` gives it or as it was stored.
        module: The child.
        optimizer: The child's, of the parent's kind. Its hyperparameters and groups stay, and so does state
            that it has for parameters that are reported as new.

    Returns:
        Which parameters carry on, which are new, why, and how the learning rate may begin.

    Raises:
        InputError: The optimizer trains a parameter that is not the module's; nothing was changed.
        InvalidTensor: The plan is for a module of other shapes; nothing was changed.
    """
    carried: dict[str, dict[str, Value]] = {}
    new: dict[str, str] = {}
    parameters = parameters_of(module, optimizer)
    for name, held in parameters.items():
        step = _step_of(plan, held)
        slots = step if isinstance(step, str) else _carried(step, state, held, optimizer)
        if isinstance(slots, str):
            new[name] = slots
        else:
            carried[name] = slots
    for name, slots in carried.items():
        optimizer.state[parameters[name].parameter] = slots
    total = sum(held.parameter.numel() for held in parameters.values())
    share = sum(parameters[name].parameter.numel() for name in carried) / total if total else 0.0
    return OptimizerReport(tuple(carried), new, rewarm_advice(plan, state_coverage=share))


def _step_of(plan: TransferPlan, held: Held) -> Step | str:
    """The step by which a parameter's moments come, or why they do not."""
    step = next((plan.by_tensor[name] for name in held.names if name in plan.by_tensor), None)
    if step is None:
        return "the plan says nothing of it"
    shape = tuple(held.parameter.shape)
    if step.shape != shape:
        raise InvalidTensor(
            f"{step.tensor}: the plan is for shape {step.shape}, the module has {shape}.",
            hint="Make the plan for the graph of this module.",
        )
    if step.how not in {How.COPY, How.GATHER}:
        return f"its weights are not the parent's ({step})"
    if step.how is How.GATHER and not num_known(step):
        return "none of its gradient was the parent's"
    verdict = plan.certificate.tensors[step.tensor]
    # Then any values would be exact here: those of a block that adds nothing yet are another block's.
    if verdict.verdict is Verdict.EXACT and verdict.reason:
        return f"it has the parent's values, and no gradient of the parent's ({verdict.reason})"
    return step


def _carried(step: Step, state: NamedState, held: Held, optimizer: Optimizer) -> dict[str, Value] | str:
    """A parameter's slots, all of them, or why there are none."""
    if step.source not in state:
        return f"the parent's optimizer has no state for {step.source}"
    idle = idle_slots(optimizer, held.group)
    slots = {slot: value for slot, value in state[step.source].items() if slot not in idle}
    problem = problem_of(optimizer, held.group, slots.keys(), num_axes=len(step.shape))
    if problem or not slots:
        return problem or "the optimizer keeps no state"
    mapped = _mapped_factors(step, slots)
    if isinstance(mapped, str):
        return mapped
    for slot in [slot for slot in slots if slot not in mapped]:
        value = _mapped(step, slot, slots[slot], optimizer)
        if isinstance(value, str):
            return value
        mapped[slot] = value
    return {slot: _cast(mapped[slot], held, slot=slot) for slot in slots}


def _mapped(step: Step, slot: str, value: Value, optimizer: Optimizer) -> Value | str:
    kind = kind_of(slot, optimizer)
    if not isinstance(value, torch.Tensor) or (kind is None and not value.dim()):
        return value
    if tuple(value.shape) != step.source_shape:
        return f"{slot} has the shape {tuple(value.shape)}, not its parameter's {step.source_shape}"
    if step.how is How.COPY:
        return value
    if kind is None:
        return f"how {slot} follows from the gradient is not known"
    return mapped_moment(step, value, kind)


def _mapped_factors(step: Step, slots: Mapping[str, Value]) -> dict[str, Value] | str:
    """The two factors of a second moment that Adafactor keeps, if the slots have them."""
    for names in FACTOR_PAIRS:
        row, column = (slots.get(name) for name in names)
        if isinstance(row, torch.Tensor) and isinstance(column, torch.Tensor):
            pair = mapped_factors(step, row, column)
            if pair is None:
                return f"{' and '.join(names)} are no factors for a parameter of shape {step.source_shape}"
            return dict(zip(names, pair, strict=True))
    return {}


def _cast(value: Value, held: Held, *, slot: str) -> Value:
    """Place a value, moments in the parameter's dtype, as torch's own `load_state_dict` does."""
    if isinstance(value, torch.Tensor) and value.dim() and held.parameter.is_floating_point():
        value = value.to(held.parameter.dtype)
    return placed(value, held, slot=slot)
