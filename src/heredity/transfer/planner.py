"""From two graphs to a plan: align, find the structure, choose, prove, and write down what follows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from heredity.graph import alike_in_batch
from heredity.transfer.passes.align import alignments
from heredity.transfer.passes.choose import Growth, choose
from heredity.transfer.passes.outcome import demands_of_outputs, why_not_alike, why_not_exact
from heredity.transfer.passes.repair import solve_with_repairs
from heredity.transfer.passes.structure import axis_atoms
from heredity.transfer.passes.verdicts import judge
from heredity.transfer.plans.certificate import Certificate
from heredity.transfer.plans.plan import TransferPlan, coverage_of

if TYPE_CHECKING:
    from heredity.graph import Graph
    from heredity.transfer.passes.align import Alignment
    from heredity.transfer.passes.choose import AxisMaps, Keep

NOISE = 0.5
"""How much noise parts copies, as a share of the standard deviation of the parent's tensor."""


def plan_transfer(  # what a plan is decided by
    parent: Graph,
    child: Graph,
    *,
    growth: Growth = "fresh",
    keep: Keep | None = None,
    noise: float = NOISE,
    seed: int = 0,
) -> TransferPlan:
    """Plan how a child inherits from a parent. Needs the graphs only, so that many parents can be tried.

    Args:
        parent: The parent's graph.
        child: The child's graph, traced with inputs of the same shapes (`example_inputs_like`).
        growth: Where more than one way is exact: new units are ``"fresh"`` (their own random weights, which
            nobody reads yet) or each a ``"copy"`` of an old one.
        keep: Decides which entries a narrower child keeps, as `by_importance` does; None for the first ones.
        noise: How much noise parts copies, as a share of the standard deviation of the parent's tensor. It
            lies where it changes nothing of what the child computes.
        seed: Which random numbers.

    Returns:
        The plan, with the certificate of what it preserves.
    """
    parent, child = alike_in_batch(parent, child)
    best: TransferPlan | None = None
    for alignment in alignments(parent, child):
        atoms = axis_atoms(parent, child, alignment)
        kept = None if keep is None else keep(parent, child, alignment, atoms)
        maps = choose(atoms, growth=growth, kept=kept)
        plan = plan_with(parent, child, alignment=alignment, maps=maps, noise=noise, seed=seed)
        if plan.certificate.is_exact:
            return plan
        if best is None or plan.certificate.coverage > best.certificate.coverage:
            best = plan
    assert best is not None  # noqa: S101  # there is always an alignment
    return best


def plan_with(  # what a plan is made of
    parent: Graph,
    child: Graph,
    *,
    alignment: Alignment,
    maps: AxisMaps,
    noise: float = NOISE,
    seed: int = 0,
) -> TransferPlan:
    """Plan by a given alignment and given maps, of which nothing is believed before it is proven.

    Args:
        parent: The parent's graph.
        child: The child's graph.
        alignment: Which operator stands for which.
        maps: Which entries each axis should take.
        noise: How much noise parts copies.
        seed: Which random numbers.
    """
    demands_of = partial(demands_of_outputs, parent, child)
    solution = solve_with_repairs(parent, child, alignment=alignment, maps=maps, demands_of=demands_of)
    judged = judge(parent, child, solution, noise=noise, seed=seed)
    steps = tuple(step for step, _ in judged.values())
    reason = why_not_exact(parent, child, solution)
    training_reason = reason or why_not_alike(parent, child, solution)
    certificate = Certificate(
        tensors={name: verdict for name, (_, verdict) in judged.items()},
        is_exact=not reason,
        is_exact_in_training=not training_reason,
        reason=reason,
        training_reason=training_reason,
        coverage=coverage_of(steps),
    )
    return TransferPlan(steps, certificate)
