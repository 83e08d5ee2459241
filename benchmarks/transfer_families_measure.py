"""One pair of a family: traced, planned, applied and compared in float64."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from heredity.graph import Graph
from heredity.transfer import (
    Difference,
    TransferPlan,
    apply,
    measure_difference,
    outputs_of,
    plan_transfer,
    trace,
)

Direction = Literal["grow", "shrink"]

# Rounding in float64, with the float32 constants of some models (rotary frequencies) equal on both sides.
EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class Entry:
    """Two members of a family, and inputs for both."""

    library: str
    family: str
    change: str
    small: Callable[[], nn.Module]
    large: Callable[[], nn.Module]
    inputs: Callable[[], tuple[torch.Tensor, ...]]

    @property
    def name(self) -> str:
        return f"{self.library} {self.family} {self.change}"


@dataclass(frozen=True, slots=True)
class Members:
    """Both members of an entry, disturbed, with their graphs."""

    modules: Mapping[str, nn.Module]
    graphs: Mapping[str, Graph]
    inputs: tuple[torch.Tensor, ...]
    trace_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """What was found for one direction of an entry. Shares are of the child's parameters, by element."""

    name: str
    library: str
    family: str
    change: str
    direction: str
    failure: str = ""
    is_exact: bool = False
    is_exact_in_training: bool = False
    reason: str = ""
    training_reason: str = ""
    share_exact: float = 0.0
    share_approximate: float = 0.0
    share_fresh: float = 0.0
    coverage: float = 0.0
    num_parent: int = 0
    num_child: int = 0
    num_nodes: int = 0
    error: float = float("nan")
    error_in_training: float = float("nan")
    error_before: float = float("nan")
    trace_seconds: float = 0.0
    plan_seconds: float = 0.0
    apply_seconds: float = 0.0

    @property
    def is_false_claim(self) -> bool:
        in_eval = self.is_exact and not self.error < EXACT
        return in_eval or (self.is_exact_in_training and not self.error_in_training < EXACT)

    def __str__(self) -> str:
        if self.failure:
            return f"{self.name} {self.direction}: FAILED: {self.failure[:200]}"
        verdict = {(True, True): "exact", (True, False): "exact in eval only"}.get(
            (self.is_exact, self.is_exact_in_training), f"approximate: {self.reason[:120]}"
        )
        lie = " FALSE" if self.is_false_claim else ""
        return (
            f"{self.name} {self.direction}: {verdict}{lie}; error {self.error:.1e}, "
            f"{self.error_in_training:.1e} (before {self.error_before:.1e}); covered {self.coverage:.2f}; "
            f"trace {self.trace_seconds:.1f} s, plan {self.plan_seconds:.2f} s, {self.num_nodes} nodes"
        )


def failed(entry: Entry, direction: Direction, why: str) -> Row:
    """The row of a pair that could not be measured."""
    return Row(entry.name, entry.library, entry.family, entry.change, direction, failure=why)


def traced(entry: Entry) -> Members:
    """Build both members, the same way every time, and record their graphs."""
    torch.manual_seed(0)
    modules = {"small": disturbed(entry.small()), "large": disturbed(entry.large())}
    inputs = entry.inputs()
    start = time.perf_counter()
    graphs = {which: trace(module, inputs) for which, module in modules.items()}
    return Members(modules, graphs, inputs, time.perf_counter() - start)


def measured(entry: Entry, members: Members, *, direction: Direction) -> Row:
    """Transfer in one direction, and compare."""
    which, other = ("small", "large") if direction == "grow" else ("large", "small")
    parent, child = members.modules[which], copy.deepcopy(members.modules[other]).double()
    start = time.perf_counter()
    plan = plan_transfer(members.graphs[which], members.graphs[other])
    planned = time.perf_counter()
    before = _difference(parent, child, members.inputs)
    begun = time.perf_counter()
    apply(plan, copy.deepcopy(parent).double().state_dict(), child)
    applied = time.perf_counter()
    after = _difference(parent, child, members.inputs)
    shares = _shares(plan)
    certificate = plan.certificate
    return Row(
        entry.name,
        entry.library,
        entry.family,
        entry.change,
        direction,
        is_exact=certificate.is_exact,
        is_exact_in_training=certificate.is_exact_in_training,
        reason=certificate.reason,
        training_reason=certificate.training_reason,
        share_exact=shares["exact"],
        share_approximate=shares["approximate"],
        share_fresh=shares["fresh"],
        coverage=certificate.coverage,
        num_parent=sum(parameter.numel() for parameter in parent.parameters()),
        num_child=sum(parameter.numel() for parameter in child.parameters()),
        num_nodes=len(members.graphs[other].nodes),
        error=after.in_eval_relative,
        error_in_training=after.in_training_relative,
        error_before=before.in_eval_relative,
        trace_seconds=members.trace_seconds,
        plan_seconds=planned - start,
        apply_seconds=applied - begun,
    )


def disturbed(module: nn.Module) -> nn.Module:
    """Move weights and statistics away from where they begin, so that nothing is zero or one by chance."""
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0)
            elif isinstance(tensor, nn.Parameter) or name.endswith("running_mean"):
                tensor.add_(0.1 * torch.randn_like(tensor))
    return module


def _shares(plan: TransferPlan) -> dict[str, float]:
    """Which part of the child's parameters is exact, approximate and fresh, by the tensors' verdicts."""
    counts = {"exact": 0, "approximate": 0, "fresh": 0}
    for step in plan.steps:
        if step.is_parameter:
            size = torch.Size(step.shape).numel()
            counts[str(plan.certificate.tensors[step.tensor].verdict.value)] += size
    total = max(sum(counts.values()), 1)
    return {verdict: count / total for verdict, count in counts.items()}


def _difference(parent: nn.Module, child: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Difference:
    with _AllInFloat64():
        theirs = outputs_of(parent, inputs, dtype=torch.float64)
        return measure_difference(theirs, child, inputs, dtype=torch.float64)


class _AllInFloat64(TorchFunctionMode):
    """Casts to float32 inside a model go to float64: they would hide what is smaller than 1e-7."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        if func is torch.Tensor.float:
            func = torch.ops.aten.to.dtype
            args = (*args, torch.float64)
        wide = {torch.float32: torch.float64}
        args = tuple(wide.get(arg, arg) if isinstance(arg, torch.dtype) else arg for arg in args)
        named = {
            name: wide.get(value, value) if isinstance(value, torch.dtype) else value
            for name, value in (kwargs or {}).items()
        }
        return func(*args, **named)
