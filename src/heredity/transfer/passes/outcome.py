"""Whether a child's outputs are proven to be its parent's, and what keeps them from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.graph import Graph, origin
from heredity.transfer.operators.call import Demand
from heredity.transfer.operators.relation import (
    AxisRelation,
    Junk,
    Related,
    Several,
    Value,
    Zero,
    total_factor,
)

if TYPE_CHECKING:
    from heredity.transfer.passes.solve import Solution


def demands_of_outputs(parent: Graph, child: Graph, solution: Solution) -> list[Demand]:
    """The factors that outputs lack which are the parent's but for one."""
    demands = []
    for ours, theirs in zip(child.outputs, parent.outputs, strict=False):
        value = solution.values[ours]
        if not isinstance(value, Related) or value.taint or value.parent != origin(parent, theirs):
            continue
        factor = total_factor(value.axes)
        if factor > 0 and factor != 1 and all(axis.unscaled().is_identity for axis in value.axes):
            demands.append(Demand(origin(child, ours), 1 / factor))
    return demands


def why_not_exact(parent: Graph, child: Graph, solution: Solution) -> str:
    """The first output that is not proven to be the parent's, and why; empty if there is none."""
    if len(parent.outputs) != len(child.outputs):
        return f"{len(child.outputs)} outputs, in the parent {len(parent.outputs)}"
    if child.nodes[-1].arguments.get("keys") != parent.nodes[-1].arguments.get("keys"):
        return "the outputs have other keys than the parent's"
    for number, (ours, theirs) in enumerate(zip(child.outputs, parent.outputs, strict=True)):
        problem = _problem_of(solution.values[ours], expected=origin(parent, theirs))
        if problem:
            return f"output {number}: {problem}"
    return ""


def why_not_alike(parent: Graph, child: Graph, solution: Solution) -> str:
    """Why nothing is proven of train mode although it is of eval mode; empty if it is."""
    for who, graph in (("the parent", parent), ("the child", child)):
        if not graph.is_alike_in_training:
            return f"{who} runs other operators in train mode, or its train mode could not be traced"
    for ours in child.outputs:
        value = solution.values[ours]
        if isinstance(value, Related | Several) and value.training_taint:
            return value.training_taint
    theirs_rates, our_rates = _dropout_rates(parent), _dropout_rates(child)
    if theirs_rates != our_rates:
        return f"dropout rates are {_listed(our_rates)}, in the parent {_listed(theirs_rates)}"
    return ""


def _problem_of(value: Value, *, expected: str) -> str:
    """Why a value is not proven to be the value of a node of the parent; empty if it is."""
    if isinstance(value, Junk):
        return value.reason
    if isinstance(value, Zero):
        return "it is zero"
    if value.parent != expected:
        return f"it is the parent's {value.parent}, not {expected}"
    if isinstance(value, Several):
        return value.taint or "it is a list of tensors"
    return value.taint or _why_not_identity(value.axes)


def _why_not_identity(axes: tuple[AxisRelation, ...]) -> str:
    """Name the entries that are still the parent's, along the first axis that differs."""
    for number, axis in enumerate(axes):
        if not axis.is_identity:
            same = [i for i, (g, s) in enumerate(zip(axis.g, axis.s, strict=True)) if g == i and s == 1]
            which = f"entries {_ranges(same)}" if same else "no entries"
            return f"of {len(axis)} along axis {number}, {which} are the parent's"
    return ""


def _ranges(numbers: list[int]) -> str:
    """Write increasing numbers as ranges: 0-9, 12."""
    known = set(numbers)
    starts = [i for i in numbers if i - 1 not in known]
    ends = [i for i in numbers if i + 1 not in known]
    parts = [f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True)]
    return ", ".join(parts)


def _dropout_rates(graph: Graph) -> set[float]:
    """The rates at which a network drops out; masks are left aside, but not how much they hide."""
    rates = {node.arguments.get("p") for node in graph.calls if "dropout" in node.target}
    return set(graph.dropout_rates) | {
        float(rate) for rate in rates if isinstance(rate, int | float) and rate
    }


def _listed(rates: set[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in sorted(rates)) or "none"
