"""What a proof demands is given to the operators that can give it, and the proof runs again.

Where scores of attention come out f times the parent's, or the outputs do because a tied head reads copies,
some layer before has to be multiplied by 1/f. Where something new is added to what is proven, the branch that
it comes from has to be zero. Which layer it is, is found by walking back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from heredity.transfer.passes.producers import producer_of, zeroable_before
from heredity.transfer.passes.solve import Solution, solve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heredity.graph import Graph
    from heredity.transfer.operators.call import Demand
    from heredity.transfer.operators.relation import Scales
    from heredity.transfer.passes.align import Alignment
    from heredity.transfer.passes.choose import AxisMaps

    DemandsOf = Callable[[Solution], Sequence[Demand]]

_MOST_RUNS = 24


def solve_with_repairs(
    parent: Graph, child: Graph, *, alignment: Alignment, maps: AxisMaps, demands_of: DemandsOf
) -> Solution:
    """Solve, and again with what was demanded, until nothing is demanded any more.

    Args:
        parent: The parent's graph.
        child: The child's graph.
        alignment: Which operator stands for which.
        maps: Which entries each axis should take.
        demands_of: What else a solution demands, of its outputs.
    """
    solution = solve(parent, child, alignment=alignment, maps=maps)
    for _ in range(_MOST_RUNS):
        zeroed = _zeroed(child, alignment, solution.to_be_zero)
        factors = _factors(child, [*solution.demands, *demands_of(solution)])
        if zeroed:
            alignment = _with_zeroed(child, alignment, zeroed)
        elif factors:
            maps = maps.times(factors)
        else:
            break
        solution = solve(parent, child, alignment=alignment, maps=maps)
    return solution


def _factors(child: Graph, demands: Sequence[Demand]) -> dict[str, Scales]:
    found: dict[str, Scales] = {}
    for demand in demands:
        producer = producer_of(child, demand.node)
        if producer is not None:
            node, entries, power = producer
            found.setdefault(node, np.where(entries, demand.factor ** (1 / power), 1.0))
    return found


def _zeroed(child: Graph, alignment: Alignment, names: Sequence[str]) -> set[str]:
    """The operators that make these values zero, unless the parent has them too."""
    found = {operator for name in names for operator in zeroable_before(child, name)}
    return {name for name in found if name not in alignment.partner} - alignment.zeroed


def _with_zeroed(child: Graph, alignment: Alignment, zeroed: set[str]) -> Alignment:
    """The alignment with more zeros; what only they read need not be the identity any more."""
    branch = set(zeroed)
    for node in reversed(child.nodes):
        users = child.users[node.name]
        if users and branch.issuperset(users) and node.name not in alignment.partner:
            branch.add(node.name)
    return replace(alignment, zeroed=alignment.zeroed | zeroed, identities=alignment.identities - branch)
