"""The plan by which a network inherits its part of a supernet, proven by the transfer's own rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from heredity.errors import UntraceableModule
from heredity.oneshot.deriving.folding import Ranges, fold
from heredity.oneshot.selection import selecting
from heredity.oneshot.walking import Architecture, selection_of
from heredity.transfer import (
    AxisMap,
    Certificate,
    How,
    Step,
    TensorVerdict,
    TransferPlan,
    Verdict,
    plan_transfer,
    trace,
)
from heredity.transfer.plans.plan import coverage_of

if TYPE_CHECKING:
    from heredity.graph import Graph
    from heredity.oneshot.freezing import Frozen
    from heredity.transfer import Inputs


def supernet_graph(supernet: torch.nn.Module, architecture: Architecture, inputs: Inputs) -> Graph:
    """Record what a supernet runs of an architecture.

    Raises:
        UntraceableModule: It cannot be recorded.
        InputError: The architecture is none of the supernet's.
    """
    with selecting(selection_of(supernet, architecture)):
        return trace(supernet, inputs)


def plan_between(graph: Graph, child: torch.nn.Module, inputs: Inputs) -> TransferPlan:
    """Plan how a child inherits from what a supernet runs; its sources are the supernet's own tensors.

    Raises:
        UntraceableModule: The child cannot be recorded.
    """
    folded, parts = fold(graph)
    plan = plan_transfer(folded, trace(child, inputs))
    shapes = {node.tensor: node.shape or () for node in graph.nodes if node.tensor}
    return replace(plan, steps=tuple(_whole(step, parts, shapes) for step in plan.steps))


def plan_by_origins(frozen: Frozen, error: UntraceableModule) -> TransferPlan:
    """The plan where nothing can be recorded: the tensors that were copied, of which nothing is proven."""
    parameters = {name for name, _ in frozen.module.named_parameters(remove_duplicate=False)}
    reason = f"copied from the supernet, and not proven, since it cannot be recorded: {error.message}"
    steps = []
    for name, tensor in frozen.module.state_dict().items():
        source, origin = frozen.origins[name]
        size = tuple(origin.tensor.shape)
        ranges = tuple(each.indices(n)[:2] for each, n in zip(origin.slices, size, strict=False))
        copied = Step(name, tuple(tensor.shape), How.COPY, source, size, is_parameter=name in parameters)
        steps.append(_whole(replace(copied, source=name), {name: (source, ranges)}, {source: size}))
    verdicts = {step.tensor: TensorVerdict(Verdict.APPROXIMATE, reason) for step in steps}
    coverage = coverage_of(tuple(steps))
    certificate = Certificate(
        verdicts,
        is_exact=False,
        is_exact_in_training=False,
        reason=reason,
        training_reason=reason,
        coverage=coverage,
    )
    return TransferPlan(tuple(steps), certificate)


def _whole(
    step: Step, parts: Mapping[str, tuple[str, Ranges]], shapes: Mapping[str, tuple[int, ...]]
) -> Step:
    """A step from a part, as one from the whole tensor."""
    if step.source not in parts:
        return step
    tensor, ranges = parts[step.source]
    shape = shapes[tensor]
    if all(each == (0, size) for each, size in zip(ranges, shape, strict=False)) and step.how is How.COPY:
        return replace(step, source=tensor, source_shape=shape)
    axes = step.axes or tuple(AxisMap(tuple(range(end - begin))) for begin, end in ranges)
    moved = tuple(
        replace(axis, sources=tuple(one + begin if one >= 0 else one for one in axis.sources))
        for axis, (begin, _) in zip(axes, ranges, strict=True)
    )
    return replace(
        step,
        how=How.GATHER if step.how is How.COPY else step.how,
        source=tensor,
        source_shape=shape,
        axes=moved,
    )
