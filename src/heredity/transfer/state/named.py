"""An optimizer's state as plain data by the names of its parameters: taken out, and put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

from heredity.errors import InputError, InvalidTensor
from heredity.transfer.state.slots import problem_of

Value = torch.Tensor | float
"""What a slot holds: a tensor or a number."""

NamedState = Mapping[str, Mapping[str, Value]]
"""For each parameter, by its first name in the module, the optimizer's slots: ``exp_avg``, ``step`` …"""


@dataclass(frozen=True, slots=True)
class Held:
    """A parameter that an optimizer trains.

    Attributes:
        names: All its names in the module; a tied one has several.
        parameter: The parameter.
        group: The optimizer's group that it is in, with its hyperparameters.
    """

    names: tuple[str, ...]
    parameter: torch.nn.Parameter
    group: Mapping[str, Any]  # Any: hyperparameters are whatever the optimizer takes


def named_optimizer_state(module: torch.nn.Module, optimizer: Optimizer) -> dict[str, dict[str, Value]]:
    """An optimizer's state by the names of the parameters, sharing the tensors' memory.

    Names outlive what a number does not: another order of the layers, other parameter groups, a layer more.

    Args:
        module: The module whose parameters the optimizer trains; the innermost one, not DDP's or a compiler's
            wrapper, so that the names are those that `trace` sees.
        optimizer: Any torch optimizer.

    Returns:
        For each parameter that has some, its slots. Hyperparameters are not part of it.

    Raises:
        InputError: The optimizer trains a parameter that is not the module's.
        InvalidTensor: A slot holds neither a tensor nor a number, as those of LBFGS do.
    """
    found: dict[str, dict[str, Value]] = {}
    for name, held in parameters_of(module, optimizer).items():
        slots = optimizer.state.get(held.parameter, {})
        held_values = {slot: value for slot, value in slots.items() if value is not None}
        kept = {slot: _checked(value, where=f"{name}, {slot}") for slot, value in held_values.items()}
        if kept:
            found[name] = kept
    return found


def restore_optimizer_state(module: torch.nn.Module, optimizer: Optimizer, state: NamedState) -> None:
    """Put back what `named_optimizer_state` took from an optimizer of the same kind and the same network.

    What the optimizer held before is forgotten; its hyperparameters stay. Everything is checked first.

    Args:
        module: The module whose parameters the optimizer trains.
        optimizer: Gets copies, bit by bit, on the devices of its parameters.
        state: For each parameter its slots; a parameter without any begins anew.

    Raises:
        InputError: The state is of another network or of another kind of optimizer.
    """
    parameters = parameters_of(module, optimizer)
    unknown = [name for name in state if name not in parameters]
    problems = [f"{name}: the optimizer trains no parameter of this name" for name in unknown]
    for name in state.keys() - set(unknown):
        problem = _misfit(optimizer, parameters[name], state[name])
        problems += [f"{name}: {problem}"] if problem else []
    if problems:
        raise InputError(
            f"The state does not fit this {type(optimizer).__name__}:\n" + "\n".join(sorted(problems)[:10]),
            hint="`carry_optimizer_state` takes what fits to another network.",
        )
    for name, held in parameters.items():
        if name in state:
            optimizer.state[held.parameter] = {
                slot: placed(value, held, slot=slot) for slot, value in state[name].items()
            }
        else:
            optimizer.state.pop(held.parameter, None)


def parameters_of(module: torch.nn.Module, optimizer: Optimizer) -> dict[str, Held]:
    """The parameters that an optimizer trains, by their first names.

    Raises:
        InputError: One of them is not the module's.
    """
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    held: dict[str, Held] = {}
    for number, group in enumerate(optimizer.param_groups):
        for parameter in group["params"]:
            if id(parameter) not in names:
                raise InputError(
                    f"Group {number} of the optimizer holds a parameter of shape {tuple(parameter.shape)} "
                    f"that is not one of this {type(module).__name__}'s.",
                    hint="Give the module from whose parameters the optimizer was made.",
                )
            found = names[id(parameter)]
            held[found[0]] = Held(tuple(found), parameter, group)
    return held


def placed(value: Value, held: Held, *, slot: str) -> Value:
    """A copy where the optimizer expects it: beside its parameter, but for counts of steps on the host."""
    if not isinstance(value, torch.Tensor):
        return value
    on_host = slot == "step" and not (held.group.get("fused") or held.group.get("capturable"))
    return value.detach().to("cpu" if on_host else held.parameter.device, copy=True)


def _checked(value: object, *, where: str) -> Value:
    if isinstance(value, torch.Tensor | int | float):
        return value
    raise InvalidTensor(
        f"{where}: expected a tensor or a number, got {type(value).__name__}.",
        hint="The state of such an optimizer is not by parameter; save and carry the weights without it.",
    )


def _misfit(optimizer: Optimizer, held: Held, slots: Mapping[str, Value]) -> str:
    problem = problem_of(optimizer, held.group, slots.keys(), num_axes=held.parameter.dim())
    if problem:
        return problem
    for slot, value in slots.items():
        shape = tuple(value.shape) if isinstance(value, torch.Tensor) else ()
        # Factors of a moment have fewer entries than the parameter, never more axes of other lengths.
        if shape and not _may_belong(shape, tuple(held.parameter.shape)):
            return f"{slot} has the shape {shape}, the parameter {tuple(held.parameter.shape)}"
    return ""


def _may_belong(shape: tuple[int, ...], parameter: tuple[int, ...]) -> bool:
    return len(shape) != len(parameter) or all(n in {1, m} for n, m in zip(shape, parameter, strict=True))
