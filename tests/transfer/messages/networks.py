"""Small networks for what a rule refuses: around one function, or made of parts by their sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from tests.transfer.test_rules import FEATURES, Net, doubted
from torch import nn

from heredity.graph import Graph
from heredity.transfer import TransferPlan, trace
from heredity.transfer.operators.atoms import Place
from heredity.transfer.operators.relation import AxisRelation, gather
from heredity.transfer.passes.align import Alignment, alignments
from heredity.transfer.passes.choose import choose
from heredity.transfer.passes.structure import axis_atoms
from heredity.transfer.planner import plan_with

Function = Callable[[torch.Tensor], torch.Tensor]
Run = Callable[[Net, torch.Tensor], object]
Parts = dict[str, nn.Module | torch.Tensor]
Case = Callable[[], TransferPlan]


def told(plan: TransferPlan) -> str:
    """All reasons of a plan, a line each."""
    certificate = plan.certificate
    verdicts = (verdict.reason for verdict in certificate.tensors.values())
    return "\n".join([certificate.reason, certificate.training_reason, *verdicts])


def parts(**given: tuple[int, int] | nn.Module | torch.Tensor) -> Parts:
    """The parts of a network; two numbers are a linear layer."""
    return {name: nn.Linear(*part) if isinstance(part, tuple) else part for name, part in given.items()}


def entries(*indices: int, of: int = 3, scales: Sequence[float] | None = None) -> AxisRelation:
    """Which of a parent's entries a child's are, times what."""
    return gather(list(indices), num_parent=of, scales=scales)


def grown(
    function: Function,
    *,
    in_child: Function | None = None,
    sizes: tuple[int, int] = (3, 4),
    of: AxisRelation | None = None,
    factors: Mapping[str, Sequence[float]] | None = None,
    x: torch.Tensor = FEATURES,
) -> TransferPlan:
    """A plan for networks around a function, whose operand has these sizes and comes of these entries."""

    def make(size: int, run: Function) -> Net:
        num_read = run(torch.randn(*x.shape[:-1], size, dtype=x.dtype)).shape[-1]
        return Net(lambda net, x: net.l1(run(net.l0(x))), **parts(l0=(x.shape[-1], size), l1=(num_read, 2)))

    father, child = make(sizes[0], function), make(sizes[1], in_child or function)
    maps = {} if of is None else {("linear.0", x.dim() - 1): of}
    return doubted(father, child, x, maps=maps, factors=factors)


def made(
    run: Run,
    build: Callable[[int], Parts],
    *,
    in_child: Run | None = None,
    sizes: tuple[int, int] = (3, 4),
    maps: Mapping[Place, AxisRelation] | None = None,
    factors: Mapping[str, Sequence[float]] | None = None,
    x: torch.Tensor = FEATURES,
) -> TransferPlan:
    """A plan for two networks that run alike and are built by their size."""
    father, child = Net(run, **build(sizes[0])), Net(in_child or run, **build(sizes[1]))  # type: ignore[arg-type]  # they may return several tensors
    return doubted(father, child, x, maps=maps, factors=factors)


def deepened(
    father: Run, child: Run, build: Callable[[], Parts], **more: nn.Module | torch.Tensor
) -> TransferPlan:
    """A plan for a child that has more parts, and runs otherwise."""
    return doubted(Net(father, **build()), Net(child, **build(), **more))  # type: ignore[arg-type]  # as above


def aligned(
    father: nn.Module,
    child: nn.Module,
    x: torch.Tensor,
    *,
    change: Callable[[Alignment], Alignment],
) -> TransferPlan:
    """A plan by another alignment than the usual one."""
    graphs: tuple[Graph, Graph] = trace(father, (x,)), trace(child, (x,))
    alignment = change(next(iter(alignments(*graphs))))
    maps = choose(axis_atoms(*graphs, alignment), growth="copy")
    return plan_with(*graphs, alignment=alignment, maps=maps)


def with_partners_swapped(one: str, other: str) -> Callable[[Alignment], Alignment]:
    """Each of two operators of the child gets the other's partner."""

    def swap(usual: Alignment) -> Alignment:
        partner = {**usual.partner, one: usual.partner[other], other: usual.partner[one]}
        return replace(usual, partner=partner)

    return swap
