"""What optimizers keep for a parameter: how each slot follows the gradient, and which slots go together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from torch import optim
from torch.optim import Optimizer


class Kind(StrEnum):
    """How a slot's values change when the gradient is multiplied by s, and what a new entry begins with."""

    FIRST = "first moment"
    """Times s; new entries begin with 0."""

    SECOND = "second moment"
    """Times s²; new entries begin with the mean of their row, since 0 would make their first steps large."""

    NORM = "norm"
    """Times |s|; new entries begin with the mean of their row."""

    UPDATE = "update"
    """Times the sign of s, being divided by the gradient's size already; new entries begin with 0."""

    SIZE = "step size"
    """Not at all; new entries begin with the mean of their row."""


_KINDS = {
    "exp_avg": Kind.FIRST,
    "momentum_buffer": Kind.FIRST,
    "grad_avg": Kind.FIRST,
    "prev": Kind.FIRST,
    "exp_avg_sq": Kind.SECOND,
    "max_exp_avg_sq": Kind.SECOND,
    "square_avg": Kind.SECOND,
    "sum": Kind.SECOND,
    "variance": Kind.SECOND,
    "exp_inf": Kind.NORM,
    "acc_delta": Kind.SIZE,
    "step_size": Kind.SIZE,
}

FACTORS = ("row_var", "col_var")
"""What Adafactor keeps of a second moment: its means along the last axis, and along the last but one."""

FACTOR_PAIRS = (FACTORS, ("exp_avg_sq_row", "exp_avg_sq_col"))
"""The same under the names of Hugging Face's and timm's Adafactor, which leave out the axis of the mean."""


@dataclass(frozen=True, slots=True)
class _Needs:
    """The slots without which a step fails, and those that a hyperparameter of the group asks for."""

    always: frozenset[str]
    by_option: Mapping[str, str] = field(default_factory=dict)


_ADAM = _Needs(frozenset({"step", "exp_avg", "exp_avg_sq"}), {"amsgrad": "max_exp_avg_sq"})

# As the code of torch 2.8 to 2.13 reads them. By the exact class: a subclass may keep other things.
_NEEDS: Mapping[type[Optimizer], _Needs] = {
    optim.ASGD: _Needs(frozenset({"step", "eta", "mu", "ax"})),
    optim.Adadelta: _Needs(frozenset({"step", "square_avg", "acc_delta"})),
    optim.Adagrad: _Needs(frozenset({"step", "sum"})),
    optim.Adam: _ADAM,
    optim.AdamW: _ADAM,
    optim.Adamax: _Needs(frozenset({"step", "exp_avg", "exp_inf"})),
    optim.NAdam: _Needs(frozenset({"step", "exp_avg", "exp_avg_sq", "mu_product"})),
    optim.RAdam: _Needs(frozenset({"step", "exp_avg", "exp_avg_sq"})),
    optim.RMSprop: _Needs(
        frozenset({"step", "square_avg"}), {"momentum": "momentum_buffer", "centered": "grad_avg"}
    ),
    optim.Rprop: _Needs(frozenset({"step", "prev", "step_size"})),
    optim.SGD: _Needs(frozenset(), {"momentum": "momentum_buffer"}),
}


def kind_of(slot: str, optimizer: Optimizer) -> Kind | None:
    """How a slot follows the gradient; None if that is not known."""
    # RMSprop's buffer sums up updates, gradients over their own size; everybody else's sums up gradients.
    if slot == "momentum_buffer" and isinstance(unwrapped(optimizer), optim.RMSprop):
        return Kind.UPDATE
    return _KINDS.get(slot)


def problem_of(
    optimizer: Optimizer,
    group: Mapping[str, Any],  # Any: hyperparameters are whatever the optimizer takes
    slots: Collection[str],
    *,
    num_axes: int,
) -> str:
    """Why an optimizer of torch's could not step with these slots of a parameter; empty if it could.

    Other optimizers are believed: what they need is not known.
    """
    needs = _needs_of(optimizer, num_axes=num_axes)
    if needs is None:
        return ""
    name = type(optimizer).__name__
    wanted = needs.always | _asked_for(needs, group)
    missing = sorted(wanted - set(slots))
    if missing:
        return f"{name} needs {', '.join(missing)} as well"
    foreign = sorted(set(slots) - needs.always - set(needs.by_option.values()))
    return f"{', '.join(foreign)} is not kept by {name}" if foreign else ""


def idle_slots(
    optimizer: Optimizer,
    group: Mapping[str, Any],  # Any: see above
) -> frozenset[str]:
    """Slots of an optimizer that the group's hyperparameters have switched off."""
    needs = _needs_of(optimizer, num_axes=1)
    return frozenset() if needs is None else frozenset(needs.by_option.values()) - _asked_for(needs, group)


def _needs_of(optimizer: Optimizer, *, num_axes: int) -> _Needs | None:
    kind = type(unwrapped(optimizer))
    if kind is optim.Adafactor:
        return _Needs(frozenset({"step", *(FACTORS if num_axes > 1 else ("variance",))}))
    return _NEEDS.get(kind)


def _asked_for(needs: _Needs, group: Mapping[str, Any]) -> frozenset[str]:  # Any: see above
    return frozenset(slot for option, slot in needs.by_option.items() if group.get(option))


def unwrapped(optimizer: Optimizer) -> Optimizer:
    """The optimizer inside of wrappers that keep it as ``optimizer``, as those of accelerate do."""
    inner = getattr(optimizer, "optimizer", None)
    return unwrapped(inner) if isinstance(inner, Optimizer) else optimizer
